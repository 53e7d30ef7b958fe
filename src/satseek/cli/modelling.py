"""``satseek model``: what a model is, and how it becomes a bundle. Knows only cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.printing import print_json, print_table, say

group = typer.Typer(help="See a model, make a bundle of one.", no_args_is_help=True)
app.add_typer(group, name="model")


@group.command("show")
def show(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Model; unset: the one in use.")] = None,
    *,
    json: Json = False,
) -> None:
    """Show a model's card: version, shapes, licences, measured accuracy.

    Example: satseek model show starter
    """
    bundle = assembly(context, **({"model": name} if name else {})).bundle
    card = bundle.card
    if json:
        print_json({"card": card, "folder": bundle.folder})
        return
    rows = [
        ["name", f"{card.name}@{card.version}"],
        ["vector", f"{card.dim} numbers, stored {card.precision}"],
        ["image", f"{card.image_size} × {card.image_size} px"],
        ["text", f"{card.context_length} tokens"],
        ["training data", card.training_data],
        *([f"licence: {part}", text] for part, text in card.licences.items()),
        *([f"measured: {what}", f"{value:.3f}"] for what, value in card.accuracy.items()),
        ["folder", str(bundle.folder)],
    ]
    print_table(["what", "value"], rows)


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
    say(f"wrote {target}: {card.name}@{card.version}; use it with --model {target}")
