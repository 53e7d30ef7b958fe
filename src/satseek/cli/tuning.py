"""``satseek collection tune``: how much a search must look at, by kind. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, assembly
from satseek.cli.collections import group
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import FolderNotFound, InvalidRequest

if TYPE_CHECKING:
    from satseek.index.tuning import Tuning

Recall = Annotated[
    float, typer.Option(min=0.5, max=0.9999, help="Share of the ten nearest chips to be found.")
]
Texts = Annotated[
    Path | None,
    typer.Option("--texts", help="File of your own queries, one a line. [default: built-in ones]"),
]


@group.command()
def tune(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Collection; unset: the only one.")] = None,
    *,
    recall: Recall = 0.98,
    texts: Texts = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Measure how many candidates words, images and both together need, and keep it.

    Example: satseek collection tune county --texts queries.txt
    """
    from satseek.search.tuning import facts_of  # noqa: PLC0415
    from satseek.search.tuning import tune as tuned  # noqa: PLC0415

    parts = assembly(context)
    chosen = parts.chosen(name)
    if wants_job(detach, priority=priority, key=key):
        if texts is not None:
            raise InvalidRequest("--texts: goes with work done here and now, not with --detach")
        asked = asked_of("tune", {"collection": chosen, "recall": recall})
        detached(context, asked, priority=priority, key=key, json=json)
        return
    parts.local_folder(chosen)  # what a Milvus keeps it tunes itself
    matched = parts.matched(chosen)
    own = None if texts is None else _lines(texts)
    found = tuned(matched.collection, embedder=matched.model.embedder, recall=recall, texts=own)
    if json:
        print_json({"collection": matched.collection.spec.name, **facts_of(found)})
    else:
        _show(matched.collection.spec.name, found)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise FolderNotFound(f"no file {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _show(name: str, found: Tuning) -> None:
    rows = [
        [
            kind,
            str(effort.candidates),
            f"{effort.recall:.3f}",
            f"{effort.least_recall:.3f}",
            str(effort.queries),
        ]
        for kind, effort in found.kinds.items()
    ]
    print_table(["kind", "candidates", "recall@10", "at least", "queries"], rows)
    if not found.codes:
        say(f"{name}: every chip is compared, so that nothing is missed")
        return
    say(f"{name}: {found.codes} over {found.covered} chips, generation {found.generation}")
    for kind, effort in found.kinds.items():
        if not found.reaches(kind):
            say(f"note: {kind} queries do not surely reach {found.wanted:g}: {effort.least_recall}")
