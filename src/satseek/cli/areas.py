"""``satseek landuse sample | answer | areas``: a map → places to judge, answers, honest areas.

Knows only the use-cases.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import CollectionName, Json, assembly, configured
from satseek.cli.areas_showing import (
    place_facts,
    sample_facts,
    show_areas,
    show_place,
    show_sample,
    write_areas,
    write_pictures,
)
from satseek.cli.asking import Area, AreaCrs, BoundingBox, End, Start, Where, filter_of
from satseek.cli.landuse import group
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.cli.recording import operator
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.landuse.running import Asked

SampleName = Annotated[str, typer.Argument(help="Name of the sample.")]
Who = Annotated[
    str | None, typer.Option(help="Who answers. [default: whoever sits at this terminal]")
]


@group.command()
def sample(
    context: typer.Context,
    name: SampleName,
    *,
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

    Example: satseek landuse sample june --date 2024-06 --size 300
    """
    from satseek.assemble.areas import Plan, draw_sample, extend_sample  # noqa: PLC0415

    ground = filter_of(bbox=bbox, area=area, area_crs=area_crs, start=start, end=end, where=where)
    asked = _asked(
        name,
        labels=labels,
        own=tuple(label or ()),
        distractors=distractors,
        by=by,
        where=ground,
        least_valid=least_valid,
        shift=shift,
        **({} if change is None else {"change": change}),
    )
    plan = Plan(
        date=date,
        since=since,
        size=size if more is None else more,
        sizes=_sizes(of, more) if of else None,
        standard_error=standard_error,
        rule=_one_of(rule, ("proportional", "equal", "neyman"), "--rule"),
        least=least,
        gathered=gather,
        unit=_one_of(unit, ("cell", "point"), "--unit"),
        seed=seed,
        opinions=opinions,
    )
    check_data_dir(configured(context).settings)
    with closing(assembly(context)) as parts, progress_bar("land use") as show:
        if more is not None:
            made = extend_sample(name, asked, plan, parts=parts, on_progress=show)
        else:
            chosen = parts.chosen(collection)
            made = draw_sample(name, chosen, asked, plan, parts=parts, on_progress=show)
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

    with closing(opened_samples(configured(context).settings)) as store:
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


@group.command()
def answer(
    context: typer.Context,
    name: SampleName,
    place: Annotated[str | None, typer.Argument(help="Which. [default: show the next]")] = None,
    label: Annotated[str | None, typer.Argument(help="What it is, or 'cannot tell'.")] = None,
    *,
    who: Who = None,
    comment: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    pictures: Annotated[
        Path | None, typer.Option(help="Write the pictures of the next place into this folder.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write what waits, to be filled in: .csv, .geojson …"),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Read filled answers: .csv or .geojson.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge a sample's places: one by one, or in a table that is filled in elsewhere.

    Example: satseek landuse answer june && satseek landuse answer june PLACE forest
    """
    from satseek.assemble.areas import opened_samples  # noqa: PLC0415
    from satseek.monitor.samples.files import read_answers, write_places  # noqa: PLC0415

    if (place is None) != (label is None):
        raise InvalidRequest("expected a place and what it is, or neither to be shown the next")
    if sum(one is not None for one in (place, out, file)) > 1:
        raise InvalidRequest("give a place and its label, --file or --out, not several of them")
    name_of = who or operator().name
    with closing(opened_samples(configured(context).settings)) as store:
        if out is not None:
            count = write_places(store.settled(name), out, shown="places")
            _tell({"file": out, "places": count}, f"wrote {count} places into {out}", json=json)
            return
        if file is not None:
            kept = store.take_in(name, read_answers(file, who=name_of))
            _tell({"answers": len(kept)}, f"took {len(kept)} answers from {file}", json=json)
            return
        if place is not None and label is not None:
            said = store.answer(name, place, label, who=name_of, comment=comment)
            _tell({"answer": said}, f"{said.place} is {said.label}", json=json)
            return
        asked, found = store.get(name), store.next_for(name_of, name)
    if found is None:
        _tell(None, "there is nothing left that you could judge", json=json)
        return
    files: Sequence[Path] = ()
    if pictures is not None:
        with closing(assembly(context)) as parts:
            files = write_pictures(found, parts.reader(asked.collection), pictures)
    if json:
        print_json(place_facts(found, asked) | {"pictures": files})
        return
    show_place(found, asked, files)


@group.command()
def areas(
    context: typer.Context,
    name: SampleName,
    *,
    interval: Annotated[
        str, typer.Option(help="Of 95 %: wilson, or wald as the literature has it.")
    ] = "wilson",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the areas: .csv, .xlsx, .html or .pdf."),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="Write every place with its answers, for the record: .csv, .gpkg …"),
    ] = None,
    language: Annotated[str, typer.Option(help="Of a report: en or zh.")] = "en",
    json: Json = False,
) -> None:
    """Tell the map's accuracy and the areas that follow, with 95 % confidence intervals.

    Example: satseek landuse areas june --out areas.html
    """
    from satseek.assemble.areas import opened_samples  # noqa: PLC0415
    from satseek.monitor.areas.sampled import estimate_sample  # noqa: PLC0415
    from satseek.monitor.samples.files import write_places  # noqa: PLC0415

    chosen = _one_of(interval, ("wilson", "wald"), "--interval")
    spoken = _one_of(language, ("en", "zh"), "--language")
    with closing(opened_samples(configured(context).settings)) as store:
        drawn, settled = store.get(name), store.settled(name)
    found = estimate_sample(drawn, settled, interval=chosen)
    if answers is not None:
        say(f"wrote {write_places(settled, answers, shown='answers')} lines into {answers}")
    if out is not None:
        write_areas(found, drawn, out, language=spoken, operator=operator().name)
        say(f"wrote {out}")
    if json:
        notes = [one.said() for one in found.notes]
        print_json({"sample": sample_facts(drawn), "areas": found, "notes": notes})
        return
    show_areas(found)


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


def _one_of(value: str, known: Sequence[str], option: str) -> Any:
    if value not in known:
        raise InvalidRequest(f"{option}: expected {' or '.join(known)}, came {value!r}")
    return value


def _tell(facts: Any, said: str, *, json: bool) -> None:
    if json:
        print_json(facts)
    else:
        say(said)
