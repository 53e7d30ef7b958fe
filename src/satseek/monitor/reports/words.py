"""A language → the few words that every report has, and how figures and dates are written in it.

Knows nothing of any report's own texts: whoever builds a report writes those in its language.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from satseek.monitor.reports.blocks import Mark

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Cell, Column
    from satseek.monitor.reports.report import Language

NONE = "–"
"""What is not known."""

TAGS: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}
"""Languages as documents name them (BCP 47)."""

_WORDS: dict[str, tuple[str, str]] = {
    "next": ("What to do next", "下一步怎么做"),
    "limits": ("What this report cannot say", "本报告不能说明什么"),
    "contents": ("Contents", "目录"),
    "parts": ("parts: {count}", "共 {count} 节"),
    "skip": ("Skip to the report", "跳到正文"),
    "before": ("Before", "之前"),
    "after": ("After", "之后"),
    "gone": ("cannot be read any more", "已无法读取"),
    "unseen": ("nothing was seen", "无影像"),
    "legend": ("Legend", "图例"),
    "north": ("N", "北"),
    "unread": (
        "{count} or more of the scenes below could not be read: their ground is grey.",
        "底图中至少有 {count} 景影像无法读取，其范围显示为灰色。",
    ),
    "unlabelled": (
        "{count} numbers found no room on the map; the tables have them all.",
        "有 {count} 个编号在图上放不下；表格中列出全部编号。",
    ),
    "no_ground": (
        "Nothing of this lies on the ground: the imagery has no georeference.",
        "影像没有地理参考，无法成图。",
    ),
    "projection": (
        "Lambert azimuthal equal-area projection (WGS 84) centred on {place}; north is up.",
        "兰勃特等积方位投影（WGS 84），中心 {place}；上方为北。",
    ),
    "imagery": ("Imagery: {whose}", "影像：{whose}"),
    "figures": ("The figures", "数据"),
    "provenance": ("Where this comes from", "来源与依据"),
    "made": ("made", "生成时间"),
    "operator": ("by", "操作者"),
    "software": ("software", "软件"),
    "command": ("asked by", "命令"),
    "collection": ("collection", "影像集"),
    "model": ("model", "模型"),
    "recipe": ("recipe (samples → colours)", "显示方案（样本值 → 颜色）"),
    "grid": ("grid of cells", "格网"),
    "inputs_digest": ("SHA-256 of what went in", "输入的 SHA-256"),
    "report_digest": ("SHA-256 of what is said here", "本报告内容的 SHA-256"),
    "prompts": ("Words that were asked", "所用词语"),
    "label": ("label", "标签"),
    "prompt": ("prompts", "提示词"),
    "thresholds": ("Thresholds", "阈值"),
    "threshold": ("threshold", "阈值"),
    "value": ("value", "取值"),
    "origin": ("where it comes from", "由来"),
    "scenes": ("Scenes", "影像"),
    "scene": ("scene", "影像"),
    "date": ("date (UTC)", "日期（UTC）"),
    "digest": ("digest of the file", "文件摘要"),
    "role": ("role", "用途"),
    "digest_note": (
        (
            "The digest is of what this report says, its images included; when and by which "
            "command it was made does not count. The same report made again, as HTML or as PDF, "
            "carries the same one."
        ),
        (
            "摘要针对报告内容（含图像）计算，不含生成时间和命令；同一报告重新生成，不论 HTML "
            "还是 PDF，摘要相同。"
        ),
    ),
    "page": ("Page {page} of {pages}", "第 {page} 页，共 {pages} 页"),
    "place": ("at", "时间或名称"),
    "untyped": (
        "No font at hand has these characters, which stand as boxes: {signs}",
        "现有字体缺少以下字符，以方框代替：{signs}",
    ),
    "metres": ("m", "米"),
    "kilometres": ("km", "公里"),
}


def word(name: str, language: Language, **values: object) -> str:
    """Say something; ``values`` fill what stands in braces."""
    english, chinese = _WORDS[name]
    return (chinese if language == "zh" else english).format(**values)


def cell_text(cell: Cell, column: Column) -> str:
    """Write what stands in a table."""
    match cell:
        case None:
            return NONE
        case Mark():
            return cell.text
        case datetime():
            return day(cell)
        case bool() | str():
            return str(cell)
        case int() | float():
            return share(cell) if column.kind == "share" else number(cell, column.decimals)
    assert_never(cell)


def number(value: float, decimals: int) -> str:
    """Write a figure with separators of thousands; a dash for one that is none."""
    if value != value:  # noqa: PLR0124 - NaN
        return NONE
    return f"{value:,.{decimals}f}".replace("-", "−")


def share(value: float) -> str:
    """Write a share, 0–1, in percent."""
    return NONE if value != value else f"{100 * value:.0f}%"  # noqa: PLR0124 - NaN


def day(moment: datetime | None) -> str:
    """Write a date as ISO 8601 has it, in UTC."""
    if moment is None:
        return NONE
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{aware.astimezone(UTC):%Y-%m-%d}"


def minute(moment: datetime) -> str:
    """Write a moment to the minute, in its own zone."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname()}"


def place(lon: float, lat: float, *, decimals: int = 2) -> str:
    """Write a place in degrees, north or south first."""
    north, east = ("N" if lat >= 0 else "S"), ("E" if lon >= 0 else "W")
    return f"{abs(lat):.{decimals}f}° {north}, {abs(lon):.{decimals}f}° {east}"
