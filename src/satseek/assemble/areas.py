"""A land-use run and the name of a collection → a sample of its map, drawn and kept.

Knows no door: commands and jobs ask alike.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.assemble.landuse import concepts_among
from satseek.errors import InvalidRequest
from satseek.monitor.areas.planning import LEAST, STANDARD_ERROR, allocate, sample_size
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.samples.strata import LEAST_CELLS
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.assemble.assembling import Assembly
    from satseek.index.pinned import Pinned
    from satseek.monitor.areas.estimating import Stratum
    from satseek.monitor.areas.planning import Rule
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.running import Asked
    from satseek.monitor.runs.run import KeptRun
    from satseek.monitor.samples.drawing import Unit
    from satseek.monitor.samples.sample import Sample
    from satseek.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many places are drawn, of what, and how they are judged."""

    date: str | None = None
    """Whose map is judged; None: the last one's."""
    since: str | None = None
    """Another date: change since then is judged; None: the classes of one date are."""
    size: int | None = None
    """Places in all; None: as many as ``standard_error`` takes."""
    sizes: Mapping[str, int] | None = None
    """Places of each stratum that is named, instead."""
    standard_error: float = STANDARD_ERROR
    """Of overall accuracy, where no size is given."""
    rule: Rule = "proportional"
    """By what places are shared out among strata."""
    least: int = LEAST
    """Places of each stratum at least."""
    gathered: int = LEAST_CELLS
    """Strata of fewer cells become one."""
    unit: Unit = "cell"
    """What is drawn and judged."""
    seed: int = 0
    """Another seed draws others."""
    opinions: int = 1
    """How many people are to judge each place."""
    more: bool = False
    """Further places of a sample that is there; ``size`` or ``sizes`` say how many."""


def opened_samples(settings: Settings) -> Samples:
    """Give the samples of the data folder; opens nothing yet."""
    return Samples(settings.data_dir / FOLDER)


