"""JSON of a server → watches, what they have learnt, how well they do.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

_SAME = (
    *("name", "version", "collection", "concept", "scenes", "ground", "since", "schedule"),
    *("paused", "operating_point", "persistence", "neighbours", "least_cells", "least_area_ha"),
    *("existing", "level", "least_valid", "scenes_looked_at", "findings", "last_run"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A watch, and how it stands; what its runs did is told of one that is asked for by name."""

    name: str
    """Its name."""
    version: int
    """Each change is another one."""
    created: datetime | None
    """When this version was saved."""
    collection: str
    """Where it looks."""
    concept: Mapping[str, Any] = field(hash=False)
    """``label``, ``prompts``, ``negatives``, ``liked``, ``disliked``, ``saved``."""
    scenes: Mapping[str, Any] | None = field(hash=False)
    """Where new scenes come from; None: somebody else indexes them."""
    ground: Mapping[str, Any] = field(hash=False)
    """``area``, ``permits``, ``exclusions``: GeoJSON on WGS 84, or None."""
    since: str | None
    """Alerts are of what was not there on this day; None: at the first look."""
    schedule: Mapping[str, str] | None = field(hash=False)
    """``cron``, ``timezone``; None: none."""
    paused: bool
    """True: it has a schedule, and nobody asks by it."""
    next: tuple[datetime, ...]
    """The next moments at which it is run."""
    operating_point: Mapping[str, float] = field(hash=False)
    """What it holds to, and ``grow_quantile``."""
    persistence: Mapping[str, int] = field(hash=False)
    """``seen`` on so many ``of`` the latest looks."""
    neighbours: float
    """What the mean of a cell's neighbours counts in its score."""
    least_cells: int
    """Smallest alert, in cells."""
    least_area_ha: float
    """Smallest alert, in hectares."""
    existing: str
    """``alert``: what was there at first is one, too; else ``known``."""
    level: int
    """Size of the chips that are looked at."""
    least_valid: float
    """Least measured share of a cell."""
    deliver: tuple[str, ...]
    """Channels that are told of its alerts."""
    scenes_looked_at: int
    """Scenes that it has looked at."""
    findings: Mapping[str, int] = field(hash=False)
    """Its alerts by state, every state named."""
    last_run: Mapping[str, Any] | None = field(hash=False)
    """What the latest run did; None: none yet."""
    runs: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """What the latest runs did, the newest first; not in lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchExpected:
    """What a watch has learnt, and what is expected of its next run."""

    watch: str
    """Which."""
    confirmed: int
    """Answers that show what it looks for."""
    rejected: int
    """Answers that do not."""
    missed: tuple[str, ...]
    """Chips of answers that are there no more."""
    aim: str
    """What the operating point holds to."""
    value: float
    """Of it."""
    seed_quantile: float
    """Share of the background below the cut."""
    grow_quantile: float
    """Share of it from which a cell beside a seed belongs to it."""
    background: int
    """Cells of the background."""
    expected: Mapping[str, Any] | None = field(hash=False)
    """``precision``, ``recall``, their 95 % intervals ``…_95``, answers ``right`` and ``wrong``;
    None: too few answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchMeasured:
    """How well a watch does on ground that it has not learnt from."""

    watch: str
    """Which."""
    sensitivity: float | None
    """Share of places that show it that lie in an alert."""
    sensitivity_95: tuple[float, ...] | None
    """Its 95 % interval."""
    specificity: float | None
    """Share of places that do not that lie in none."""
    specificity_95: tuple[float, ...] | None
    """Its 95 % interval."""
    alerts: int
    """Patches, all dates together."""
    area_km2: float
    """Ground that was looked at, all dates together."""
    alerts_per_1000_km2: float | None
    """At one date."""
    days: tuple[str, ...]
    """Dates that were judged."""
    right: int
    """Looks that show it."""
    wrong: int
    """Looks that do not."""
    folds: int
    """Parts of the ground."""


def watch_of(answer: Json) -> Watch:
    """Read a watch."""
    return Watch(
        **{name: answer[name] for name in _SAME},
        created=datetime.fromisoformat(answer["created"]) if answer["created"] else None,
        next=tuple(datetime.fromisoformat(one) for one in answer["next"]),
        deliver=tuple(answer["deliver"]),
        runs=tuple(answer.get("runs", ())),
    )


def watch_expected_of(answer: Json) -> WatchExpected:
    """Read what a watch has learnt."""
    return WatchExpected(**{**answer, "missed": tuple(answer["missed"])})


def watch_measured_of(answer: Json) -> WatchMeasured:
    """Read how well a watch does."""
    several = ("sensitivity_95", "specificity_95", "days")
    told = {name: None if answer[name] is None else tuple(answer[name]) for name in several}
    return WatchMeasured(**{**answer, **told})
