"""A language → the few words that a mail has.

Does not know what is told. Labels, names and comments stay as they were written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.monitor.delivery.channels import Language

_WORDS: dict[str, tuple[str, str]] = {
    "what": ("what", "内容"),
    "why": ("why", "原因"),
    "where": ("where", "位置"),
    "area": ("area", "面积"),
    "seen": ("seen", "影像日期"),
    "state": ("state", "状态"),
    "finding": ("finding", "编号"),
    "alert.new": ("new", "新发现"),
    "alert.updated": ("seen again", "再次发现"),
    "alert.state": ("decided", "处理进展"),
    "alert.test": ("test", "测试"),
    "new": ("new", "新"),
    "assigned": ("assigned", "已分派"),
    "confirmed": ("confirmed", "已确认"),
    "rejected": ("rejected", "已否定"),
    "closed": ("closed", "已关闭"),
    "outside-permit": ("outside-permit", "超出许可范围"),
    "withdrawn": ("withdrawn", "已撤回"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "ha": ("{area:,.2f} ha", "{area:,.2f} 公顷"),
    "dates": ("{first} to {last}, {count} dates", "{first} 至 {last}，共 {count} 期"),
    "one": ("satseek {where}: {what}, {why}", "satseek {where}：{what}（{why}）"),
    "many": ("satseek {where}: {count} alerts", "satseek {where}：{count} 条警报"),
    "sources": ("{count} sources", "{count} 个来源"),
    "look": ("Look at one, and decide:", "查看并处理："),
    "place": (
        "A map shows a place by its degrees north, degrees east.",
        "位置按“北纬, 东经”（度）写成，可直接在地图中查找。",
    ),
}
"""English, Chinese."""


def word(name: str, language: Language) -> str:
    """Give a word; what has none is its own."""
    english, chinese = _WORDS.get(name, (name, name))
    return chinese if language == "zh" else english
