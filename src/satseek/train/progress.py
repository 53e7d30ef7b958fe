"""The state of a run becomes one canonical line.

Knows no network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    step: int
    """Steps done."""
    steps: int
    """Steps in all."""
    chips_per_second: float
    """Since this process started."""
    seconds_left: float
    """At that pace."""
    losses: Mapping[str, float] = field(default_factory=dict)
    """Running means by name."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Figures on held-out chips, where they were measured at this step."""

    def line(self) -> str:
        """One line of key=value pairs."""
        pairs = [f"step={self.step}/{self.steps}", f"chips_per_s={self.chips_per_second:.0f}"]
        pairs += [f"left_s={self.seconds_left:.0f}"]
        pairs += [f"{name}={value:.3f}" for name, value in self.losses.items()]
        pairs += [f"{name}={value:.4f}" for name, value in self.measured.items()]
        return " ".join(pairs)
