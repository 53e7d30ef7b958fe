"""Turns labels into prompts, and names what a chip may show when it shows none of the labels.

Does not know vectors: the room that embeds averages the templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOT = "{}"
"""Where a template takes its label."""

TEMPLATES = (
    "{}",
    "a satellite image of {}",
    "an aerial photograph of {}",
    "a remote sensing image showing {}",
    "{} seen from above",
)
"""Prompt templates for overhead imagery; a label's vector is their normalised mean."""

DISTRACTORS = (
    "bare ground",
    "buildings",
    "clouds",
    "desert",
    "a farmland",
    "a forest",
    "grassland",
    "a mountain",
    "open water",
    "a road",
)
"""Common land covers that a chip may show though nobody asked; they take a part of the share."""

NONE_OF_THESE = "none of these"
"""The one label under which the strongest distractor is reported."""


def prompts(label: str, *, templates: Sequence[str] = TEMPLATES) -> list[str]:
    """The label in every template, in the templates' order.

    Raises:
        InvalidRequest: no template, or one without exactly one ``{}``.
    """
    if not templates:
        raise InvalidRequest("expected at least one prompt template, got none")
    for template in templates:
        if template.count(SLOT) != 1:
            raise InvalidRequest(f"expected one {SLOT} in a prompt template, got {template!r}")
    return [template.replace(SLOT, label) for template in templates]


def distractors(labels: Sequence[str], *, pool: Sequence[str] = DISTRACTORS) -> list[str]:
    """The pool without what the labels already ask for, in the pool's order.

    A distractor falls out where a label and it share a word of the pool's own, whatever the article
    or the plural's final s: ``forests`` rules out ``a forest``.
    """
    asked = {word for label in labels for word in _words(label)}
    return [name for name in pool if not asked & _words(name)]


_FILLERS = frozenset({"a", "an", "the", "of", "and", "with", "open", "bare"})


def _words(label: str) -> set[str]:
    words = "".join(c if c.isalnum() else " " for c in label.lower()).split()
    return {word.removesuffix("s") for word in words} - _FILLERS
