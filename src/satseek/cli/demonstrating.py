"""``satseek demo``: the made-up county, indexed and searched. Knows only the use-case."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.printing import indexing_bar, print_json, print_table, progress_bar, say
from satseek.errors import ModelMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.assemble import Assembly
    from satseek.index.collection import Collection
    from satseek.search.demonstrating import CheckedAnswer

group = typer.Typer(help="Make and search a made-up county.", no_args_is_help=True)
app.add_typer(group, name="demo")

COLLECTION = "county"

Seed = Annotated[int, typer.Option(help="Another seed makes another county.")]
Size = Annotated[int, typer.Option(help="Edge of the county in pixels of 1 m.")]


@group.command()
def make(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder for scenes and truth.")],
    *,
    seed: Seed = 0,
    size: Size = 8192,
) -> None:
    """Write scenes of a made-up county at two dates, and the truth beside them.

    Example: satseek demo make ./county
    """
    from satseek.search.demonstrating import county_at  # noqa: PLC0415

    configured(context)
    with progress_bar("county") as show:
        manifest = county_at(folder, seed=seed, size=size, on_progress=show)
    say(f"{folder}: {len(manifest.scenes)} scenes, dates {', '.join(manifest.dates)}")


@group.command()
def run(
    context: typer.Context,
    *,
    folder: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path(
        "demo"
    ),
    seed: Seed = 0,
    size: Size = 8192,
    k: Annotated[int, typer.Option("-k", help="Hits for each text.")] = 10,
    quiet: Annotated[bool, typer.Option("--quiet", help="Prepare, but do not search.")] = False,
    json: Json = False,
) -> None:
    """Make the county, index it, search it with words, and check the hits against the truth.

    Example: satseek demo run --folder demo
    """
    from satseek.search.demonstrating import (  # noqa: PLC0415
        DEMO_QUERIES,
        CountyTruth,
        ask_county,
        county_at,
    )
    from satseek.search.sheets import write_sheet  # noqa: PLC0415

    county, sheet = folder / "county", folder / "contact_sheet.png"
    with progress_bar("county") as show:
        county_at(county, seed=seed, size=size, on_progress=show)
    parts = assembly(context, data_dir=folder / "data")
    collection = _indexed(county, parts)
    if quiet:
        return
    truth = CountyTruth.read(county)
    answers = ask_county(DEMO_QUERIES, truth=truth, index=collection, embedder=parts.embedder, k=k)
    write_sheet([answer.row() for answer in answers], sheet, collection=collection)
    if json:
        print_json({"answers": answers, "contact_sheet": sheet})
    else:
        _print_answers(answers)
    say(f"\nwrote {sheet}; `make serve` shows the same on a map at http://127.0.0.1:7860")


def _indexed(county: Path, parts: Assembly) -> Collection:
    from satseek.assemble import Layout  # noqa: PLC0415
    from satseek.search.indexing import index_folder  # noqa: PLC0415

    try:
        opened = parts.writer(COLLECTION, Layout())
    except ModelMismatch:  # the demonstration is of the model in use: made again with it
        shutil.rmtree(parts.collections_dir / COLLECTION)
        opened = parts.writer(COLLECTION, Layout())
    with opened as target, indexing_bar() as on_progress:
        report = index_folder(
            county / "scenes",
            collection=target,
            embedder=parts.bulk_embedder,
            workers=parts.workers,
            batch=parts.batch,
            on_progress=on_progress,
        )
    if report.chips_added:
        say(
            f"indexed {report.scenes} scenes, {report.chips_added} chips in {report.seconds:.1f} s "
            f"({report.chips_added / report.seconds:.0f} chips/s)"
        )
    return parts.matched(COLLECTION).collection


def _print_answers(answers: Sequence[CheckedAnswer]) -> None:
    for answer in answers:
        size = len(answer.hits)
        typer.echo(f"\n“{answer.query.text}”  precision@{size} {answer.precision:.2f}")
        rows = [
            [
                str(one.hit.rank),
                f"{one.hit.scores['cosine']:.3f}",
                "right" if one.right else "wrong",
                one.true_class.replace("_", " "),
                one.hit.chip.id,
            ]
            for one in answer.hits
        ]
        print_table(["rank", "cosine", "truth", "true class", "chip"], rows)
    mean = sum(answer.precision for answer in answers) / len(answers)
    typer.echo(f"\nmean precision over {len(answers)} texts: {mean:.2f}")
