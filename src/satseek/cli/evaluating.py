"""``satseek evaluate``: a labelled folder → figures of the model. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, progress_bar


@app.command()
def evaluate(
    context: typer.Context,
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with labels.csv; FOLDER:SPLIT takes one split.")
    ],
    *,
    by_label: Annotated[bool, typer.Option("--by-label", help="Show every class.")] = False,
    json: Json = False,
) -> None:
    """Measure the model: zero-shot top-1, and recall@10 of captions where there are any.

    Example: satseek evaluate data/aerial30:test data/aerial19
    """
    from satseek.search.evaluating import evaluate_folder  # noqa: PLC0415

    parts = assembly(context)
    results = []
    for named in folders:
        folder, split = _split(named)
        with progress_bar(folder.name) as show:
            results.append(
                evaluate_folder(
                    folder,
                    embedder=parts.bulk_embedder,
                    workers=parts.workers,
                    split=split,
                    on_progress=lambda done, total: show("images", done, total),
                )
            )
    if json:
        print_json({"model": parts.bundle.card, "results": results})
        return
    rows = [
        [
            f"{Path(one.folder).name}{':' + one.split if one.split else ''}",
            str(one.images),
            str(one.labels),
            f"{one.top_1:.3f}",
            "–" if one.recall_at_10 is None else f"{one.recall_at_10:.3f}",
        ]
        for one in results
    ]
    print_table(["data", "images", "labels", "top-1", "R@10"], rows)
    if by_label:
        classes = [
            [Path(one.folder).name, label, f"{value:.3f}"]
            for one in results
            for label, value in one.top_1_by_label.items()
        ]
        print_table(["data", "label", "top-1"], classes)


def _split(named: Path) -> tuple[Path, str | None]:
    folder, colon, split = str(named).rpartition(":")
    return (Path(folder), split) if colon and not named.exists() else (named, None)
