"""What was seen to be different on the ground → findings, that people look at, decide and close.

Knows neither how a difference is found nor where findings are kept. What the machine says of a
finding may change as more is seen; what people decided is theirs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.types import BBox, GeoJSON

Plain: TypeAlias = "str | int | float | bool | None"
"""What a property may be: whatever a cell of a table holds."""

Kind: TypeAlias = Literal["landuse", "watch", "damage"]
"""Which of the three jobs a finding comes from."""

State: TypeAlias = Literal["new", "assigned", "confirmed", "rejected", "closed"]
"""How far people are with a finding; see `reviewing.MOVES`."""

Side: TypeAlias = Literal["before", "after"]
"""Of two dates, the earlier and the later."""

KINDS: tuple[Kind, ...] = get_args(Kind)
STATES: tuple[State, ...] = get_args(State)
SIDES: tuple[Side, ...] = get_args(Side)

OUTSIDE_PERMIT = "outside-permit"
"""Flag of what lies where nobody allowed it."""

WITHDRAWN = "withdrawn"
"""Flag of what a later run of the same source did not find any more."""

ID_BYTES = 10
"""Of a digest; two of a billion findings share one with a probability of 4e-7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One chip that shows a finding at one of its dates."""

    side: Side
    """Which date."""
    chip_id: str
    """Chip of the finding's collection, ``<scene id>/<cell>``."""
    scene: str
    """Id of its scene."""
    datetime: datetime | None
    """When the scene was acquired, UTC; None where unknown."""
    picture: str = ""
    """SHA-256 of the PNG that was kept of it, see `pictures.Pictures`; empty: none, as the scene
    could not be read when it was found."""
    bounds: BBox | None = None
    """West, south, east, north of a picture that shows the ground around the finding, in Web
    Mercator, north up; None: it shows the chip, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place on the ground that somebody should look at, and what became of it."""

    id: str
    """Of `finding_id`: the same for the same finding, however often its source runs."""
    kind: Kind
    """Which job found it."""
    source: str
    """Name of the watch, of the land-use run or of the assessment."""
    collection: str
    """Collection of its cells and evidence."""
    cells: tuple[str, ...]
    """Cells of the collection's grid that it covers, ascending by name."""
    label: str
    """What it is, such as ``mine``, ``cropland → built-up`` or ``flooded``."""
    before: str = ""
    """Label at the earlier date; empty: none was given."""
    after: str = ""
    """Label at the later date; empty: none was given."""
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    """By kind, as docs/concepts/scores.md has them; of the cell that shows it best."""
    footprint: GeoJSON | None = field(default=None, hash=False)
    """(Multi)Polygon on WGS 84; None without georeference."""
    area_m2: float | None = None
    """On the ground, by an equal-area projection; None without georeference."""
    first_seen: datetime | None = None
    """Acquisition time of the first scene that shows it, UTC; None where no dates are known."""
    last_seen: datetime | None = None
    """Likewise of the last one so far."""
    seen: int = 1
    """Dates at which it was seen; positive."""
    urgency: float = 0.0
    """The larger, the sooner it is looked at; sources say what theirs is."""
    flags: tuple[str, ...] = ()
    """Such as ``outside-permit``, ascending; see `OUTSIDE_PERMIT`, `WITHDRAWN`."""
    evidence: tuple[Evidence, ...] = ()
    """Chips of both dates, the best first within each."""
    properties: Mapping[str, Plain] = field(default_factory=dict, hash=False)
    """What else its source says of it; columns of its exports."""
    state: State = "new"
    """How far people are; no source writes it."""
    assignee: str = ""
    """Who looks at it, or did; empty: nobody yet. No source writes it."""
    revision: int = 0
    """Raised by one with every change, whoever makes it; 0: not kept yet."""
    created: datetime | None = None
    """When it was first kept, UTC; None: not yet."""
    changed: datetime | None = None
    """When it last changed, UTC; None: not kept yet."""

    def pictures(self, side: Side) -> tuple[str, ...]:
        """Give the digests of the pictures of one date, the best first."""
        return tuple(one.picture for one in self.evidence if one.side == side and one.picture)


Deed: TypeAlias = Literal[
    "found", "seen", "assign", "release", "confirm", "reject", "close", "reopen", "comment"
]
"""What a step is: ``found`` and ``seen`` (what is said of it changed) are a source's, all others
are people's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a finding's history; none is ever changed or removed."""

    finding: str
    """Id of the finding."""
    revision: int
    """The finding's after it; 1 is the first."""
    at: datetime
    """When, UTC."""
    who: str
    """Who: a person, or ``<kind>:<source>`` where the machine did it."""
    deed: Deed
    """What was done."""
    before: State | None
    """State before it; None: there was none."""
    after: State
    """State after it."""
    assignee: str = ""
    """Who looks at it after this step; empty: nobody."""
    comment: str = ""
    """Why, in the words of who did it; of ``seen``: what changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A finding that has just changed, told to whoever wants to know in the same transaction."""

    finding: Finding
    """As it is now."""
    step: Step
    """What was done."""
    former: Finding | None = None
    """As it was; None: it is new."""


def finding_id(
    *, kind: Kind, source: str, anchor: str, label: str, first_seen: datetime | None
) -> str:
    """Name a finding by what it is of, so that a rerun gives it the same name.

    Args:
        kind: Which job found it.
        source: Name of the watch, run or assessment.
        anchor: What it hangs on, whatever else it grows to: the cell at which it was first seen, of
            several of one date that which comes first by name; of land use with the date's name
            before it; of damage the parcel.
        label: What it is.
        first_seen: Acquisition time of the first scene that shows it; None: none is known.

    Returns:
        Twenty hexadecimal digits.

    Raises:
        InvalidRequest: the moment has no time zone.
    """
    if first_seen is not None and first_seen.utcoffset() is None:
        raise InvalidRequest(f"first_seen: expected a time with a zone, came {first_seen}")
    when = "" if first_seen is None else first_seen.astimezone(UTC).isoformat()
    parts = (kind, source, anchor, label, when)
    said = "".join(f"{len(part.encode())}:{part}" for part in parts)  # no two lists write alike
    return blake2b(said.encode(), digest_size=ID_BYTES).hexdigest()
