"""``satseek model``: what the model in use is. Knows only its card."""

from __future__ import annotations

from typing import Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table

group = typer.Typer(help="See the model in use.", no_args_is_help=True)
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
