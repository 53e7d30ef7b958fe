"""``satseek landuse sample | samples``: a map → places to judge, drawn at random.

Knows only the use-cases.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import CollectionName, Json, assembly, configured
from satseek.cli.areas_showing import sample_facts, show_sample
from satseek.cli.asking import Area, AreaCrs, BoundingBox, End, Start, Where, filter_of
from satseek.cli.landuse import group
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import print_json, print_table, progress_bar
from satseek.errors import InvalidRequest
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.assemble import Assembly
    from satseek.assemble.areas import Plan
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.monitor.landuse.running import Asked
    from satseek.monitor.samples.sample import Sample

SampleName = Annotated[str, typer.Argument(help="Name of the sample.")]

_USUAL: dict[str, Any] = {
    "labels": "planning",
    "own": (),
    "distractors": True,
    "by": "month",
    "least_valid": 0.5,
    "shift": "fitted",
}
"""How a map is made where nothing is said."""


@group.command()
def sample(
    context: typer.Context,
    name: SampleName,
    *,
    run: Annotated[
        str | None,
        typer.Option(help="Run whose map is judged, as its page and report show it."),
    ] = None,
    collection: CollectionName = None,
    date: Annotated[
        str | None, typer.Option(help="Whose map is judged, such as 2024-06. [default: the last]")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Judge the change from this date to --date instead.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=2, help="Places in all. [default: as many as --standard-error takes]"),
    ] = None,
    standard_error: Annotated[
        float, typer.Option(help="Of overall accuracy, where no size is given.")
    ] = 0.02,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRATUM=N",
            help="So many of a stratum instead (with --more: so many more); repeat it.",
        ),
    ] = None,
    more: Annotated[
        int | None, typer.Option(min=1, help="Draw so many more places of the sample.")
    ] = None,
    rule: Annotated[
        str, typer.Option(help="How places are shared out: proportional, equal or neyman.")
    ] = "proportional",
    least: Annotated[int, typer.Option(min=0, help="Places of each stratum at least.")] = 50,
    gather: Annotated[
        int, typer.Option(min=0, help="Strata of fewer cells than this become one.")
    ] = 10,
    unit: Annotated[str, typer.Option(help="What is judged: cell, or point.")] = "cell",
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other places.")] = 0,
    opinions: Annotated[
        int, typer.Option(min=1, max=9, help="How many people judge each place.")
    ] = 1,
    labels: Annotated[str, typer.Option(help="Label set, as of the run.")] = "planning",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", "-l", metavar="NAME[=PROMPT;PROMPT]", help="As of the run; repeat it."
        ),
    ] = None,
    distractors: Annotated[bool, typer.Option(help="As of the run.")] = True,
    by: Annotated[str, typer.Option(help="As of the run: day, month or year.")] = "month",
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    where: Where = None,
    least_valid: Annotated[
        float, typer.Option("--least-valid", help="As of the run: least measured share of a cell.")
    ] = 0.5,
    change: Annotated[
        float | None, typer.Option(help="As of the run: chance of another label, 0 to 1.")
    ] = None,
    shift: Annotated[str, typer.Option(help="As of the run: fitted, mean or none.")] = "fitted",
    json: Json = False,
) -> None:
    """Draw places of a land-use map at random, class by class, for people to judge.

    Example: satseek landuse sample june --run county-2024 --size 300
    """
    from satseek.assemble.areas import Plan, draw_of_run  # noqa: PLC0415

    ground = filter_of(bbox=bbox, area=area, area_crs=area_crs, start=start, end=end, where=where)
    said = {
        "labels": labels,
        "own": tuple(label or ()),
        "distractors": distractors,
        "by": by,
        "least_valid": least_valid,
        "shift": shift,
        "where": ground,
        **({} if change is None else {"change": change}),
    }
    plan = Plan(
        date=date,
        since=since,
        size=size if more is None else more,
        sizes=_sizes(of, more) if of else None,
        standard_error=standard_error,
        rule=one_of(rule, ("proportional", "equal", "neyman"), "--rule"),
        least=least,
        gathered=gather,
        unit=one_of(unit, ("cell", "point"), "--unit"),
        seed=seed,
        opinions=opinions,
        more=more is not None,
    )
    check_data_dir(configured(context).settings)
    with closing(assembly(context)) as parts, progress_bar("land use") as show:
        if run is not None:
            _check_alone(said, collection)
            made = draw_of_run(name, run, plan, parts=parts, on_progress=show)
        else:
            made = _drawn(name, collection, _asked(name, **said), plan, parts=parts, show=show)
    if json:
        print_json(sample_facts(made))
        return
    show_sample(made)


@group.command()
def samples(
    context: typer.Context,
    *,
    remove: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take one out that nobody judged yet.")
    ] = None,
    json: Json = False,
) -> None:
    """List the samples, and how far people are with them.

    Example: satseek landuse samples
    """
    from satseek.assemble.areas import opened_samples  # noqa: PLC0415
    from satseek.monitor.samples.sample import progress_of  # noqa: PLC0415

    settings = configured(context).settings
    if remove is not None:
        check_data_dir(settings)
    with closing(opened_samples(settings)) as store:
        if remove is not None:
            store.remove(remove)
        found = [(one, progress_of(store.settled(one.name))) for one in store.all()]
    if json:
        print_json([sample_facts(one) | {"progress": progress} for one, progress in found])
        return
    head = ["sample", "collection", "of", "places", "judged", "waiting", "contested", "unclear"]
    rows = [
        [one.name, one.collection, one.subject]
        + [str(n) for n in (p.drawn, p.agreed, p.open, p.contested, p.unclear)]
        for one, p in found
    ]
    print_table(head, rows)


def _check_alone(said: Mapping[str, Any], collection: str | None) -> None:
    """Refuse options that say how a map is made beside a run, whose map is made already."""
    usual = {**_USUAL, "where": Filter()}
    other = [name for name, value in said.items() if value != usual.get(name)]
    if other or collection is not None:
        raise InvalidRequest(
            "--run says how the map is made: leave out --collection, --labels, --by, --bbox …"
        )


def _drawn(
    name: str,
    collection: str | None,
    asked: Asked,
    plan: Plan,
    *,
    parts: Assembly,
    show: OnProgress,
) -> Sample:
    from satseek.assemble.areas import draw_sample, extend_sample  # noqa: PLC0415

    if plan.more:
        return extend_sample(name, asked, plan, parts=parts, on_progress=show)
    chosen = parts.chosen(collection)
    return draw_sample(name, chosen, asked, plan, parts=parts, on_progress=show)


def _asked(name: str, **said: Any) -> Asked:
    from satseek.monitor.landuse.asking import Said, asked_of  # noqa: PLC0415

    return asked_of(Said(name=name, **said), folder=Path.cwd())


def _sizes(given: Sequence[str], more: int | None) -> dict[str, int]:
    sizes = {}
    for text in given:
        stratum, _, number = text.rpartition("=")
        if not stratum or not number.strip().isdecimal():
            raise InvalidRequest(f"--of: expected STRATUM=N such as mine=60, came {text!r}")
        sizes[stratum.strip()] = int(number)
    if more is not None and sum(sizes.values()) != more:
        raise InvalidRequest(f"--of: expected {more} more places, came {sum(sizes.values())}")
    return sizes


def one_of(value: str, known: Sequence[str], option: str) -> Any:
    """Give what was typed, if it is one of those known; raises InvalidRequest."""
    if value not in known:
        raise InvalidRequest(f"{option}: expected {' or '.join(known)}, came {value!r}")
    return value
