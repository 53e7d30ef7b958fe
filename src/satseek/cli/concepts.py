"""``satseek concept``: queries saved under a name. Knows only the store of them."""

from __future__ import annotations

import json as jsonlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import recorded
from satseek.errors import FolderNotFound, InvalidRequest

if TYPE_CHECKING:
    from satseek.search.concepts import ConceptStore
    from satseek.types import Concept

group = typer.Typer(help="Save queries under a name.", no_args_is_help=True)
app.add_typer(group, name="concept")

Name = Annotated[str, typer.Argument(help="Letters, digits and '-_.'.")]
Ref = Annotated[str, typer.Argument(help="NAME, or NAME@VERSION.")]


@group.command("save")
def save(
    context: typer.Context,
    name: Name,
    *,
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", "-p", help="Words for it; may be repeated.")
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(help="Words for what is mistaken for it.")
    ] = None,
    like: Annotated[
        list[str] | None, typer.Option(help="Chip that shows it: COLLECTION/CHIP.")
    ] = None,
    dislike: Annotated[list[str] | None, typer.Option(help="Chip that does not.")] = None,
    least: Annotated[
        float | None, typer.Option(help="Least percentile of its hits, 0 to 100.")
    ] = None,
    notes: Annotated[str, typer.Option(help="What is to be known of it.")] = "",
    json: Json = False,
) -> None:
    """Save a concept as the next version under its name; those before are kept.

    Example: satseek concept save mines -p 'an open-pit mine' -p 'a quarry' --negative 'bare field'
    """
    from satseek.types import Concept  # noqa: PLC0415

    concept = Concept(
        name=name,
        version=0,
        prompts=tuple(prompt or ()),
        negatives=tuple(negative or ()),
        liked=tuple(like or ()),
        disliked=tuple(dislike or ()),
        notes=notes,
        least=least,
    )
    with recorded(context, "concept.save", name):
        saved = _opened(context).save(concept)
    _told(saved, json=json)


@group.command("list")
def list_concepts(context: typer.Context, *, json: Json = False) -> None:
    """List the concepts, each in its newest version.

    Example: satseek concept list
    """
    concepts = _opened(context).list()
    if json:
        print_json([_written(one) for one in concepts])
        return
    rows = [
        [
            one.name,
            str(one.version),
            f"{one.created:%Y-%m-%d %H:%M}" if one.created else "–",
            str(len(one.liked)),
            str(len(one.disliked)),
            "; ".join(one.prompts) or "–",
        ]
        for one in concepts
    ]
    print_table(["name", "version", "saved", "liked", "disliked", "prompts"], rows)


@group.command("show")
def show(context: typer.Context, concept: Ref, *, json: Json = False) -> None:
    """Show a concept: the newest version, or another one.

    Example: satseek concept show mines@2
    """
    from satseek.search.concepts import parse_reference  # noqa: PLC0415

    name, version = parse_reference(concept)
    found = _opened(context).get(name, version)
    if json:
        print_json(_written(found))
        return
    rows = [
        [field, "; ".join(value) if isinstance(value, tuple | list) else str(value)]
        for field, value in _written(found).items()
        if value not in (None, "", (), [])
    ]
    print_table(["field", "value"], rows)


@group.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Remove a concept with all its versions; one saved later goes on counting.

    Example: satseek concept remove mines
    """
    with recorded(context, "concept.remove", name):
        _opened(context).remove(name)
    say(f"removed concept {name}")


@group.command("export")
def export_concepts(
    context: typer.Context,
    concepts: Annotated[
        list[str] | None, typer.Argument(help="NAME or NAME@VERSION; none: all of them.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; unset: standard output.")
    ] = None,
) -> None:
    """Write concepts as JSON, to be carried to another machine.

    Example: satseek concept export mines --out mines.json
    """
    from satseek.search.concepts import parse_reference  # noqa: PLC0415

    store = _opened(context)
    asked = [store.get(*parse_reference(one)) for one in concepts or ()] or store.list()
    content = jsonlib.dumps([_written(one) for one in asked], ensure_ascii=False, indent=1)
    if out is None:
        typer.echo(content)
        return
    out.write_text(f"{content}\n", encoding="utf-8")
    say(f"wrote {len(asked)} concepts into {out}")


@group.command("import")
def import_concepts(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `satseek concept export` wrote.")],
    *,
    name: Annotated[str | None, typer.Option(help="Another name, for a file of one.")] = None,
    json: Json = False,
) -> None:
    """Save the concepts of a file, each as the next version under its name.

    Example: satseek concept import mines.json
    """
    from satseek.search.concepts import check_concept, read_concept  # noqa: PLC0415

    read = [check_concept(read_concept(one)) for one in _content(file)]
    if name is not None:
        if len(read) != 1:
            raise InvalidRequest(f"--name takes a file of one concept, {file} has {len(read)}")
        read = [replace(read[0], name=name)]
    store, saved = _opened(context), list["Concept"]()
    for one in read:
        with recorded(context, "concept.save", one.name):
            saved.append(store.save(one))
    if json:
        print_json([_written(one) for one in saved])
        return
    for one in saved:
        _told(one, json=False)


def _content(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        raise FolderNotFound(f"no file {file}")
    try:
        content = jsonlib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{file}: expected concepts as JSON: {error}") from error
    listed = content if isinstance(content, list) else [content]
    if not listed or not all(isinstance(one, dict) for one in listed):
        raise InvalidRequest(f"{file}: expected one or more concepts as JSON")
    return listed


def _told(saved: Concept, *, json: bool) -> None:
    if json:
        print_json(_written(saved))
    else:
        say(f"saved concept {saved.name}@{saved.version}")


def _written(concept: Concept) -> dict[str, Any]:
    from satseek.search.concepts import written  # noqa: PLC0415

    return written(concept)


def _opened(context: typer.Context) -> ConceptStore:
    from satseek.search.concepts import ConceptStore  # noqa: PLC0415

    return ConceptStore(configured(context).settings.data_dir / "concepts")
