"""JSON of a server → findings, their evidence and their history.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]


DECISIONS = ("assign", "release", "confirm", "reject", "close", "reopen", "comment")
"""What a person does with a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One chip that shows a finding at one of its dates."""

    side: str
    """``before`` or ``after``."""
    chip_id: str
    """Chip of the finding's collection."""
    scene: str
    """Id of its scene."""
    datetime: datetime | None
    """When the scene was acquired; None: unknown."""
    picture: str
    """SHA-256 of the PNG that was kept, see ``save_finding_picture``; empty: none was."""
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north of a picture of the ground around the finding, in Web Mercator;
    None: it shows the chip, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a finding's history."""

    revision: int
    """The finding's after it."""
    at: datetime
    """When."""
    who: str
    """A person, or ``KIND:SOURCE`` where the machine did it."""
    deed: str
    """What was done."""
    before: str | None
    """State before it; None: there was none."""
    after: str
    """State after it."""
    assignee: str
    """Who looks at it after this step; empty: nobody."""
    comment: str
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place that somebody should look at, and what became of it."""

    id: str
    """Its id."""
    kind: str
    """``landuse``, ``watch`` or ``damage``."""
    source: str
    """Name of the watch, land-use run or assessment."""
    collection: str
    """Collection of its cells and evidence."""
    label: str
    """What it is."""
    before: str
    """Label at the earlier date; empty: none was given."""
    after: str
    """Label at the later date; empty: none was given."""
    scores: Mapping[str, float] = field(hash=False)
    """By kind; none of them is a probability."""
    footprint: Mapping[str, Any] | None = field(hash=False)
    """GeoJSON (Multi)Polygon on WGS 84; None: no georeference."""
    area_m2: float | None
    """On the ground."""
    first_seen: datetime | None
    """Acquisition time of the first scene that shows it."""
    last_seen: datetime | None
    """Likewise of the last one so far."""
    seen: int
    """Dates at which it was seen."""
    urgency: float
    """The larger, the sooner it is looked at."""
    flags: tuple[str, ...]
    """Such as ``outside-permit``."""
    evidence: tuple[Evidence, ...]
    """Of both dates, the best first."""
    properties: Mapping[str, Any] = field(hash=False)
    """What else its source says of it."""
    state: str
    """``new``, ``assigned``, ``confirmed``, ``rejected`` or ``closed``."""
    assignee: str
    """Who looks at it, or did; empty: nobody yet."""
    revision: int
    """One more with every change: give it with a decision."""
    created: datetime
    """When it was first kept."""
    changed: datetime
    """When it last changed."""
    cell_count: int
    """Cells of the collection's grid that it covers."""
    may: tuple[str, ...]
    """What may be done with it in this state."""
    cells: tuple[str, ...] = ()
    """Names of the cells; empty in lists."""
    history: tuple[Step, ...] = ()
    """All that was ever done with it, the oldest first; empty in lists."""


def finding_of(answer: Json) -> Finding:
    """Read a finding, as lists show it or all of it."""
    own = ("footprint", "scores", "properties", "area_m2", "seen", "urgency", "state", "assignee")
    named = ("id", "kind", "source", "collection", "label", "before", "after", "revision")
    return Finding(
        **{name: answer[name] for name in (*named, *own, "cell_count")},
        first_seen=_time(answer["first_seen"]),
        last_seen=_time(answer["last_seen"]),
        flags=tuple(answer["flags"]),
        evidence=tuple(_evidence(one) for one in answer["evidence"]),
        created=datetime.fromisoformat(answer["created"]),
        changed=datetime.fromisoformat(answer["changed"]),
        may=tuple(answer["may"]),
        cells=tuple(answer.get("cells", ())),
        history=tuple(_step(one) for one in answer.get("history", ())),
    )


def _evidence(one: Json) -> Evidence:
    bounds = one["bounds"]
    return Evidence(
        **{name: one[name] for name in ("side", "chip_id", "scene", "picture")},
        datetime=_time(one["datetime"]),
        bounds=None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]),
    )


def _step(one: Json) -> Step:
    names = ("revision", "who", "deed", "before", "after", "assignee", "comment")
    return Step(**{name: one[name] for name in names}, at=datetime.fromisoformat(one["at"]))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
