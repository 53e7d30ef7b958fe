"""Figures → drawings: SVG and bars that stand inside a page, in the page's own colours.

Knows no page and no model. Colours are the classes and variables of ``report_style``; every text is
escaped here.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from satseek.search.evaluating_formats import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from satseek.evaluate.calibration import Bin

CELL = 22
"""Edge of a cell of the confusion matrix in pixels: three digits fit."""

MAX_CELL_LABELS = 120
"""Labels up to which the matrix is drawn; 120 are 2,640 pixels, which is much to scroll."""

_SIGN = 6.2
"""Mean width of a character at 11 px in pixels, measured for sans serif."""

_LONGEST = 26
"""Characters of a label in a drawing; the whole label shows when pointed at."""

_EDGE, _LEFT, _TOP = 260, 44, 10
"""Of the reliability plot: edge of its square, room for figures at its left, room above."""

_HISTOGRAM = 44
"""Height of the bars below it."""


def safe(text: object) -> str:
    """``text`` for HTML, also inside quotes; control and half characters are spelled out."""
    return escape(plain(str(text)), quote=True)


def bar(value: float | None, *, interval: tuple[float, float] | None = None) -> str:
    """A bar from 0 to 1, with its interval as a line over it; nothing for None."""
    if value is None:
        return ""
    line = ""
    if interval is not None:
        low, high = interval
        line = f'<s style="left:{low:.1%};width:{high - low:.1%}"></s>'
    return f'<span class="bar"><i style="width:{value:.1%}"></i>{line}</span>'


def reliability_plot(bins: Sequence[Bin], *, across: str, up: str) -> str:
    """Share of right outcomes over the mean score, bin by bin; below, how many fall into each.

    Dots on the diagonal mean that the score could be read as a probability; the thin line from dot
    to diagonal is what the ECE averages, weighted by the count.

    Args:
        bins: From 0 to 1.
        across: Words for the score.
        up: Words for what is right.
    """
    most = max((one.count for one in bins), default=0) or 1
    parts = [_axes(across, up)]
    for one in bins:
        if one.mean_score is None or one.right is None:
            continue
        x, y, ideal = _across(one.mean_score), _up(one.right), _up(one.mean_score)
        size = 3 + 5 * math.sqrt(one.count / most)
        told = (
            f"scores {one.low:.2f} to {one.high:.2f}: {one.count}, "
            f"mean {one.mean_score:.3f}, right {one.right:.3f}"
        )
        height = max(1.0, _HISTOGRAM * one.count / most)
        left, width = _across(one.low), _EDGE * (one.high - one.low)
        parts.append(
            f"<g><title>{safe(told)}</title>"
            f'<line class="gap" x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{ideal:.1f}"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
            f'<rect class="count" x="{left + 1:.1f}" y="{_BELOW + _HISTOGRAM - height:.1f}" '
            f'width="{width - 2:.1f}" height="{height:.1f}"/></g>'
        )
    width, height = _LEFT + _EDGE + 14, _BELOW + _HISTOGRAM + 6
    return _svg(width, height, parts, name=f"{up} over {across}", fixed=False)


_BELOW = _TOP + _EDGE + 48


def _axes(across: str, up: str) -> str:
    bottom, right = _TOP + _EDGE, _LEFT + _EDGE
    parts = [
        f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_EDGE}" height="{_EDGE}"/>',
        f'<line class="ideal" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{_TOP}"/>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = _across(tick), _up(tick)
        parts.append(f'<text class="middle" x="{x:.0f}" y="{bottom + 15}">{tick:g}</text>')
        parts.append(f'<text class="end" x="{_LEFT - 5}" y="{y + 4:.0f}">{tick:g}</text>')
    middle = _TOP + _EDGE / 2
    parts.append(
        f'<text class="middle" x="{_LEFT + _EDGE / 2}" y="{bottom + 33}">{safe(across)}</text>'
        f'<text class="middle" transform="translate(11 {middle}) rotate(-90)">{safe(up)}</text>'
        f'<text class="end" x="{_LEFT - 5}" y="{_BELOW + _HISTOGRAM}">count</text>'
    )
    return "".join(parts)


def _across(value: float) -> float:
    return _LEFT + _EDGE * value


def _up(value: float) -> float:
    return _TOP + _EDGE * (1 - value)


def confusion_grid(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Images by true label (row) and first label (column), as a coloured grid.

    A cell's colour deepens with the square root of its share of the row, so that rare mistakes can
    be seen; its number counts images.
    """
    longest = max(min(len(name), _LONGEST) for name in names)
    margin = math.ceil(longest * _SIGN) + 10
    slant = math.ceil(margin * 0.8) + 10
    parts = list(_grid_labels(names, margin, slant))
    for row, counts in enumerate(confusion):
        total = sum(counts)
        for column, count in enumerate(counts):
            if count:
                at = (margin + column * CELL, slant + row * CELL)
                told = f"{names[row]} taken for {names[column]}: {count} of {total}"
                kind = "hit" if row == column else "miss"
                parts.append(_cell(at, count, count / total, told=told, kind=kind))
    side = len(names) * CELL
    parts.append(f'<rect class="frame" x="{margin}" y="{slant}" width="{side}" height="{side}"/>')
    return _svg(margin + side + slant, slant + side + 4, parts, name="confusion matrix", fixed=True)


def _grid_labels(names: Sequence[str], margin: int, slant: int) -> Iterable[str]:
    for at, name in enumerate(names):
        short = safe(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")
        y, x = slant + at * CELL + CELL / 2 + 4, margin + at * CELL + CELL / 2 + 3
        text = f"{short}<title>{safe(name)}</title></text>"
        yield f'<text class="end" x="{margin - 6}" y="{y}">{text}'
        yield f'<text transform="translate({x} {slant - 6}) rotate(-50)">{text}'


def _cell(at: tuple[int, int], count: int, share: float, *, told: str, kind: str) -> str:
    x, y = at
    depth = math.sqrt(share)
    ink = " light" if depth > 0.7 else ""  # noqa: PLR2004 - white on a deep cell can be read
    number = f"{count}" if count < 1000 else f"{count // 1000}k"  # noqa: PLR2004
    return (
        f'<g><title>{safe(told)}</title><rect class="{kind}" x="{x}" y="{y}" width="{CELL}" '
        f'height="{CELL}" fill-opacity="{0.12 + 0.88 * depth:.2f}"/>'
        f'<text class="middle small{ink}" x="{x + CELL / 2}" y="{y + CELL / 2 + 3.5}">'
        f"{number}</text></g>"
    )


def _svg(width: float, height: float, parts: Iterable[str], *, name: str, fixed: bool) -> str:
    size = f' width="{width:.0f}" height="{height:.0f}"' if fixed else ' class="fluid"'
    return (
        f'<svg role="img" aria-label="{safe(name)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"{size}>{"".join(parts)}</svg>'
    )
