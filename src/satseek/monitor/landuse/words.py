"""A language → the texts of a land-use report. Knows nothing of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.model.prompts import NONE_OF_THESE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.reports.report import Language

_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Land use: {place}", "土地利用监测：{place}"),
    "title_plain": ("Land use", "土地利用监测"),
    "subtitle_one": ("{date} · {labels}", "{date} · {labels}"),
    "subtitle": (
        "{first} to {last}, {dates} dates · {labels}",
        "{first} 至 {last}，共 {dates} 期 · {labels}",
    ),
    "next_none": (
        "Nothing changed its use between {first} and {last} by the rules of this report. {areas}",
        "按本报告的规则，{first} 至 {last} 期间没有地块改变用途。{areas}",
    ),
    "next_one": (
        "This is the state of {first}; changes can be told from a second date on. {areas}",
        "本报告给出 {first} 的现状；有第二期影像后才能判断变化。{areas}",
    ),
    "areas_counted": (
        (
            "Before you rely on the areas, draw a sample and label it (`satseek landuse sample`): "
            "areas counted from a map carry the map's mistakes."
        ),
        (
            "引用面积之前，请先抽样核查（`satseek landuse sample`）："
            "从图上直接统计的面积含有分类误差。"
        ),
    ),
    "areas_estimated": (
        (
            "A sample of the map was judged: quote the estimated areas with their intervals "
            "(“{section}”), not those counted from the map."
        ),
        "已有人工判读样本：请引用“{section}”中带区间的估计面积，而不是直接从图上统计的面积。",
    ),
    "next": (
        (
            "Look at the places that changed their use ({count}, {area} ha in all), beginning with "
            "the largest: compare both images below, then confirm or reject each one "
            "(`satseek findings next --kind landuse --source {source}`). Only confirmed places "
            "should go into a plan or a notice; where the images do not settle it, send somebody."
        ),
        (
            "请核查下列 {count} 处用途发生变化的地块，合计 {area} 公顷，从面积最大的开始："
            "对比前后影像，"
            "逐一确认或排除（`satseek findings next --kind landuse --source {source}`）。"
            "只有经确认的地块才能写入规划或通知；影像无法判定的，请派人实地核查。"
        ),
    ),
    "action": (
        "{change}: {area} ha at {place}, first seen {date} (no. {number} on the map).",
        "{change}：{area} 公顷，位于 {place}，首次见于 {date}（图上第 {number} 处）。",
    ),
    "limit_counted": (
        (
            "Areas are counted from the map and carry its mistakes. Error-adjusted areas with "
            "confidence intervals take a labelled sample: `satseek landuse sample`."
        ),
        (
            "面积由分类图直接统计，含有分类误差。带置信区间的误差校正面积需要抽样标注："
            "`satseek landuse sample`。"
        ),
    ),
    "limit_cells": (
        (
            "A cell of {edge} is one class: the one that fits best. What is smaller than a cell is "
            "not told."
        ),
        "每个 {edge} 的格网单元只记为最符合的一类；小于一个单元的地物不单独记录。",
    ),
    "limit_unseen": (
        "On {date} only {share} of the ground was seen; areas of that date are of what was seen.",
        "{date} 仅观测到 {share} 的区域；该期面积只针对已观测部分。",
    ),
    "limit_groundless": (
        "{count} chips without georeference are in the table of images alone, in no area.",
        "{count} 个无地理参考的影像块只列入影像表，不计入任何面积。",
    ),
    "limit_not_compared": (
        (
            "{count} changes rest on labels alone: their pair of scenes has too few cells to tell "
            "how "
            "much unchanged ground differs."
        ),
        "{count} 处变化仅依据分类结果：其前后影像的单元过少，无法判断未变化地面的正常差异。",
    ),
    "changed": ("changed its use", "用途改变"),
    "changed_note": (
        "{share} of {total} ha that both dates saw",
        "占前后两期均观测到的 {total} 公顷的 {share}",
    ),
    "largest": ("largest change", "最大变化"),
    "places": ("places to look at", "待核查地块"),
    "ground": ("ground seen", "观测面积"),
    "ground_note": ("on {date}", "{date}"),
    "areas": ("Areas by class", "各类面积"),
    "areas_table": (
        "Hectares by date, and share of what was seen then",
        "各期面积（公顷）及占当期观测面积的比例",
    ),
    "class": ("class", "地类"),
    "area": ("area (ha)", "面积（公顷）"),
    "share": ("share", "比例"),
    "sum": ("all", "合计"),
    "chart": ("Share of each class over time", "各类比例随时间的变化"),
    "chart_alt": (
        "Share of each class of the ground seen, by date; {grown} grew most, by {by} points.",
        "各期各类占观测面积的比例；{grown} 增加最多，增加 {by} 个百分点。",
    ),
    "chart_alt_flat": (
        "Share of each class of the ground seen, by date; none of them grew.",
        "各期各类占观测面积的比例；没有一类增加。",
    ),
    "maps": ("Maps", "分类图"),
    "map": ("Land use on {date}", "{date} 土地利用"),
    "map_alt": (
        "Class map of {date}; the largest classes are {largest}.",
        "{date} 分类图；面积最大的类别为 {largest}。",
    ),
    "changes": ("What changed", "变化情况"),
    "matrix": (
        "From {before} (rows) to {after} (columns), hectares of ground that both dates saw",
        "{before}（行）至 {after}（列）的转移，公顷，仅统计两期均观测到的区域",
    ),
    "from_to": ("from ↓ to →", "由 ↓ 至 →"),
    "changes_map": ("Places that changed their use", "用途改变的地块"),
    "changes_alt": (
        "{count} outlines of places that changed, numbered as below.",
        "{count} 处变化地块的轮廓，编号与下文一致。",
    ),
    "no_change": ("No place changed its use.", "没有地块改变用途。"),
    "pairs": ("Before and after", "前后对比"),
    "more": (
        "{count} smaller places are not shown here; all of them are in changes.geojson.",
        "另有 {count} 处较小的变化未在此列出；全部见 changes.geojson。",
    ),
    "pair": ("{number}. {change}", "{number}. {change}"),
    "place": ("place", "位置"),
    "first_seen": ("first seen", "首次见于"),
    "seen": ("seen on", "见于"),
    "dates": ("{count} of {later} dates since", "其后 {later} 期中的 {count} 期"),
    "percentile": ("change: percentile of unchanged ground", "变化：未变化地面的百分位"),
    "label_share": ("share of its label", "该类的份额"),
    "finding": ("finding", "核查编号"),
    "caption": ("{date} · {scene}", "{date} · {scene}"),
    "unknown_date": ("date unknown", "日期不详"),
    "image_alt": ("{side} of place {number}: {label}", "地块 {number} {side}：{label}"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "districts": ("By district", "分区统计"),
    "district": ("district", "区域"),
    "districts_table": ("Hectares by district on {date}", "{date} 各区面积（公顷）"),
    "district_note": (
        (
            "Cells on a border count on both sides by the ground that they share. “Seen” is the "
            "share "
            "of the district that was measured."
        ),
        "边界上的单元按其在两侧的面积分配。“观测”为该区已观测部分的比例。",
    ),
    "seen_share": ("seen", "观测"),
    "grown": ("Change from {before} to {after}, hectares", "{before} 至 {after} 的变化（公顷）"),
    "stickiness": ("chance of another label between two dates", "两期之间改变类别的先验概率"),
    "steepness": ("weight of the pair's change", "影像对变化的权重"),
    "even": (
        "percentile as frequent among changed ground as among unchanged",
        "变化与未变化地面出现机会相等的百分位",
    ),
    "origin_measured": ("measured on a made-up county", "在模拟县域上测定"),
    "seed": ("percentile that begins a patch", "变化斑块起始百分位"),
    "grow": ("percentile that continues a patch", "变化斑块延伸百分位"),
    "origin_background": (
        "of unchanged cells of the same pair of scenes",
        "相对于同一影像对中未变化的单元",
    ),
    "unit": ("minimum mapping unit", "最小上图单元"),
    "unit_value": ("cells: {cells}; ha: {ha}", "单元 {cells} 个；{ha} 公顷"),
    "persist": ("dates a new class must be seen on", "新类别须出现的期数"),
    "least_valid": ("least measured share of a cell", "单元最低有效观测比例"),
    "shift": ("taken for season and light", "视为季节与光照差异的方式"),
    "shift_fitted": ("what words can tell, fitted", "按文字可辨识部分拟合"),
    "shift_mean": ("the mean step", "平均差异"),
    "shift_none": ("nothing", "不扣除"),
    "turn_steepness": ("weight of the share that turned", "已转变比例的权重"),
    "turn_even": (
        "turned share as frequent among changed as among unchanged cells",
        "变化与未变化单元中同样常见的已转变比例",
    ),
    "least_of_best": (
        "least measured share, of the date that measured most",
        "相对观测最全一期的最低观测比例",
    ),
    "origin_usual": ("as usual", "默认值"),
    "origin_asked": ("as asked", "按要求"),
    "none": ("none of these", "其他"),
}


def text(name: str, language: Language, **values: object) -> str:
    """Give a text in a language, its places filled."""
    english, chinese = _TEXTS[name]
    return (chinese if language == "zh" else english).format(**values)


def class_names(labels: LabelSet, names: Sequence[str], language: Language) -> tuple[str, ...]:
    """Name classes in a language."""
    by_name = {label.name: label.called(language) for label in labels.labels}
    by_name[NONE_OF_THESE] = by_name.get(NONE_OF_THESE, text("none", language))
    return tuple(by_name.get(name, name) for name in names)


def hectares(area_ha: float) -> str:
    """Write hectares as people read them: whole ones from ten on."""
    return f"{area_ha:,.0f}" if area_ha >= 10 else f"{area_ha:,.2f}"  # noqa: PLR2004


def percent(share: float) -> str:
    """Write a share in percent, with a digit where it is small."""
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"  # noqa: PLR2004
