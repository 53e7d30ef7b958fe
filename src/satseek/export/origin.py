"""What somebody asked for → a few lines that say so beside the answer, years later.

Does not know how they are written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where features come from."""

    layer: str = "features"
    """What they are called where a file has layers or sheets: ``hits``, ``chips``."""
    collection: str = ""
    """Collection; empty: none."""
    model: str = ""
    """``name@version`` of what made the vectors; empty: none."""
    dim: int | None = None
    """Numbers in a vector; None: no vectors."""
    chip_px: int | None = None
    """Edge of a chip in pixels of its scene; None: not told."""
    stride_px: int | None = None
    """Step from chip to chip in pixels; None: not told."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else a person should know, in order: what was asked, of which generation, when."""

    def told(self) -> dict[str, str]:
        """All of it as lines of a name and a value."""
        own = {"collection": self.collection, "model": self.model}
        return {name: value for name, value in (own | dict(self.facts)).items() if value}
