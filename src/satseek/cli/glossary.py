"""``satseek glossary``: Chinese words and what they are taken for. Knows only the glossary."""

from __future__ import annotations

from typing import Annotated

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import print_json, print_table, say

group = typer.Typer(help="Show what Chinese words are taken for.", no_args_is_help=True)
app.add_typer(group, name="glossary")


@group.command("show")
def show(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="A query to be translated; unset: all words.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show all words, or what a query is taken for.

    Example: satseek glossary show 水库旁的村庄
    """
    from satseek.search.glossary import glossary_in  # noqa: PLC0415

    glossary = glossary_in(configured(context).settings.data_dir)
    if text is not None:
        translation = glossary.translate(text)
        if json:
            print_json(translation)
        else:
            typer.echo(translation.shown)
        return
    if json:
        print_json(list(glossary.terms.values()))
        return
    rows = [[one.word, one.kind, "; ".join(one.names)] for one in glossary.terms.values()]
    print_table(["word", "kind", "names"], rows)


@group.command("path")
def path(context: typer.Context) -> None:
    """Say which file to write words of your own into; they go before the shipped ones.

    Example: satseek glossary path
    """
    from satseek.search.glossary import FILE_NAME  # noqa: PLC0415

    file = configured(context).settings.data_dir / FILE_NAME
    if not file.exists():
        say("there is none yet; a line is: WORD, tab, kind (mostly thing), tab, NAME; NAME")
    typer.echo(str(file))
