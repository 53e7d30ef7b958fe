"""Words on a ground of their own can be read, in both lights."""

from __future__ import annotations

import re

import pytest

from satseek.web.drawing import STATIC

CSS = (STATIC / "satseek.css").read_text(encoding="utf-8")
LEAST = 4.5
"""Contrast ratio of text: WCAG 2.2, success criterion 1.4.3 (AA)."""


def _colours(of: str) -> dict[str, str]:
    found = re.search(rf"^{re.escape(of)} \{{(.*?)\}}", CSS, re.DOTALL | re.MULTILINE)
    assert found is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", found[1]))


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2.2 defines it."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, bright = sorted(map(_luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def _pairs() -> set[tuple[str, str]]:
    """Every ground and colour of words that one rule gives together."""
    pairs = set()
    for rule in re.findall(r"\{([^{}]*)\}", CSS):
        ground = re.search(r"(?<![\w-])background: var\(--([\w-]+)\)", rule)
        words = re.search(r"(?<![\w-])color: var\(--([\w-]+)\)", rule)
        if ground and words:
            pairs.add((ground[1], words[1]))
    return pairs


@pytest.mark.parametrize("light", [":root", ":root.dark"])
def test_words_stand_out_from_their_ground(light: str) -> None:
    colours = _colours(":root") | _colours(light)
    pairs = _pairs()
    assert ("lit-soft", "lit") in pairs
    assert len(pairs) > 5
    weak = {
        pair: round(_contrast(*(colours[one] for one in pair)), 2)
        for pair in pairs
        if _contrast(*(colours[one] for one in pair)) < LEAST
    }
    assert weak == {}
