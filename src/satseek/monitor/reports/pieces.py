"""What is told about a report while it is written.

Knows no format: HTML and PDF count the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from satseek.imagery.mosaics import Scenery

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.monitor.reports.report import Language, Report, Section


@dataclass(slots=True)
class Told:
    """Counts, owned by whoever writes the report."""

    language: Language
    """Of the report."""
    blocks: int
    """How many there are."""
    on_progress: Callable[[int, int], None] | None = None
    """Called behind each block with the blocks written, and how many there are."""
    done: int = 0
    """Blocks that were written."""
    images: int = 0
    """Images that were written."""
    missing_images: int = 0
    """Images that were gone."""
    scenery: Scenery = field(default_factory=Scenery)
    """Draws what lies below maps; remembers what hundreds of maps of the same scenes share."""

    @classmethod
    def of(cls, report: Report, on_progress: Callable[[int, int], None] | None) -> Told:
        """Count a report's blocks; where it comes from has some more."""
        blocks = sum(map(_blocks, report.sections))
        return cls(language=report.language, blocks=blocks, on_progress=on_progress)

    def uncounted(self) -> Told:
        """Give one for laying out what is written later."""
        return Told(language=self.language, blocks=self.blocks, scenery=self.scenery)

    def step(self) -> None:
        """Tell that a block is written."""
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(min(self.done, self.blocks), self.blocks)


def _blocks(section: Section) -> int:
    return len(section.blocks) + sum(map(_blocks, section.sections))
