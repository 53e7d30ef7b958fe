"""A language → the texts of what a report says of a watch. Knows nothing of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.monitor.reports.report import Language

_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Watch {name}: {label}", "监测任务 {name}：{label}"),
    "asked": ("What is watched for, and when it is an alert", "监测内容与报警条件"),
    "label": ("called", "名称"),
    "prompts": ("words for it", "描述词"),
    "negatives": ("words for what is mistaken for it", "易混淆词"),
    "saved": ("saved concept", "已存概念"),
    "chips": ("chips that show it, or do not", "示例影像块（是／否）"),
    "point": ("operating point", "工作点"),
    "background_quantile": (
        "{value:g} of the ground as it was at first lies below the cut",
        "监测初期 {value:g} 的地面低于阈值",
    ),
    "precision": (
        "precision of {value:g}, learnt from answers",
        "准确率 {value:g}，由核实结果学得",
    ),
    "recall": ("recall of {value:g}, learnt from answers", "召回率 {value:g}，由核实结果学得"),
    "grow": ("cells beside a seed, from", "邻接单元阈值"),
    "quantile": ("background quantile {value:g}", "背景分位数 {value:g}"),
    "persistence": ("seen on", "可见期数"),
    "persisting": ("{seen} of the latest {of} dates", "最近 {of} 期中的 {seen} 期"),
    "persisting_once": ("the latest date", "最近一期"),
    "unit": ("minimum mapping unit", "最小图斑"),
    "units": ("cells: {cells}; ha: {area:g}", "单元 {cells} 个；{area:g} 公顷"),
    "existing": ("what was there at first", "监测前已有的"),
    "known": ("no alert; at first is {since}", "不报警；起始为{since}"),
    "alert": ("an alert, too; at first is {since}", "同样报警；起始为{since}"),
    "on_day": ("{day} or before", " {day} 或更早"),
    "first_look": ("the first date on which a place was seen", "每处的首次观测"),
    "permits": ("permits", "许可范围"),
    "given": ("given, polygons: {count}", "已提供：{count} 个图斑"),
    "not_given": ("none given: nothing is flagged as outside", "未提供：不标注许可范围外"),
    "cut": ("Where the cut lay, and what to expect of it", "最近一次运行的阈值与预期"),
    "run_at": ("latest run", "最近运行"),
    "days": ("dates looked at", "观测日期"),
    "background": ("cells it was drawn from", "阈值所依据的单元数"),
    "answers": ("answers it has learnt from", "已学习的核实结果"),
    "answered": ("{right} confirmed, {wrong} rejected", "确认 {right}，排除 {wrong}"),
    "expected_precision": (
        "share of alerts that are right, of those answered",
        "已核实报警中的正确比例",
    ),
    "expected_recall": ("share of confirmed places above the cut", "已确认地点中高于阈值的比例"),
    "interval": (
        "{share:.0%} ({low:.0%} to {high:.0%}, 95 %)",
        "{share:.0%}（95 % 区间 {low:.0%}–{high:.0%}）",
    ),
    "none": ("not known yet: nobody has answered", "尚无核实结果"),
    "never_ran": (
        (
            "Run the watch (`satseek watch run {name}`): it has not looked at anything yet. That "
            "there is no alert tells nothing about the ground."
        ),
        "请先运行该监测（`satseek watch run {name}`）：尚未观测影像，没有报警不代表没有变化。",
    ),
    "nothing_told": (
        (
            "There is nothing to do: no new site on {count} dates from {first} to {last}. Keep "
            "this report with your records; the next scenes are looked at by the schedule, or by "
            "`satseek watch run {name}`."
        ),
        (
            "无需处理：{first} 至 {last} 共 {count} 期未发现新的地点。请将本报告存档；后续影像按"
            "计划监测，或运行 `satseek watch run {name}`。"
        ),
    ),
    "no_run": (
        "It has not been run yet: `satseek watch run {name}`.",
        "尚未运行：`satseek watch run {name}`。",
    ),
    "held": ("Measured on ground that was held out", "在留出地块上的检验"),
    "held_text": (
        (
            "The ground was divided into {folds} parts of whole blocks. Each was judged by a probe "
            "and a cut learnt from the other parts, on {days}."
        ),
        "将地面按整块分为 {folds} 份，每份由其余部分学得的探针与阈值判定，日期 {days}。",
    ),
    "sensitivity": ("sensitivity", "灵敏度"),
    "specificity": ("specificity", "特异度"),
    "alerts_by_area": ("alerts per 1,000 km² and date", "每期每千平方公里报警数"),
    "counted": (
        "{right} cells that show it, {wrong} that do not",
        "是 {right} 个单元，否 {wrong} 个",
    ),
    "area": ("ground judged", "检验面积"),
    "km2": ("{value:,.1f} km²", "{value:,.1f} 平方公里"),
    "seed_cut": ("score from which a cell begins a site", "起始单元得分阈值"),
    "grow_cut": ("score from which its neighbours belong to it", "相邻单元得分阈值"),
    "score": ("{value:.3f}", "{value:.3f}"),
    "limit_unheld": (
        (
            "How many sites the watch misses is not known: it is measured by `satseek watch report "
            "{name} --truth FILE`, on ground where somebody has mapped them."
        ),
        "漏报率未知：请用 `satseek watch report {name} --truth FILE` 在已有实测图的地块上检验。",
    ),
    "limit_outlines": (
        (
            "An outline is made of the whole cells that show the site; the site itself may be "
            "smaller than they are, or reach beyond them."
        ),
        "轮廓由显示该地点的完整单元组成；地点的实际范围可能更小，也可能超出。",
    ),
    "limit_first": (
        "What was there at the first look is not told, and neither is what looks like it did then.",
        "首次观测时已存在的，或外观未变的，不会报警。",
    ),
    "limit_undated": (
        "{count} chips have no date and were not looked at.",
        "{count} 个影像块没有日期，未参与监测。",
    ),
}


def text(key: str, language: Language, **values: object) -> str:
    """Give a text in a language, with its values."""
    return _TEXTS[key][0 if language == "en" else 1].format(**values)
