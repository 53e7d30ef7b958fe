"""What is asked and answered of damage: moments of imagery, and what came of every parcel.

Knows no way of computing it: nouns alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.monitor.damage.skies import CLEAR, Skies
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from satseek.index.pinned import Pinned
    from satseek.monitor.damage.grading import EvidenceRules, GradeTable, Lack, Light, Look, Reason
    from satseek.monitor.damage.parcels import Parcel, Problem
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.labels.labelling import LabelSet

OnProgress: TypeAlias = "Callable[[str, int, int], None]"
"""Takes a note, what is done, and what there is in all."""

Mode: TypeAlias = Literal["mono", "paired"]
"""``mono``: imagery after the event alone; ``paired``: before and after, place by place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Imagery of one moment: chips of a collection."""

    index: Pinned
    """One generation of the collection."""
    collection: str
    """Its name."""
    where: Filter = field(default_factory=Filter)
    """Which of its chips are of this moment: by date, or by scene."""
    skies: Skies = CLEAR
    """What its scenes say of clouds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A chip that shows a parcel at one moment."""

    side: Side
    """Before or after."""
    chip_id: str
    """Chip."""
    collection: str
    """Where it lies: before and after may lie in two."""
    scene: str
    """Id of its scene."""
    datetime: datetime | None
    """Acquisition, UTC; None: not known."""
    cell: str
    """Cell of the grid, the same before and after."""
    affected: float
    """Share of the chip taken for affected, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What became of a parcel beside what became of its neighbours."""

    own: float
    """Affected share after less affected share before: −1 to 1."""
    neighbours: float
    """The same, area-weighted over neighbours that are not affected."""
    count: int
    """Neighbours that were compared."""
    crop: str
    """Crop that they share with the parcel; empty: of any crop, as too few share it or it is not
    known."""

    @property
    def difference(self) -> float:
        """How much more became of the parcel than of its neighbours: difference in differences."""
        return self.own - self.neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelDamage:
    """What imagery says of one parcel."""

    parcel: Parcel
    """The parcel."""
    light: Light
    """Traffic light; ``insufficient evidence`` where imagery cannot tell."""
    grade: str
    """By the table of losses; empty where there is none to be given."""
    reasons: tuple[Reason, ...]
    """Why the light is what it is, the weightiest first."""
    affected_share: float | None
    """Affected share of the area that was seen, 0–1; None: nothing was seen. Told also where the
    evidence does not do, to be looked at, never to be settled on."""
    affected_ha: float | None
    """The same of the whole parcel, in hectares, as if the hidden part were like the seen one."""
    cells: float
    """Size of the parcel in cells: of the ground that one chip speaks for."""
    classes: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Share of the parcel's area seen after the event, by label, the largest first."""
    cells_touched: tuple[str, ...] = ()
    """Names of the cells of the grid that it lies in, ascending."""
    looks: tuple[Look, ...] = ()
    """How well it was seen, after and before."""
    contrast: Contrast | None = None
    """Beside its neighbours; None: one moment alone, or too few neighbours."""
    shown: tuple[Shown, ...] = ()
    """Chips that show it, the most telling first, before and after of the same cells."""

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """Kinds of evidence that are missing, each once; empty: none."""
        return tuple(dict.fromkeys(one.lack for one in self.reasons if one.lack is not None))

    def look(self, when: Side) -> Look | None:
        """Tell how well it was seen at one moment; None: that moment was not asked for."""
        return next((one for one in self.looks if one.when == when), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What imagery says of all parcels, and how it came to say it."""

    name: str
    """Of the assessment: source of its findings."""
    mode: Mode
    """With or without imagery before the event."""
    labels: LabelSet
    """What cells were compared with."""
    grades: GradeTable
    """Table of losses."""
    rules: EvidenceRules
    """What evidence was asked for."""
    event: date | None
    """Date of the event; None: not told."""
    collections: tuple[str, ...]
    """Collections that were looked at."""
    model: str
    """``name@version`` of what made the vectors."""
    square_ha: float
    """Ground that one chip speaks for, in hectares: as far as the next chip."""
    shift: float
    """What was taken from every cell's change for season, light and sensor, in logits; 0 where one
    moment was asked for."""
    damages: tuple[ParcelDamage, ...]
    """One a parcel, in the order of the list."""
    problems: tuple[Problem, ...] = ()
    """What was odd about the list."""
    source: str = ""
    """File of the parcels, by its name."""

    def of(self, light: Light) -> tuple[ParcelDamage, ...]:
        """Give the parcels of one light, in order."""
        return tuple(one for one in self.damages if one.light == light)
