"""Who looks and what this server offers → the page's HTML in their language.

Knows neither HTTP nor the framework that serves it; what fills the page is asked by its script.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.model.prompts import TEMPLATES
from satseek.web.wording import other, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.web.wording import Language

STATIC = Path(__file__).parent / "static"

FILES = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
"""What the page is made of, by name."""

_EDITION = hashlib.sha256(b"".join(FILES.values())).hexdigest()[:12]

STATIC_PATH = f"_satseek/{_EDITION}"
"""Where style and scripts stand: browsers need not ask again for what can never be another."""

_IMPORT = re.compile(r'\bfrom "\./([\w-]+\.js)"')


def _needed(name: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of a script and of those that it imports before it runs; not what it imports later."""
    if name in known:
        return known
    known += (name,)
    for one in _IMPORT.findall(FILES[name].decode()):
        known = _needed(one, known)
    return known


_FIRST = _needed("app.js")

_KEY = re.compile(r"\{\{(\w+)\}\}")

_MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0b7a5f" '
    'stroke-width="1.8"><path d="M3 3h6v6H3zM3 12h6v6H3zM12 3h6v6h-6z"/>'
    '<circle cx="15.6" cy="15.6" r="3.6"/>'
    '<path d="m18.3 18.3 3 3" stroke-linecap="round"/></svg>'
)

FAVICON = _MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who looks, and what stands there for them."""

    language: Language
    """In which the page speaks."""
    scopes: Sequence[str]
    """What they may do: what they may not is not shown."""
    who: str
    """Their name, as findings know those to whom they are assigned."""
    leaver: str
    """Who is logged in and can log out; empty: nobody."""
    collections: Sequence[str]
    """Collections that they see."""
    model: str
    """The model in force, or why there is none."""
    map_id: int
    """Number of the framework's element that is the map."""


def draw_head(visit: Visit) -> str:
    """Draw what stands in the document's head."""
    return (
        f"<script>document.documentElement.lang = '{visit.language}';"
        "{const kept = localStorage.getItem('satseek-dark');"
        "const dark = kept ? kept === '1' : matchMedia('(prefers-color-scheme: dark)').matches;"
        "document.documentElement.classList.toggle('dark', dark);}</script>"
        f'<link rel="stylesheet" href="{STATIC_PATH}/satseek.css">'
        + "".join(f'<link rel="modulepreload" href="{STATIC_PATH}/{one}">' for one in _FIRST)
        + f'<script type="module" src="{STATIC_PATH}/app.js"></script>'
    )


def draw_body(visit: Visit) -> str:
    """Draw the page without what is found; its script takes over from ``satseek-boot``."""
    told = json.dumps(_boot(visit), ensure_ascii=False).replace("<", "\\u003c")
    boot = f'<script type="application/json" id="satseek-boot">{told}</script>'
    spoken = dict(words(visit.language)) | {"model": visit.model}
    filled = {key: escape(text) for key, text in spoken.items()} | {"leave": _leave(visit)}
    return boot + _KEY.sub(lambda found: filled[found[1]], FILES["page.html"].decode())


def _boot(visit: Visit) -> dict[str, Any]:
    """Tell the script what it cannot ask."""
    return {
        "words": words(visit.language),
        "language": visit.language,
        "other": other(visit.language),
        "scopes": sorted(visit.scopes),
        "who": visit.who,
        "collections": list(visit.collections),
        "map": visit.map_id,
        "templates": list(TEMPLATES),
    }


def _leave(visit: Visit) -> str:
    if not visit.leaver:
        return ""
    spoken = words(visit.language)["log_out"]
    return f'<a class="text" href="logout" title="{escape(visit.leaver)}">{escape(spoken)}</a>'
