"""Scores of the background, and of what people answered → where the cut lies, and what is expected.

Does not know what is scored. A cut is a place among measured scores, never a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.evaluate.intervals import Interval
    from satseek.monitor.watching import Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is to be expected at a cut, by those answers that did not help to draw it."""

    precision: float | None
    """Share of answered places above the cut that were confirmed, 0–1; None: none lies above it."""
    precision_95: Interval | None
    """Its 95 % interval (Wilson)."""
    recall: float | None
    """Share of confirmed places that lie above the cut, 0–1; None: none was confirmed."""
    recall_95: Interval | None
    """Its 95 % interval (Wilson)."""
    confirmed: int
    """Places that people said show it."""
    rejected: int
    """Places that people said do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where an operating point lies among scores."""

    seed: float
    """A place with at least this score begins an alert; in units of the watch's score."""
    grow: float
    """A place beside it belongs to it from here on; at most ``seed``."""
    aim: Aim
    """What it holds to."""
    value: float
    """Of it."""
    seed_quantile: float
    """Share of the background below ``seed``, 0–1."""
    background: int
    """Cells of the background."""
    expected: Expected | None = None
    """By feedback; None: nobody has answered yet."""
