"""``satseek config``: what is set. Knows every setting."""

from __future__ import annotations

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import print_json, print_table

group = typer.Typer(help="See the settings in force.", no_args_is_help=True)
app.add_typer(group, name="config")


@group.command("show")
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show every setting, its value and where it came from.

    Example: satseek config show
    """
    known = configured(context)
    values = known.settings.model_dump(mode="json")
    if json:
        print_json(
            {name: {"value": value, "from": known.origins[name]} for name, value in values.items()}
        )
        return
    rows = [[name, str(value), known.origins[name]] for name, value in values.items()]
    print_table(["setting", "value", "from"], rows)
