"""Answers → tables, JSON and progress bars on a terminal.

Knows the nouns, but no use-case.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from satseek.search.indexing import IndexProgress
    from satseek.types import Refusal

MAX_LISTED = 20
"""Refused files that a terminal lists; --json lists all."""


def print_json(value: Any) -> None:
    """Print any noun as JSON."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    """Turn into what JSON knows: nouns, dates, paths, NumPy scalars."""
    match value:
        case datetime():
            return value.isoformat()
        case Path():
            return str(value)
        case np.generic():
            return value.item()
        case Mapping():
            return dict(value)
    if dataclasses.is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    raise TypeError(f"no JSON for {type(value).__name__}")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head; columns are padded, never cut, so that output can be piped."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def say(text: str) -> None:
    """Say something to the person, beside the data."""
    typer.echo(text, err=True)


def list_refusals(refusals: Sequence[Refusal]) -> None:
    """List files that could not be used, on standard error."""
    for refusal in refusals[:MAX_LISTED]:
        say(f"  refused {refusal.reason}")
    if len(refusals) > MAX_LISTED:
        say(f"  … and {len(refusals) - MAX_LISTED} more: --json lists all")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on standard error; the yielded function takes a note, done and total."""
    if not sys.stderr.isatty():
        yield lambda _note, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 (slow to load, seldom needed)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(title, total=None, note="")
        yield lambda note, done, total: bars.update(bar, note=note, completed=done, total=total)


@contextmanager
def indexing_bar() -> Iterator[Callable[[IndexProgress], None]]:
    """Show how indexing goes: cells of the scene at work, files done, chips so far."""
    with progress_bar("indexing") as show:

        def on_progress(progress: IndexProgress) -> None:
            note = (
                f"{progress.scene} · file {progress.files_done}/{progress.files_total} · "
                f"{progress.chips} chips"
            )
            show(note, progress.cells_done, progress.cells_total)

        yield on_progress
