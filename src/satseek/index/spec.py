"""What a collection is, how far a scene has come, and what a collection amounts to.

Knows no storage: only nouns and their JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.types import BBox, Chip, Scene, Vectors

FORMAT_VERSION = 1
"""Raised whenever an older satseek could not read the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSpec:
    """A collection's identity: vectors made any other way do not belong into it."""

    name: str
    """Name: letters, digits and ``-_.``, at most 64."""
    model_name: str
    """Name of the model that made the vectors."""
    model_version: str
    """Version digest of that model."""
    dim: int
    """Numbers in a vector."""
    recipe: Recipe
    """How samples became pixels."""
    grid: GridSpec
    """Where the chips lie."""
    min_valid: float
    """Least share of measured pixels of a chip, 0–1."""
    format_version: int = FORMAT_VERSION
    """Version of the folder's layout."""

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CollectionSpec:
        """Read from JSON."""
        fields = json.loads(text)
        recipe = fields.pop("recipe")
        recipe["bands"] = tuple(recipe["bands"])
        return cls(recipe=Recipe(**recipe), grid=GridSpec(**fields.pop("grid")), **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneProgress:
    """How far the indexing of a scene has come."""

    next_position: int = 0
    """First candidate position that is not committed yet; 0 for a new or changed scene."""
    kept: int = 0
    """Chips committed."""
    skipped: int = 0
    """Candidates passed over, over all blocks."""
    finished: bool = False
    """True once every candidate was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneBlock:
    """Successive candidates of one scene, ready to be committed."""

    scene: Scene
    """Of which the chips are; if its digest has changed, its old chips go with this commit."""
    chips: tuple[Chip, ...]
    """May be none."""
    vectors: Vectors
    """float32, shape (len(chips), dim), unit rows."""
    next_position: int
    """First candidate position after this block."""
    skipped: int
    """Candidates passed over in this block."""
    finished: bool
    """True where no candidate is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionStats:
    """What a collection amounts to at one generation."""

    chips: int
    """Chips that a search may answer."""
    scenes: int
    """Scenes begun or finished."""
    refusals: int
    """Files that could not be used."""
    skipped: int
    """Candidate chips passed over, over all scenes."""
    bytes: int
    """Size of the folder on disk."""
    generation: int
    """Generation that was counted."""
    dates: tuple[datetime, datetime] | None
    """First and last acquisition time; None where no chip has one."""
    extent: BBox | None
    """Box around all footprints; None where no chip has one."""