def draw_of_run(
    name: str,
    run: str,
    plan: Plan,
    *,
    parts: Assembly,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Sample:
    """Draw a sample of the map of a run that is kept, or further places of one, and keep it.

    The map is made again, by the labels and choices of the run, from what the collection has by
    now; the next report of that run tells what the sample says.

    Args:
        name: Of the sample.
        run: Name of the run.
        plan: How many of what; without a date it is the run's last one.
        parts: The working parts.
        on_progress: Called as the map is made.

    Raises:
        NotFound: no run of that name is kept.
        Conflict: an earlier release has kept it; or as ``draw_sample`` and ``extend_sample``.
    """
    asked, kept = asked_of_run(run, plan, parts.settings)
    if plan.more:
        return extend_sample(name, asked, plan, parts=parts, on_progress=on_progress)
    dated = plan if plan.date else replace(plan, date=kept.facts["dates"][-1])
    return draw_sample(name, kept.collection, asked, dated, parts=parts, on_progress=on_progress)


def asked_of_run(run: str, plan: Plan, settings: Settings) -> tuple[Asked, KeptRun]:
    """Give how the map of a run was made, and the run.

    Raises:
        NotFound, Conflict: as ``draw_of_run``.
        InvalidRequest: the run has no such dates.
    """
    from satseek.monitor.landuse.again import asked_again  # noqa: PLC0415 - slow
    from satseek.monitor.opening import opened_runs  # noqa: PLC0415

    kept = opened_runs(settings).get("landuse", run)
    dates = kept.facts["dates"]
    if not dates:
        raise InvalidRequest(f"run {run!r}: has no map, as nothing has a date and a place")
    for date in (plan.date, plan.since):
        if date is not None and date not in dates:
            raise InvalidRequest(
                f"expected one of the dates {', '.join(dates):.400}, came {date[:40]!r}"
            )
    if plan.since is not None and plan.since >= (plan.date or dates[-1]):
        raise InvalidRequest(f"expected an earlier date than the map's, came {plan.since}")
    return asked_again(kept), kept


def draw_sample(
    name: str,
    collection: str,
    asked: Asked,
    plan: Plan,
    *,
    parts: Assembly,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Sample:
    """Draw a sample of the land-use map of a collection, and keep it.

    Args:
        name: Of the sample.
        collection: Whose map.
        asked: How the map is made; the report of the same run then tells what the sample says.
        plan: How many of what.
        parts: The working parts.
        on_progress: Called as the map is made.

    Raises:
        CollectionNotFound, ModelMismatch, ConceptNotFound, InvalidRequest …: as a land-use run.
        Conflict: there is another sample of that name.
    """
    from satseek.monitor.landuse.accuracy import frame_of, told_of  # noqa: PLC0415 - slow
    from satseek.monitor.samples.strata import answers_for  # noqa: PLC0415

    with _mapped(collection, asked, parts, on_progress) as (found, index):
        date = plan.date or found.dates[-1]
        frame = frame_of(found, index=index, date=date, since=plan.since, gathered=plan.gathered)
        sizes = _sizes(frame.counted(unit=plan.unit), plan)
        with closing(opened_samples(parts.settings)) as samples:
            return samples.make(
                name,
                frame,
                sizes,
                collection=collection,
                subject=_subject(date, plan.since),
                seed=plan.seed,
                unit=plan.unit,
                labels=answers_for(found.names, dates=1 if plan.since is None else 2),
                opinions=plan.opinions,
                told=told_of(found, date=date, since=plan.since, gathered=plan.gathered),
            )


def extend_sample(
    name: str,
    asked: Asked,
    plan: Plan,
    *,
    parts: Assembly,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Sample:
    """Draw further places of a sample; ``plan.size`` or ``plan.sizes`` say how many more.

    Raises:
        SampleNotFound: there is none of that name.
        Conflict: the map is another one by now.
        InvalidRequest: it does not say how many, or as ``draw_sample``.
    """
    from satseek.monitor.landuse.accuracy import frame_again  # noqa: PLC0415 - slow

    with closing(opened_samples(parts.settings)) as samples:
        known = samples.get(name)
        with _mapped(known.collection, asked, parts, on_progress) as (found, index):
            frame = frame_again(known, found, index=index)
        return samples.extend(name, frame, _more(known, plan))


@contextmanager
def _mapped(
    collection: str, asked: Asked, parts: Assembly, on_progress: OnProgress
) -> Iterator[tuple[LandUse, Pinned]]:
    from satseek.monitor.landuse.landuse import land_use  # noqa: PLC0415 - slow

    matched = parts.matched(collection)
    with matched.pinned() as index:
        found = land_use(
            index,
            labels=asked.labels,
            embedder=matched.model.embedder,
            glossary=parts.glossary,
            known=concepts_among(asked.labels, matched, parts),
            choices=asked.choices,
            on_progress=on_progress,
        )
        yield found, index


def _sizes(strata: Sequence[Stratum], plan: Plan) -> Mapping[str, int]:
    if plan.sizes is not None:
        return plan.sizes
    total = plan.size or sample_size(strata, standard_error=plan.standard_error)
    return allocate(strata, max(total, 2 * len(strata)), rule=plan.rule, least=plan.least)


def _more(known: Sample, plan: Plan) -> Mapping[str, int]:
    if plan.sizes is not None:
        return plan.sizes
    if not plan.size:
        raise InvalidRequest("expected how many more places to draw, came nothing")
    total = sum(known.sizes.values()) + plan.size
    sizes = allocate(known.strata, total, rule=plan.rule, least=plan.least, drawn=known.sizes)
    return {stratum: size - known.sizes.get(stratum, 0) for stratum, size in sizes.items()}


def _subject(date: str, since: str | None) -> str:
    return f"land use {date}" if since is None else f"change of land use {since} to {date}"
