"""``satseek model``: which models there are, what they are, and how one becomes a bundle.

Knows only cards and reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from satseek.model.activation import Activation
    from satseek.model.reports import GateCheck, GateReport
    from satseek.model.store import ModelStore
    from satseek.types import ModelCard

group = typer.Typer(
    help="See the models; bring one in, prove it, use it, go back.", no_args_is_help=True
)
app.add_typer(group, name="model")


def opened_store(context: typer.Context) -> ModelStore:
    """Open the store of models in the data folder."""
    from satseek.model.store import ModelStore  # noqa: PLC0415 (help must stay fast)

    return ModelStore(configured(context).settings.data_dir / "models")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the stored versions, the shipped model, and which of them is active.

    Example: satseek model list
    """
    store = opened_store(context)
    history, active = store.history(), store.active()
    rows = [*_shipped(), *map(_row, store.versions())]
    for row in rows:
        changes = [one for one in history if one.ref == row["ref"]]
        row["active"] = row["ref"] == (active.ref if active else "starter")
        row["activated"] = changes[-1] if changes else None
    if json:
        print_json({"versions": rows, "history": history})
        return
    head = ["", "model", "precision", "size", "gate", "made from", "last activated"]
    print_table(head, [_cells(row) for row in rows])


@group.command("show")
def show(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME@VERSION]", help="Model, or a bundle's folder; unset: the one in use."
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show a model: its card, how it reads pixels and words, its gate, and when it was activated.

    Example: satseek model show starter
    """
    from satseek.model.reports import read_report  # noqa: PLC0415

    bundle = assembly(context, **({"model": name} if name else {})).bundle
    card, report = bundle.card, read_report(bundle.folder)
    refs = {card.ref} | ({"starter"} if name in (None, "starter") else set())
    history = [one for one in opened_store(context).history() if one.ref in refs]
    if json:
        print_json({"card": card, "folder": bundle.folder, "gate": report, "history": history})
        return
    rows = [*_card_rows(card), *_gate_rows(report), *map(_history_row, history)]
    print_table(["what", "value"], [*rows, ["folder", str(bundle.folder)]])


@group.command()
def export(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Hugging Face SigLIP folder, such as Git-RSCLIP.")],
    target: Annotated[Path, typer.Argument(help="Folder for the bundle.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name on the card. [default: the folder's]")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    training_data: Annotated[str, typer.Option(help="What it was trained on.")] = "not stated",
    full: Annotated[bool, typer.Option("--float32", help="Store float32, not float16.")] = False,
) -> None:
    """Export a downloaded SigLIP model to a bundle that needs no torch to run (extra torch).

    Example: satseek model export ./Git-RSCLIP-base ./git-rsclip-base --licence Apache-2.0
    """
    from satseek.train import export_bundle  # noqa: PLC0415

    configured(context)
    card = export_bundle(
        source,
        target,
        name=name or source.resolve().name,
        licences={"weights": licence},
        training_data=training_data,
        accuracy={},
        precision="float32" if full else "float16",
    )
    say(f"wrote {target}: {card.ref}; use it with --model {target}")


def _shipped() -> list[dict[str, Any]]:
    """The row of the model that is shipped, if it is."""
    from satseek.errors import ModelNotFound  # noqa: PLC0415
    from satseek.model.bundle import starter_bundle  # noqa: PLC0415
    from satseek.model.versions import stored_version  # noqa: PLC0415

    try:
        bundle = starter_bundle()
    except ModelNotFound:
        return []
    return [_row(stored_version(("starter", bundle.card.version), bundle.folder))]


def _row(one: Any) -> dict[str, Any]:
    return {
        "ref": one.ref,
        "name": one.name,
        "version": one.version,
        "precision": one.card.precision,
        "bytes": one.bytes,
        "gate": one.gate,
        "parent": one.card.parent,
        "folder": one.folder,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    last: Activation | None = row["activated"]
    forced = " (forced)" if last and last.forced else ""
    return [
        "*" if row["active"] else "",
        f"{row['name']}@{row['version']}",
        row["precision"],
        f"{row['bytes'] / 1e6:.1f} MB",
        row["gate"],
        row["parent"] or "–",
        f"{last.when:%Y-%m-%d %H:%M} UTC by {last.who}{forced}" if last else "–",
    ]


def _card_rows(card: ModelCard) -> list[list[str]]:
    pixels, words = card.preprocessing, card.tokenization
    return [
        ["name", card.ref],
        ["made from", card.parent or "–"],
        ["family", f"{card.family}, {card.score_head} scores"],
        ["vector", f"{card.dim} numbers, stored {card.precision}"],
        ["image", f"{card.image_size} × {card.image_size} px, {pixels.resize}, {pixels.resample}"],
        ["image values", f"mean {_numbers(pixels.mean)}, std {_numbers(pixels.std)}"],
        ["text", f"{card.context_length} tokens, {words.case} case"],
        ["text ends", f"begin {words.begin or '–'}, end {words.end}, pad {words.pad}"],
        ["logit", f"cosine · exp({card.logit_scale:.6g}) {card.logit_bias:+.6g}"],
        *([f"source: {part}", text] for part, text in card.source.items()),
        ["training data", card.training_data],
        *([f"licence: {part}", text] for part, text in card.licences.items()),
        *([f"measured: {what}", f"{value:.3f}"] for what, value in card.accuracy.items()),
    ]


def _gate_rows(report: GateReport | None) -> list[list[str]]:
    if report is None:
        return [["gate", "none: it was never checked"]]
    passed = "passed" if report.passed else "failed"
    on = f"{report.images} images and {report.texts} texts"
    return [
        ["gate", f"{passed}: {report.kind} against {report.reference} on {on}, {report.date}"],
        *([f"gate: {check.name}", _verdict(check)] for check in report.checks),
    ]


def _verdict(check: GateCheck) -> str:
    passed = "passed" if check.passed else "FAILED"
    return f"{check.value:.8g}, {check.rule} {check.threshold:.8g}: {passed}"


def _history_row(one: Activation) -> list[str]:
    forced = ", forced" if one.forced else ""
    note = f" ({one.note})" if one.note else ""
    return [one.action, f"{one.when:%Y-%m-%d %H:%M:%S} UTC by {one.who}{forced}{note}"]


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
