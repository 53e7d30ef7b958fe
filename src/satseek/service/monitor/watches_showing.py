"""Watches, and what is expected of them → what every door tells of them.

Does not know which door it is, nor who looks.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from satseek.monitor.findings.finding import State


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
