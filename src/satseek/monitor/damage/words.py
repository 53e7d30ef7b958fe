"""A language → the texts of assessments and claim sheets. Knows nothing of what was found."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any, Final

from satseek.monitor.damage.report_words import REPORT_TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.damage.assessment import ParcelDamage
    from satseek.monitor.damage.grading import Light, Reason
    from satseek.monitor.reports.report import Language

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # reasons
    "affected": (
        "{share:.0%} of the area seen is affected: {grade}",
        "已观测面积的 {share:.0%} 受灾：{grade}",
    ),
    "could_be": (
        "the {hidden:.0%} not seen could make it anything from {low} to {high}",
        "未观测的 {hidden:.0%} 可能使其为 {low} 至 {high} 之间的任何等级",
    ),
    "alike": (
        (
            "{count} neighbours that are not affected changed by {neighbours:+.0%}, this parcel by "
            "{own:+.0%}"
        ),
        "{count} 个未受灾的邻近地块变化 {neighbours:+.0%}，本地块变化 {own:+.0%}",
    ),
    "unseen": (
        (
            "{when}: {seen} of the parcel seen, expected {least:.0%} ({clouded:.0%} under cloud, "
            "{missing:.0%} without imagery)"
        ),
        (
            "{when}：仅观测到地块的 {seen}，要求 {least:.0%}（云遮 {clouded:.0%}，无影像 "
            "{missing:.0%}）"
        ),
    ),
    "apart_clouds": (
        "{judged} of the parcel seen both before and after, expected {least:.0%}",
        "前后两期均观测到的仅占地块的 {judged}，要求 {least:.0%}",
    ),
    "small": (
        "parcel of {cells:.2f} cells, expected {least:g} or more",
        "地块仅为 {cells:.2f} 个单元大小，要求不少于 {least:g} 个",
    ),
    "undated": (
        "the imagery tells no date, so that no gap between before and after can be ruled out",
        "影像没有日期，无法排除前后间隔过长",
    ),
    "reversed": (
        "imagery after ({last}) is older than imagery before ({first})",
        "灾后影像（{last}）早于灾前影像（{first}）",
    ),
    "apart": (
        "{days} days between {first} and {last}, expected {most} at most",
        "{first} 与 {last} 相隔 {days} 天，要求不超过 {most} 天",
    ),
    "older": (
        "imagery of {last} is older than the event of {event}",
        "{last} 的影像早于 {event} 的灾害",
    ),
    "newer": (
        "imagery before, of {first}, is newer than the event of {event}",
        "灾前影像（{first}）晚于 {event} 的灾害",
    ),
    "late": (
        "imagery {days} days after the event, expected {most} at most",
        "影像在灾后 {days} 天拍摄，要求不超过 {most} 天",
    ),
    # words
    "before": ("before", "灾前"),
    "after": ("after", "灾后"),
    "red": ("red", "红"),
    "amber": ("amber", "黄"),
    "green": ("green", "绿"),
    "insufficient evidence": ("insufficient evidence", "证据不足"),
    "light_red": ("loss", "有损失"),
    "light_amber": ("in doubt: look at it", "存疑：需人工核查"),
    "light_green": ("no sign of loss", "未见损失"),
    "light_insufficient evidence": ("imagery cannot tell", "影像无法判定"),
    "task_red": ("check of a loss", "核对损失"),
    "task_amber": ("in doubt: settle on the spot", "存疑：现场核定"),
    "task_green": ("check that there is none", "核对确无损失"),
    "task_insufficient evidence": (
        "imagery cannot tell: assess on the spot",
        "影像无法判定：现场定损",
    ),
    **REPORT_TEXTS,
}

_MISSED: Final = frozenset({"seen", "judged"})
"""Values of reasons that are shares below what was asked for."""

_GRADES: Final = frozenset({"grade", "low", "high"})
"""Values of reasons that are names of grades."""


def text(name: str, language: Language = "en", /, **values: object) -> str:
    """Give a text in a language, its places filled."""
    english, chinese = _TEXTS[name]
    return (chinese if language == "zh" else english).format(**values)


def told(reason: Reason, language: Language = "en") -> str:
    """Say a reason in a language."""
    values = dict(reason.values)
    if "when" in values:
        values["when"] = text(str(values["when"]), language)
    for name in _MISSED.intersection(values):
        values[name] = _below(values[name], values["least"])
    for name in _GRADES.intersection(values):
        values[name] = grade_name(str(values[name]), language)
    return text(reason.name, language, **values)


def _below(share: Any, least: Any) -> str:
    """Write a share so that it does not look like the one that it has missed."""
    whole = f"{share:.0%}"
    return whole if whole != f"{least:.0%}" else f"{floor(1000 * share) / 1000:.1%}"


def grade_name(name: str, language: Language = "en") -> str:
    """Name a grade: one of the usual table in a language, a company's own as it was written."""
    known = f"grade_{name}"
    return text(known, language) if known in _TEXTS else name


def why(damage: ParcelDamage, language: Language = "en") -> str:
    """Say all reasons of a parcel on one line."""
    between = "；" if language == "zh" else "; "
    return between.join(told(reason, language) for reason in damage.reasons)


def light_meaning(light: Light, language: Language = "en") -> str:
    """Say what a light stands for, in a few words."""
    return text(f"light_{light}", language)


def hectares(area_ha: float) -> str:
    """Write hectares as people read them: a digit where there are few."""
    return f"{area_ha:,.0f}" if area_ha >= 100 else f"{area_ha:,.1f}"  # noqa: PLR2004
