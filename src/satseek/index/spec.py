"""What a collection is, how far a scene has come, and what a collection amounts to.

Knows no storage: only nouns and their JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.types import BBox, Chip, Scene, Vectors

FORMAT_VERSION = 4
"""Raised whenever an older satseek could not read the folder."""

EDITIONS_VERSION = 2
"""From this format on vectors may have been replaced: they lie in another folder then."""

TRAITS_VERSION = 3
"""From this format on chips have levels, scenes properties, and filters ask tables of their own."""

LEDGER_VERSION = 4
"""From this format on each table has a sum, so that a flipped bit in one is noticed."""

KNOWN_VERSIONS = frozenset({1, EDITIONS_VERSION, TRAITS_VERSION, LEDGER_VERSION})
"""Formats that can be read; the next writer raises older ones to the newest."""


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
        recipe["cuts"] = tuple((low, high) for low, high in recipe.get("cuts", ()))
        grid = fields.pop("grid")
        grid["levels"] = tuple(grid.get("levels", (1,)))
        return cls(recipe=Recipe(**recipe), grid=GridSpec(**grid), **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The vectors of a collection that one model made, and where they lie."""

    spec: CollectionSpec
    """What the collection is while these vectors answer."""
    number: int = 0
    """Which; names its files."""
    highest: int = 0
    """Highest number given in this collection: none is given twice."""
    numbering: int = 0
    """Edition with which rows got the numbers that they have; compaction gives others."""

    @property
    def segments(self) -> str:
        """Name of the folder of segments."""
        return segments_name(self.number)

    @property
    def codes(self) -> str:
        """Name of the file of codes."""
        return codes_name(self.number)

    @property
    def tuning(self) -> str:
        """Name of the file of the effort that its codes take."""
        return tuning_name(self.number)

    def to_json(self) -> str:
        """Write as JSON; a first edition reads like a spec alone."""
        if not self.highest:
            return self.spec.to_json()
        least = max(EDITIONS_VERSION, self.spec.format_version)
        spec = replace(self.spec, format_version=least)
        fields = asdict(spec) | {"edition": self.number, "editions": self.highest}
        return json.dumps(fields | ({"numbering": self.numbering} if self.numbering else {}))

    @classmethod
    def from_json(cls, text: str) -> Edition:
        """Read from JSON."""
        fields = json.loads(text)
        number, highest = fields.pop("edition", 0), fields.pop("editions", 0)
        numbering = fields.pop("numbering", 0)
        spec = CollectionSpec.from_json(json.dumps(fields))
        return cls(spec=spec, number=number, highest=highest, numbering=numbering)


def segments_name(number: int) -> str:
    """Name the folder of an edition's segments."""
    return f"segments-{number}" if number else "segments"


def codes_name(number: int) -> str:
    """Name the file of an edition's codes."""
    return f"codes-{number}.bin" if number else "codes.bin"


def tuning_name(number: int) -> str:
    """Name the file of the effort that an edition's codes take."""
    return f"tuning-{number}.json" if number else "tuning.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A scene that cannot be embedded again: its chips would not be in the new edition."""

    scene_id: str
    """Which scene."""
    chips: int
    """Chips that it has now."""
    state: str
    """Digest of the file whose pixels could not be read; empty where its header told enough."""
    reason: str
    """One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An edition that lies beside the one in use."""

    number: int
    """Which."""
    model_name: str
    """Name of the model that makes its vectors."""
    model_version: str
    """Version digest of that model."""
    dim: int
    """Numbers in a vector."""
    next_row: int
    """Rows embedded so far: all below."""
    rows: int
    """Rows that the collection has."""
    scene_id: str
    """Scene of the last row embedded; empty before the first."""
    next_position: int
    """First candidate position of that scene behind the last row embedded."""
    kept: bool
    """True for an edition that was in use before and was kept."""

    @property
    def finished(self) -> bool:
        """True once there is a vector for every row that can have one."""
        return self.next_row == self.rows

    @property
    def model(self) -> str:
        """The model as ``NAME@VERSION``."""
        return f"{self.model_name}@{self.model_version}"


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
class KnownScene:
    """A scene begun or finished, and how far it has come."""

    scene: Scene
    """As it was when it was indexed."""
    progress: SceneProgress
    """Of that content."""

    def progress_of(self, scene: Scene) -> SceneProgress:
        """Tell how far a scene of this id has come; another content counts as new."""
        return self.progress if scene.digest == self.scene.digest else SceneProgress()


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
