"""``satseek landuse answer | areas``: places that were drawn → answers, and honest areas.

Knows only the use-cases.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, assembly, configured
from satseek.cli.areas_showing import (
    place_facts,
    sample_facts,
    show_areas,
    show_place,
    write_areas,
    write_pictures,
)
from satseek.cli.landuse import group
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import print_json, say
from satseek.cli.recording import operator
from satseek.cli.sampling import SampleName, one_of
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


Who = Annotated[
    str | None, typer.Option(help="Who answers. [default: whoever sits at this terminal]")
]


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
    settings = configured(context).settings
    check_data_dir(settings)
    with closing(opened_samples(settings)) as store:
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

    chosen = one_of(interval, ("wilson", "wald"), "--interval")
    spoken = one_of(language, ("en", "zh"), "--language")
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


def _tell(facts: Any, said: str, *, json: bool) -> None:
    if json:
        print_json(facts)
    else:
        say(said)
