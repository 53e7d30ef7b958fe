"""Watches, and what is expected of them → what every door tells of them.

Does not know which door it is, nor who looks.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from satseek.jobs.scheduling import following
from satseek.monitor.findings.finding import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.protocol import Schedule
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.learning import Learnt
    from satseek.monitor.watch.watch import Watch


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class WatchShown(_Shown):
    """A watch, and how it stands."""

    name: str
    version: int = Field(description="Each change is another one.")
    created: str | None = Field(description="When this version was saved, ISO 8601, UTC.")
    collection: str
    concept: dict[str, Any]
    scenes: dict[str, Any] | None = Field(description="Null: somebody else indexes them.")
    ground: dict[str, Any] = Field(description="`area`, `permits`, `exclusions` as GeoJSON.")
    since: str | None
    schedule: dict[str, Any] | None = Field(description="`cron`, `timezone`; null: none.")
    paused: bool = Field(description="True: it has a schedule, and nobody asks by it.")
    next: list[str] = Field(description="The next moments at which it is run.")
    operating_point: dict[str, Any]
    persistence: dict[str, int]
    neighbours: float
    least_cells: int
    least_area_ha: float
    existing: Literal["known", "alert"]
    level: int
    least_valid: float
    deliver: list[str]
    scenes_looked_at: int
    findings: dict[State, int] = Field(description="Its alerts by state, every state named.")
    last_run: dict[str, Any] | None = Field(description="What the latest run did; null: none yet.")


class WatchDetails(WatchShown):
    """The same, with what its latest runs did."""

    runs: list[dict[str, Any]] = Field(description="The newest first.")


class ExpectedShown(_Shown):
    """What is to be expected at the cut, by answers that neither probe nor cut has learnt from."""

    precision: float | None
    precision_95: list[float] | None = Field(description="95 % interval.")
    recall: float | None = Field(description="Of known sites: nobody answers what is never told.")
    recall_95: list[float] | None
    right: int = Field(description="Answered places that show it.")
    wrong: int = Field(description="Answered places that do not.")


class LearntShown(_Shown):
    """What the next run would judge by."""

    watch: str
    confirmed: int = Field(description="Answers that show it, and were learnt from.")
    rejected: int = Field(description="Answers that do not.")
    missed: list[str] = Field(description="Chips of answers that are there no more.")
    aim: str = Field(description="What the operating point holds to.")
    value: float
    seed_quantile: float = Field(description="Share of the background below the cut.")
    grow_quantile: float
    background: int = Field(description="Cells of the background.")
    expected: ExpectedShown | None = Field(description="Null: too few answers.")


class HeldOutShown(_Shown):
    """How well a watch does on ground that it has not learnt from."""

    watch: str
    sensitivity: float | None
    sensitivity_95: list[float] | None = Field(description="95 % interval.")
    specificity: float | None
    specificity_95: list[float] | None
    alerts: int
    area_km2: float
    alerts_per_1000_km2: float | None = Field(description="At one date.")
    days: list[str]
    right: int
    wrong: int
    folds: int


def watch_shown(
    watch: Watch,
    *,
    schedule: Schedule | None,
    counts: Mapping[State, int],
    looked_at: int,
    runs: Sequence[Mapping[str, Any]],
) -> WatchDetails:
    """Show a watch.

    Args:
        watch: Which.
        schedule: By which the queue asks for it; None: none.
        counts: Its alerts by state.
        looked_at: Scenes that it has looked at.
        runs: What its latest runs did, the newest first.
    """
    point = watch.operating_point
    same = ("collection", "neighbours", "least_cells", "least_area_ha", "existing", "level")
    return WatchDetails(
        name=watch.name,
        version=watch.version,
        created=None if watch.created is None else watch.created.isoformat(),
        concept=_plain(asdict(watch.concept)),
        scenes=_scenes(watch),
        ground={name: getattr(watch, name) for name in ("area", "permits", "exclusions")},
        since=None if watch.since is None else watch.since.isoformat(),
        schedule=None if watch.hours is None else asdict(watch.hours),
        paused=watch.hours is not None and schedule is None,
        next=[] if schedule is None else [one.isoformat() for one in following(schedule)],
        operating_point={point.aim: point.value, "grow_quantile": point.grow_quantile},
        persistence=asdict(watch.persistence),
        least_valid=watch.least_valid,
        deliver=list(watch.deliver),
        scenes_looked_at=looked_at,
        findings=dict(counts),
        last_run=dict(runs[0]) if runs else None,
        runs=[dict(one) for one in runs],
        **{name: getattr(watch, name) for name in same},
    )


def learnt_shown(watch: str, learnt: Learnt) -> LearntShown:
    """Show what a watch has learnt."""
    cut = learnt.cut
    expected = None if cut.expected is None else ExpectedShown(**_plain(asdict(cut.expected)))
    return LearntShown(
        watch=watch,
        confirmed=learnt.right,
        rejected=learnt.wrong,
        missed=list(learnt.missed),
        aim=cut.aim,
        value=cut.value,
        seed_quantile=cut.seed_quantile,
        grow_quantile=cut.grow_quantile,
        background=cut.background,
        expected=expected,
    )


def held_out_shown(watch: str, held: HeldOut) -> HeldOutShown:
    """Show how well a watch does."""
    return HeldOutShown(watch=watch, **_plain(asdict(held)))


def _scenes(watch: Watch) -> dict[str, Any] | None:
    """Tell where scenes come from; of a folder of this machine its name alone."""
    if watch.scenes is None:
        return None
    told = _plain(asdict(watch.scenes))
    del told["allow"], told["here"]
    if watch.scenes.here and "://" not in watch.scenes.folder:
        told["folder"] = PurePath(watch.scenes.folder).name
    return {name: value for name, value in told.items() if value is not None}


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in told.items()}
