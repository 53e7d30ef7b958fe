"""What a repair finds, mends and loses → one report.

Does not know how anything is mended.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was wrong with a collection, and what became of it."""

    found: tuple[str, ...]
    """Damages, one line each; none where all was well, and then nothing was changed."""
    mended: tuple[str, ...]
    """What was made again from what is redundant, one line each."""
    lost: tuple[str, ...]
    """What is gone, one line each."""
    scenes: tuple[str, ...]
    """Ids of scenes of which chips were taken out: the next indexing embeds them again."""
    chips: int
    """Chips taken out."""


@dataclass(slots=True)
class Account:
    """The same while the repair goes on."""

    found: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    scenes: set[str] = field(default_factory=set)
    chips: int = 0

    def closed(self) -> Repair:
        """Give the whole."""
        return Repair(
            found=tuple(self.found),
            mended=tuple(self.mended),
            lost=tuple(self.lost),
            scenes=tuple(sorted(self.scenes)),
            chips=self.chips,
        )
