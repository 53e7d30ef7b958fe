"""Changes of the cells of one pair of scenes → what unchanged cells do, and percentiles against it.

Does not know cells or vectors.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """How much unchanged cells of one pair of scenes change: a normal law of the logarithm."""

    middle: float
    """Median of the natural logarithm of unchanged cells' changes, or that of ``floor`` where it is
    larger."""
    spread: float
    """Its standard deviation; positive."""
    floor: float
    """Least change that can be one, however quiet the others are: see ``fit_background``."""
    cells: int
    """Cells it was estimated from."""
    scenes: tuple[str, str] | None
    """The pair of scenes: before, after; None: several pairs, each of few cells, share it."""
