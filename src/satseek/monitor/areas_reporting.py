"""Accuracy and areas → a section of a report: tables, a chart, and what to be careful about.

Does not know how a report is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.export.areas import SQUARE_METRES
from satseek.monitor.reports.blocks import Chart, Column, Series, Table, Text
from satseek.monitor.reports.report import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.areas import AreaEstimates, LabelArea
    from satseek.monitor.areas_intervals import Estimate
    from satseek.monitor.reports.blocks import Cell
    from satseek.monitor.reports.report import Language

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Accuracy and honest areas",
        "class": "class",
        "map": "on the map (ha)",
        "area": "estimated (ha)",
        "error": "standard error (ha)",
        "low": "from (ha)",
        "high": "to (ha)",
        "users": "user's accuracy",
        "producers": "producer's accuracy",
        "areas": "Areas with their 95 % confidence intervals",
        "accuracy": "Accuracy of the map by class",
        "matrix": "Error matrix: rows as the map has it, columns as people judged it (places)",
        "mapped": "map ＼ judged",
        "all": "all",
        "chart": "Area of each class: on the map, and estimated",
        "method": (
            "Estimated from {judged} places that were drawn at random in {strata} strata and "
            "judged by people (Olofsson et al. 2014). Areas counted from a map carry its mistakes; "
            "these do not, and the truth lies between both ends in 95 of 100 such samples. Overall "
            "accuracy is {overall:.1%} ({low:.1%} to {high:.1%})."
        ),
        "from": "{low:.0%} to {high:.0%}",
        "estimated": "estimated",
        "alt": "Bars of hectares by class, estimated areas with their intervals: {classes}.",
        "is": "{label} {area:,.0f} ha ({low:,.0f} to {high:,.0f})",
    },
    "zh": {
        "title": "精度与校正面积",
        "class": "类别",
        "map": "图上面积（公顷）",
        "area": "估计面积（公顷）",
        "error": "标准误（公顷）",
        "low": "下限（公顷）",
        "high": "上限（公顷）",
        "users": "用户精度",
        "producers": "制图精度",
        "areas": "面积及其 95% 置信区间",
        "accuracy": "各类别的制图精度",
        "matrix": "误差矩阵：行为图上类别，列为人工判读类别（样本数）",
        "mapped": "图上 ＼ 判读",
        "all": "合计",
        "chart": "各类别面积：图上面积与估计面积",
        "method": (
            "根据在 {strata} 个分层中随机抽取并由人工判读的 {judged} 个样本估计（Olofsson 等，2014）。"
            "直接从图上统计的面积含有分类错误，校正面积则不含；在 100 次同样的抽样中，约有 95 次真值落在"
            "上下限之间。总体精度为 {overall:.1%}（{low:.1%} 至 {high:.1%}）。"
        ),
        "from": "{low:.0%} 至 {high:.0%}",
        "estimated": "估计",
        "alt": "各类别面积柱状图，估计面积带置信区间：{classes}。",
        "is": "{label} {area:,.0f} 公顷（{low:,.0f} 至 {high:,.0f}）",
    },
}


def areas_section(found: AreaEstimates, *, language: Language = "en") -> Section:
    """Lay out accuracies and areas as a section of a report.

    Args:
        found: What was estimated.
        language: Of its titles; notes are in English.
    """
    words = _WORDS[language]
    method = words["method"].format(
        judged=found.judged,
        strata=len(found.strata),
        overall=found.overall.value,
        low=found.overall.low,
        high=found.overall.high,
    )
    cautions = (Text(paragraphs=found.notes, tone="warning"),) if found.notes else ()
    return Section(
        title=words["title"],
        blocks=(
            Text(paragraphs=(method,)),
            *cautions,
            _areas(found, words),
            _chart(found, words),
            _accuracy(found, words),
            _matrix(found, words),
        ),
    )


def _areas(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    names = ("map", "area", "error", "low", "high")
    return Table(
        caption=words["areas"],
        columns=(
            Column(name=words["class"], weight=2.0),
            *(Column(name=words[name], kind="number", decimals=1) for name in names),
        ),
        rows=tuple(_area_row(one) for one in found.classes),
    )


def _area_row(one: LabelArea) -> tuple[Cell, ...]:
    area = one.area_m2.scaled(1 / SQUARE_METRES)
    mapped = None if one.mapped_m2 is None else one.mapped_m2 / SQUARE_METRES
    return one.label, mapped, area.value, area.standard_error, area.low, area.high


def _accuracy(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    def cells(estimate: Estimate | None) -> tuple[Cell, Cell]:
        if estimate is None:
            return None, None
        return estimate.value, words["from"].format(low=estimate.low, high=estimate.high)

    return Table(
        caption=words["accuracy"],
        columns=(
            Column(name=words["class"], weight=2.0),
            Column(name=words["users"], kind="share", decimals=1),
            Column(name="95 %"),
            Column(name=words["producers"], kind="share", decimals=1),
            Column(name="95 %"),
        ),
        rows=tuple((one.label, *cells(one.users), *cells(one.producers)) for one in found.classes),
    )


def _matrix(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    sums = [sum(column) for column in zip(*found.counts, strict=True)]
    return Table(
        caption=words["matrix"],
        columns=(
            Column(name=words["mapped"], weight=2.0),
            *(Column(name=label, kind="number") for label in (*found.labels, words["all"])),
        ),
        rows=tuple(
            (label, *row, sum(row))
            for label, row in zip(found.labels, found.counts, strict=True)
        ),
        total=(words["all"], *sums, sum(sums)),
    )


def _chart(found: AreaEstimates, words: Mapping[str, str]) -> Chart:
    areas = [one.area_m2.scaled(1 / SQUARE_METRES) for one in found.classes]
    said = [
        words["is"].format(label=one.label, area=area.value, low=area.low, high=area.high)
        for one, area in zip(found.classes, areas, strict=True)
    ]
    mapped = tuple(
        None if one.mapped_m2 is None else one.mapped_m2 / SQUARE_METRES for one in found.classes
    )
    estimated = Series(
        name=words["estimated"],
        values=tuple(one.value for one in areas),
        low=tuple(one.low for one in areas),
        high=tuple(one.high for one in areas),
    )
    on_map = Series(name=words["map"], values=mapped)
    return Chart(
        title=words["chart"],
        alt=words["alt"].format(classes="; ".join(said)),
        kind="bars",
        places=found.labels,
        series=(estimated,) if None in mapped else (on_map, estimated),
        unit="ha",
    )
