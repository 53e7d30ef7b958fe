"""A run of land use → places of its map, drawn for people to judge: the use-case, run here and now.

Does not know queues or processes. Drawn once more, the same places come: a job that died is begun
again.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from satseek.assemble import Assembly
from satseek.errors import Conflict, InvalidRequest
from satseek.jobs.asking import CollectionTask

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.assemble.areas import Plan
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.settings import Settings

MOST = 1_000_000
"""Places of one sample: more than people judge in years."""


class SampleTask(CollectionTask):
    """Draw places of the map of a land-use run at random, class by class, for people to judge."""

    name: str = Field(min_length=1, max_length=64, description="Of the sample.")
    run: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="Run of land use that is kept, whose map is judged; unset: the collection's.",
    )
    date: str | None = Field(
        None, max_length=32, description="Whose map is judged; unset: the run's last date."
    )
    since: str | None = Field(
        None, max_length=32, description="Judge the change from this date on instead."
    )
    size: int | None = Field(
        None,
        ge=2,
        le=MOST,
        description="Places in all; unset: as many as `standard_error` takes.",
    )
    sizes: dict[str, int] | None = Field(
        None, max_length=10_000, description="So many places of each stratum named, instead."
    )
    standard_error: float = Field(
        0.02, gt=0, le=0.5, description="Of overall accuracy, where no size is given."
    )
    rule: Literal["proportional", "equal", "neyman"] = Field(
        "proportional", description="By what places are shared out among strata."
    )
    least: int = Field(50, ge=0, le=MOST, description="Places of each stratum at least.")
    gather: int = Field(10, ge=0, le=MOST, description="Strata of fewer cells become one.")
    unit: Literal["cell", "point"] = Field("cell", description="What is judged.")
    seed: int = Field(0, ge=0, le=2**53, description="Another seed draws other places.")
    opinions: int = Field(1, ge=1, le=9, description="How many people judge each place.")


def check_sample(asked: SampleTask, parts: Parts) -> None:
    """Refuse a run, dates or a name that cannot be.

    Raises:
        CollectionNotFound, NotFound, InvalidName, InvalidRequest: as said.
        Conflict: there is such a sample, or an earlier release has kept the run.
    """
    from satseek.assemble.areas import opened_samples  # noqa: PLC0415 - slow to load
    from satseek.index.checks import check_name  # noqa: PLC0415

    check_name(asked.name, "sample")
    parts.reader(asked.collection)
    _check_run(asked, parts.settings)
    with closing(opened_samples(parts.settings)) as samples:
        if any(one.name == asked.name for one in samples.all()):
            raise Conflict(f"sample {asked.name!r} is there already; take another name")


def sample(
    asked: SampleTask, settings: Settings, on_progress: OnProgress, _results: Path
) -> Result:
    """Draw the sample; what a former try has drawn is the same.

    Raises:
        NotFound, Conflict, InvalidRequest, ModelMismatch: it cannot be drawn (any more).
    """
    from satseek.assemble.areas import draw_of_run  # noqa: PLC0415 - slow to load

    _check_run(asked, settings)
    with closing(Assembly(settings)) as parts:
        made = draw_of_run(
            asked.name,
            asked.run or asked.collection,
            _plan(asked),
            parts=parts,
            on_progress=lambda note, done, total: on_progress(done, total, note),
        )
    return {
        "name": made.name,
        "collection": made.collection,
        "subject": made.subject,
        "drawn": sum(made.sizes.values()),
        "strata": dict(made.sizes),
    }


def _check_run(asked: SampleTask, settings: Settings) -> None:
    """See that the run is of the collection: who may see that may draw from it."""
    from satseek.assemble.areas import asked_of_run  # noqa: PLC0415 - slow to load

    run = asked.run or asked.collection
    _, kept = asked_of_run(run, _plan(asked), settings)
    if kept.collection != asked.collection:
        raise InvalidRequest(f"run {run!r}: is not of collection {asked.collection!r}")


def _plan(asked: SampleTask) -> Plan:
    from satseek.assemble.areas import Plan  # noqa: PLC0415 - slow to load

    if asked.sizes is not None and any(one < 0 for one in asked.sizes.values()):
        raise InvalidRequest("sizes: expected numbers of places, came a negative one")
    return Plan(
        date=asked.date,
        since=asked.since,
        size=asked.size,
        sizes=asked.sizes,
        standard_error=asked.standard_error,
        rule=asked.rule,
        least=asked.least,
        gathered=asked.gather,
        unit=asked.unit,
        seed=asked.seed,
        opinions=asked.opinions,
    )
