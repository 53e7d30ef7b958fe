"""Labels become sentences, in several phrasings.

Knows no tokenizer and no tower.
"""

from __future__ import annotations

TEMPLATES: tuple[str, ...] = (
    "{}",
    "a {}",
    "an aerial image of a {}",
    "a satellite image of a {}",
    "aerial view of {}",
    "a satellite photo of {}",
    "an overhead photo of a {}",
    "a remote sensing image of {}",
    "satellite imagery of {}",
    "a {} seen from above",
)
"""Phrasings a label is trained with; the first five are the ones that are measured with."""

MEASURED = 5
"""How many of `TEMPLATES` are averaged for a zero-shot measurement."""


def prompts(label: str) -> list[str]:
    """Every phrasing of one label, in the order of `TEMPLATES`."""
    return [template.format(label) for template in TEMPLATES]
