"""A drawing → SVG that stands inside a page, in the page's own colours.

Knows no page: the page's style has a class for each ink. Every text is escaped here.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from satseek.monitor.reports.drawing import Label, Path, Raster, text_width
from satseek.monitor.reports.texts import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.reports.drawing import Drawing, Paint, Point

_PLATE = 0.8
"""Opacity of the plate below a word that lies on imagery."""


def svg_of(drawing: Drawing, *, alt: str) -> Iterator[str]:
    """Write a drawing, a piece at a time.

    Args:
        drawing: What to write.
        alt: What it shows, for those who cannot see it.
    """
    yield (
        f'<svg class="fluid" role="img" aria-label="{safe(alt)}" '
        f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" '
        'xmlns="http://www.w3.org/2000/svg">'
    )
    for item in drawing.items:
        match item:
            case Raster():
                yield _raster(item)
            case Path():
                yield _path(item)
            case Label():
                yield _label(item)
    yield "</svg>"


def _raster(item: Raster) -> str:
    content = base64.b64encode(item.jpeg).decode("ascii")
    return (
        f'<image x="{_n(item.x)}" y="{_n(item.y)}" width="{_n(item.width)}" '
        f'height="{_n(item.height)}" preserveAspectRatio="none" '
        f'href="data:image/jpeg;base64,{content}"/>'
    )


def _path(item: Path) -> str:
    if not item.rings:
        return ""
    end = "Z" if item.closed else ""
    outline = "".join(f"M{_line(ring)}{end}" for ring in item.rings)
    looks = [f'd="{outline}"', _painted("fill", item.fill), _painted("stroke", item.stroke)]
    if item.opacity < 1 and item.fill is not None:
        looks.append(f'fill-opacity="{_n(item.opacity)}"')
    if item.stroke is not None:
        looks.append(f'stroke-width="{_n(item.width)}" stroke-linejoin="round"')
    if item.dash:
        looks.append(f'stroke-dasharray="{_n(item.dash)} {_n(item.dash)}"')
    return f"<path {' '.join(looks)}/>"


def _label(item: Label) -> str:
    weight = ' font-weight="700"' if item.bold else ""
    text = (
        f'<text x="{_n(item.x)}" y="{_n(item.y)}" font-size="{_n(item.size)}" '
        f'text-anchor="{item.anchor}"{weight} {_painted("fill", item.paint)}>'
        f"{safe(item.text)}</text>"
    )
    return _plate(item) + text if item.halo else text


def _plate(item: Label) -> str:
    wide = text_width(item.text, item.size) + 0.8
    left = item.x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor]
    return (
        f'<rect x="{_n(left)}" y="{_n(item.y - item.size * 0.88)}" width="{_n(wide)}" '
        f'height="{_n(item.size * 1.16)}" rx="0.5" {_painted("fill", "paper")} '
        f'fill-opacity="{_PLATE}"/>'
    )


def _painted(what: str, paint: Paint | None) -> str:
    if paint is None:
        return f'{what}="none"'
    if isinstance(paint, str):
        return f'{what}="var(--{paint})"'
    return f'{what}="#{bytes(paint).hex()}"'


def _line(ring: tuple[Point, ...]) -> str:
    return "L".join(f"{_n(x)} {_n(y)}" for x, y in ring)


def _n(value: float) -> str:
    """Write millimetres to the hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
