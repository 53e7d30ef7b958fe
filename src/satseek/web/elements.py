"""Tags and attributes → page elements; the few shapes that several parts of the page share.

Knows nothing of searches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

if TYPE_CHECKING:
    from collections.abc import Callable


def tag(name: str, classes: str = "", *, text: str = "", **attributes: str) -> Any:
    """Make a plain element; attributes are given as they are, with ``_`` for ``-``."""
    element = TextElement(tag=name, text=text) if text else ui.element(name)
    if classes:
        element.classes(classes)
    for key, value in attributes.items():
        element.props[key.replace("_", "-")] = value
    return element


def icon_button(icon: str, explained: str, press: Callable[[], Any]) -> Any:
    """Make a small round button that says what it does to eyes, hands and screen readers."""
    button = ui.button(icon=icon, on_click=press, color=None).props("flat round dense size=sm")
    button.props["aria-label"] = explained
    return button.tooltip(explained)


def notify(message: str, *, kind: Literal["info", "warning", "negative"]) -> None:
    """Say what went wrong, long enough to be read."""
    ui.notify(message, type=kind, position="top", timeout=8000, multi_line=True, close_button="OK")
