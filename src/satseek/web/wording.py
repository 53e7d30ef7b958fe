"""What the page says: explanations of the scores, examples, numbers as people read them.

Knows neither the page nor the search.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.types import Hit, ScoreKind

EXAMPLES = (
    "a harbour with ships",
    "storage tanks",
    "an airport",
    "a solar farm",
    "dense housing",
    "a quarry",
    "a river",
    "farmland",
)
"""Queries that a click asks."""

EXPLAINED: Mapping[ScoreKind, str] = {
    "percentile": "Percentile: this chip fits better than so many percent of the collection's "
    "chips. It compares within this collection and query only.",
    "cosine": "Cosine between the query's and the chip's vectors, −1 to 1. For words the best "
    "values are often only 0.2–0.4: compare, do not read it as percent.",
    "match": "Match: the model's own sigmoid of the scaled cosine, 0 to 1. It is not calibrated: "
    "no probability, and no cut fits every query.",
}
"""What each score means, in the order shown."""

UNMATCHED = (
    "There is no match here: models learn it on pairs of words and images, so it is given for "
    "words alone, and CLIP models have none at all. Compare by percentile and cosine."
)
"""Why hits of anything but words lack one score."""


def terms(hits: Sequence[Hit]) -> Iterator[tuple[str, str]]:
    """Name each score of the hits with its explanation, and the one that they lack."""
    kinds = {kind for hit in hits for kind in hit.scores}
    for kind, explained in EXPLAINED.items():
        if kind in kinds:
            yield kind, explained
    if kinds and "match" not in kinds:
        yield "without match", UNMATCHED


def shown_score(kind: ScoreKind, value: float) -> str:
    """Write a score with the digits that mean something."""
    if kind == "percentile":
        return f"{math.floor(value * 10) / 10:.1f}"  # 99.97 is not all of them
    if kind == "cosine":
        return f"{value:.3f}"
    return f"{value:.2g}"


def counted(count: int, one: str) -> str:
    """``1 chip``, ``2,400 chips``."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def degrees(value: float) -> str:
    """Five digits: about a metre."""
    return f"{value:.5f}"
