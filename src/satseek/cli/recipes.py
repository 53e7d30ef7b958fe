"""``satseek recipe``: which recipes there are, and one fitted to scenes. Knows only recipes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import list_refusals, print_json, print_table, say
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.types import Recipe

group = typer.Typer(
    help="See how samples become pixels; fit a recipe to scenes.", no_args_is_help=True
)
app.add_typer(group, name="recipe")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the recipes that can be named.

    Example: satseek recipe list
    """
    from satseek.imagery.named_recipes import NEWEST, PURPOSES, recipe_label  # noqa: PLC0415

    configured(context)
    if json:
        print_json([{"recipe": one, "purpose": PURPOSES[one.name]} for one in NEWEST.values()])
        return
    rows = [[recipe_label(one), _bands(one), PURPOSES[one.name]] for one in NEWEST.values()]
    print_table(["recipe", "bands", "what for"], rows)


@group.command("show")
def show(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="NAME, NAME@VERSION, or a file of JSON.")],
) -> None:
    """Print a recipe as JSON: a start for one of your own.

    Example: satseek recipe show sentinel2-l2a
    """
    from satseek.imagery.recipe_files import find_recipe, recipe_to_json  # noqa: PLC0415

    configured(context)
    typer.echo(recipe_to_json(find_recipe(recipe)))


@group.command("fit")
def fit(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of scenes of one kind, or one scene.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the recipe.")],
    bands: Annotated[
        str,
        typer.Option(help="One or three: numbers, names (B04) or common names (red,green,blue)."),
    ] = "",
    low: Annotated[float, typer.Option(help="Percentile that becomes black.")] = 2.0,
    high: Annotated[float, typer.Option(help="Percentile that becomes white.")] = 98.0,
    mask: Annotated[str, typer.Option(help="Leave clouds out: none, scl or qa_pixel.")] = "none",
    scenes: Annotated[int, typer.Option(min=1, help="Scenes to look at, at most.")] = 64,
) -> None:
    """Take percentiles over many scenes and print a recipe with them, fixed for a collection.

    Example: satseek recipe fit ./scenes --name mine > mine.json && satseek index ./scenes
    --recipe mine.json
    """
    from satseek.imagery.fitting import fit_recipe  # noqa: PLC0415
    from satseek.imagery.recipe_files import recipe_from_json, recipe_to_json  # noqa: PLC0415

    configured(context)
    like = recipe_from_json(
        _as_json(name=name, bands=bands, low=low, high=high, mask=mask), name="satseek recipe fit"
    )
    found = fit_recipe(folder, like=like, most=scenes)
    typer.echo(recipe_to_json(found.recipe))
    say(f"fitted to {found.scenes} scenes, {len(found.refusals)} refused")
    list_refusals(found.refusals)


def _as_json(*, name: str, bands: str, low: float, high: float, mask: str) -> str:
    import json  # noqa: PLC0415

    if not 0 <= low < high <= 100:  # noqa: PLR2004 (percent)
        raise InvalidRequest(f"--low and --high are percentiles in 0–100, came {low} and {high}")
    asked = [word.strip() for word in bands.split(",") if word.strip()]
    return json.dumps(
        {
            "name": name,
            "bands": [int(word) if word.isdecimal() else word for word in asked],
            "stretch": "percentile",
            "low": low,
            "high": high,
            "mask": mask,
        }
    )


def _bands(recipe: Recipe) -> str:
    return ", ".join(map(str, recipe.bands)) or "as the scene has them"
