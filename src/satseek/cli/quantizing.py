"""``satseek model quantize | gate``: make a version smaller, prove it. Knows only the use-case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from satseek.cli.application import Json, assembly, configured
from satseek.cli.modelling import group, opened_store
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.cli.recording import recorded
from satseek.errors import GateNotPassed, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.model.store import ModelStore
    from satseek.quantize.sampling import Sample
    from satseek.types import ModelCard, Pixels

    Progress = Callable[[str, int, int], None]

Images = Annotated[
    Path | None,
    typer.Option(help="Folder of your own scenes to measure on. [default: made-up counties]"),
]
Texts = Annotated[
    Path | None,
    typer.Option(help="Your own texts, one a line. [default: about land cover]"),
]
Chosen = Annotated[
    str | None,
    typer.Option("--collection", "-c", help="Collection of your own whose chips to measure on."),
]
Chips = Annotated[int, typer.Option(help="Chips to set ranges with, and as many to prove it on.")]

LEAST_CHIPS = 32
"""Fewer say too little: the proof's ten hits would be a third of all chips."""


@group.command()
def quantize(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME@VERSION]", help="Model; unset: the one in use.")
    ] = None,
    *,
    to: Annotated[
        Literal["int8", "float16", "bfloat16"], typer.Option(help="What it is stored as.")
    ] = "int8",
    towers: Annotated[
        Literal["both", "image", "text"], typer.Option(help="Which towers change.")
    ] = "both",
    images: Images = None,
    texts: Texts = None,
    collection: Chosen = None,
    chips: Chips = 256,
    finetune: Annotated[
        bool, typer.Option("--finetune", help="Refit the last projection, if that is better.")
    ] = False,
    minutes: Annotated[
        float, typer.Option(help="Longest search for sensitive layers, per tower.")
    ] = 10.0,
    use: Annotated[
        bool, typer.Option("--activate", help="Make it the one in use, if its gate passes.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Store it even where its gate fails; see activate.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a smaller, faster version of a model and prove it against the original (extra quantize).

    Example: satseek model quantize starter --images SCENES --activate
    """
    from satseek.quantize.needing import need_onnx  # noqa: PLC0415

    need_onnx()
    from satseek.model.reports import read_report  # noqa: PLC0415
    from satseek.quantize.calibrating import Options  # noqa: PLC0415
    from satseek.quantize.quantizing import check_parent, quantize_bundle  # noqa: PLC0415

    parent, store = _bundle(context, name), opened_store(context)
    check_parent(parent, to)
    options = Options(
        finetune=finetune,
        search_seconds=minutes * 60,
        threads=configured(context).settings.threads or 0,
    )
    with progress_bar("quantize") as show, store.staging() as folder:
        seen, proof = _samples(context, images, texts, collection, chips=chips, show=show)
        card = quantize_bundle(
            parent,
            folder,
            images=seen.images,
            texts=seen.texts,
            proof=proof,
            to=to,
            towers=towers,
            options=options,
            report=show,
        )
        report = read_report(folder)
        assert report is not None, "quantize_bundle writes one"
        stored = report.passed or keep
        if stored:
            store.add(folder)
    _show(card, report, json=json, stored=stored)
    if not report.passed:
        raise _refusal(report, card, stored=stored)
    if use:
        with recorded(context, "model.activate", card.ref):
            change = store.activate(card.ref)
        say(f"active: {change.ref}")


@group.command()
def gate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Version to be judged.")],
    *,
    against: Annotated[
        str | None, typer.Option(help="What to compare with. [default: what it was made from]")
    ] = None,
    images: Images = None,
    texts: Texts = None,
    collection: Chosen = None,
    chips: Chips = 256,
    json: Json = False,
) -> None:
    """Prove a version again, on your own imagery if given, and store the report (extra quantize).

    Example: satseek model gate satseek-starter@d306 --images SCENES
    """
    from satseek.quantize.needing import need_onnx  # noqa: PLC0415

    need_onnx()
    from satseek.model.reports import read_report  # noqa: PLC0415
    from satseek.model.reproving import keeps_reports, replace_report  # noqa: PLC0415
    from satseek.quantize.proving import prove  # noqa: PLC0415

    store = opened_store(context)
    judged = store.find(name)
    parent = store.find(against) if against else _parent(store, judged)
    with progress_bar("gate") as show:
        _, proof = _samples(context, images, texts, collection, chips=chips, show=show)
        before = read_report(judged.folder)
        details = before.details if before else {}
        report = prove(judged, parent, proof=proof, details=details)
    stored = keeps_reports(store, judged)
    if stored:
        replace_report(store, judged, report)
    else:
        say("the report is not stored: only a version in the store keeps one")
    _show(judged.card, report, json=json, stored=stored)
    if not report.passed:
        raise _refusal(report, judged.card, stored=stored)


def _bundle(context: typer.Context, name: str | None) -> Bundle:
    return assembly(context, **({"model": name} if name else {})).bundle


def _parent(store: ModelStore, judged: Bundle) -> Bundle:
    """What a version was made from, in the store or shipped."""
    from satseek.errors import ModelNotFound  # noqa: PLC0415
    from satseek.model.bundle import starter_bundle  # noqa: PLC0415

    card = judged.card
    if not card.parent:
        raise InvalidRequest(f"{card.ref}: was made from no other version; name one with --against")
    try:
        return store.find(f"{card.name}@{card.parent}")
    except ModelNotFound:
        shipped = starter_bundle()
        if shipped.card.version != card.parent:
            raise
        return shipped


def _samples(
    context: typer.Context,
    images: Path | None,
    texts: Path | None,
    collection: str | None,
    *,
    chips: int,
    show: Progress,
) -> tuple[Sample, Sample]:
    """Chips and texts for ranges, and others for the proof."""
    from satseek.quantize.sampling import (  # noqa: PLC0415
        CALIBRATION_SEED,
        PROOF_SEED,
        Sample,
        county_sample,
        file_texts,
        folder_images,
        halved,
        usual_texts,
    )

    if chips < LEAST_CHIPS:
        raise InvalidRequest(f"expected --chips {LEAST_CHIPS} or more, got {chips}")
    if images is not None and collection is not None:
        raise InvalidRequest("give --images or --collection, not both")
    seeds = (CALIBRATION_SEED, PROOF_SEED)
    if images is None and collection is None:
        made = [county_sample(seed=s, images=chips, texts=chips, report=show) for s in seeds]
    else:
        own = (
            folder_images(images, images=2 * chips)
            if images is not None
            else _collection_images(context, collection or "", count=2 * chips)
        )
        said = [usual_texts(seed=s, texts=chips) for s in seeds]
        made = [Sample(images=i, texts=t) for i, t in zip(halved(own), said, strict=True)]
    if texts is not None:
        own_texts = halved(file_texts(texts))
        made = [replace(one, texts=t) for one, t in zip(made, own_texts, strict=True)]
    return made[0], made[1]


def _collection_images(context: typer.Context, name: str, *, count: int) -> list[Pixels]:
    from satseek.quantize.sampling import FEWEST, spread  # noqa: PLC0415
    from satseek.search.thumbnails import chip_pixels  # noqa: PLC0415

    parts = assembly(context)
    collection = parts.reader(name)
    if len(collection) < FEWEST:
        raise InvalidRequest(f"collection {name!r}: expected {FEWEST} chips or more")
    chosen = collection.chips(spread(len(collection), count))
    return [chip_pixels(chip.id, collection=collection) for chip in chosen]


def _show(card: ModelCard, report: GateReport, *, json: bool, stored: bool) -> None:
    ref = card.ref
    if json:
        print_json({"card": card, "gate": report, "passed": report.passed, "stored": stored})
        return
    typer.echo(f"{ref}, {card.precision}, against {report.reference}")
    typer.echo(f"on {report.images} chips and {report.texts} texts; {report.machine}")
    print_table(
        ["figure", "value", "threshold", ""],
        [
            [
                check.name,
                f"{check.value:.5f}",
                f"{check.rule} {check.threshold:g}",
                "passed" if check.passed else "FAILED",
            ]
            for check in report.checks
        ],
    )
    for tower in ("image tower", "text tower"):
        floating = report.details.get(tower, {}).get("layers in float", [])
        if floating:
            say(f"{tower}: kept in float: {', '.join(floating)}")
    if report.passed:
        say(f"passed; use it with satseek model activate {ref}")


def _refusal(report: GateReport, card: ModelCard, *, stored: bool) -> GateNotPassed:
    failed = ", ".join(check.name for check in report.checks if not check.passed)
    kept = "it is kept all the same" if stored else "it is not stored"
    return GateNotPassed(
        f"{card.ref}: its gate failed at {failed}; {kept}. A model whose labels "
        "lie close together, such as one of random weights, may fail on agreement alone"
    )
