"""``satseek model quantize | gate``: make a version smaller, prove it. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from satseek.cli.application import Json, assembly, configured
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.modelling import group, opened_store
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.cli.recording import recorded
from satseek.errors import GateNotPassed, InvalidRequest

if TYPE_CHECKING:
    from satseek.jobs.asking import Task
    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.model.store import ModelStore
    from satseek.types import ModelCard

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
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Make a smaller, faster version of a model and prove it against the original (extra quantize).

    Example: satseek model quantize starter --images SCENES --activate
    """
    apart = wants_job(detach, priority=priority, key=key)
    if apart and use:
        raise InvalidRequest("--activate with --detach: activate the version once it is there")
    if images is not None and collection is not None:
        raise InvalidRequest("give --images or --collection, not both")
    asked = {
        "model": name,
        "to": to,
        "towers": towers,
        "folder": images,
        "texts": _texts(texts),
        "collection": collection,
        "chips": chips,
        "finetune": finetune,
        "minutes": minutes,
        "keep": keep,
    }
    task = asked_of("quantize", asked)
    if apart:
        detached(context, task, priority=priority, key=key, json=json)
        return
    _make(context, task, use=use, json=json)


def _make(context: typer.Context, task: Task, *, use: bool, json: bool) -> None:
    from satseek.jobs.quantizing import QuantizeTask, make_version  # noqa: PLC0415

    assert isinstance(task, QuantizeTask)
    with progress_bar("quantize") as show:
        made = make_version(task, configured(context).settings, show)
    _show(made.card, made.report, json=json, stored=made.stored)
    if refusal := made.refusal():
        raise refusal
    if use:
        store = opened_store(context)
        with recorded(context, "model.activate", made.card.ref):
            change = store.activate(made.card.ref)
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
    from satseek.assemble.sampling import samples_of  # noqa: PLC0415
    from satseek.quantize.needing import need_onnx  # noqa: PLC0415

    need_onnx()
    from satseek.model.reports import read_report  # noqa: PLC0415
    from satseek.model.reproving import keeps_reports, replace_report  # noqa: PLC0415
    from satseek.quantize.proving import prove  # noqa: PLC0415

    store = opened_store(context)
    judged = store.find(name)
    parent = store.find(against) if against else _parent(store, judged)
    with progress_bar("gate") as show:
        _, proof = samples_of(
            assembly(context),
            images=images,
            texts=_texts(texts),
            collection=collection,
            chips=chips,
            show=show,
        )
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


def _texts(path: Path | None) -> list[str] | None:
    from satseek.quantize.sampling import file_texts  # noqa: PLC0415

    return None if path is None else file_texts(path)


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
