"""A folder of images, or scenes wherever they are → a table of labels; resumable, whole or absent.

Knows neither the terminal that shows its progress nor the runtime that embeds. What is done is
written down part by part: killed at any moment and begun again, it goes on, and the table is the
same to the bit.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import UnreadableImage
from satseek.export.formats import check, format_named, format_of, write
from satseek.export.origin import Origin
from satseek.export.projecting import WGS84
from satseek.export.replacing import check_place
from satseek.logs import log_line
from satseek.search.classifying_parts import Parts
from satseek.search.classifying_plan import plan_parts
from satseek.search.classifying_recording import Recording, nothing_in
from satseek.search.classifying_rows import WIDE, Scorer, Tally, columns, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.export.formats import Format
    from satseek.imagery.candidates import Candidates
    from satseek.search.classifying_parts import Told
    from satseek.search.classifying_plan import Cutting, Part
    from satseek.search.classifying_rows import LabelsAsked
    from satseek.types import ModelCard, Refusal

logger = logging.getLogger(__name__)

Apart: TypeAlias = "Callable[[Sequence[Part], Scorer, Path], None]"
"""Has parts done anywhere that are not done yet, and written down in a folder: ``PartFiles``."""

ROWS_VERSION = 1
"""Raised whenever the same images would get other rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChoices:
    """How it is done."""

    format: str | None = None
    """Name of a format; None: by the table's name."""
    all_labels: bool = False
    """True: a row for each label of an image; False: one row for each image."""
    batch: int = 32
    """Images in one call of the engine; changes no row."""
    workers: int = 1
    """Calls of the engine at once; see ``embed_stream``."""
    readers: int = 1
    """Images decoded at once."""
    max_pixels: int = 100_000_000
    """Pixels above which a file without georeference is refused."""

    paths: Literal["whole", "below"] = "whole"
    """How rows tell where files lie: ``below`` the source, as for people elsewhere."""

    def checked(self, table: Path) -> Format:
        """Give the format of the table.

        Raises:
            InvalidRequest: there is none of that name, or the table is a folder.
            FolderNotFound: there is no folder to write it into.
            DependencyMissing: it needs a package that is not installed.
        """
        check_place(table)
        kind = format_of(table) if self.format is None else format_named(self.format)
        check(kind, crs=WGS84, vectors=False)
        return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReport:
    """What became of it."""

    images: int
    """Images and chips that have a label."""
    rows: int
    """Rows of the table."""
    resumed: int
    """Images and cells that an earlier run had done."""
    skipped: int
    """Cells of scenes that are left out, as too little of them is valid."""
    refused: int
    """Files and scenes that cannot be used; each has a row that says why."""
    refusals: tuple[Refusal, ...]
    """The first hundred of them."""
    by_label: Mapping[str, int]
    """Images by their best label, the commonest first."""
    told: Mapping[str, str]
    """What labels that are no English words were taken for: words, or a version of a concept."""
    seconds: float
    """From beginning to end."""


def work_folder(table: Path) -> Path:
    """Folder beside a table where what is done of it lies meanwhile."""
    return table.with_name(f".{table.name}.parts")


def classify_candidates(
    candidates: Candidates,
    table: Path,
    *,
    asked: LabelsAsked,
    cutting: Cutting,
    embedder: Embedder,
    choices: BulkChoices,
    work: Callable[[str], Path] | None = None,
    apart: Apart | None = None,
    on_progress: Callable[[int, int, str], None] = lambda _done, _all, _note: None,
) -> BulkReport:
    """Classify whatever images and scenes there are, and write one table.

    Args:
        candidates: What there may be; see `satseek.imagery.candidates`.
        table: File to write; it is there at the end, whole, or stays as it was before.
        asked: Labels.
        cutting: What is cut into chips, and how.
        embedder: The model.
        choices: How.
        work: Gives the folder for what is done meanwhile by the digest of all that is asked, 32
            hex digits; None: ``work_folder(table)``.
        apart: Who does parts elsewhere; None: they are done here.
        on_progress: Told images and cells done, all that are known so far, and a file's name.

    Raises:
        InvalidRequest, EmptyText: labels, templates or a format that cannot be.
        Conflict: begun before with other labels, another model or another way to cut.
        CollectionLocked: the same is being done by another process.
        UnreadableImage: there is no file at all, or what lists them broke off.
        DiskFull: there is no room; what was done is kept, and the same goes on from there.
    """
    started = time.perf_counter()
    choices.checked(table)
    question = _question(candidates.source, asked, cutting, embedder.card, choices)
    folder = work(_digest(question)) if work else work_folder(table)
    with closing(Parts(folder, question)) as parts:
        scorer = Scorer.of(asked, embedder, most=None if choices.all_labels else WIDE)
        run = Recording(parts, scorer, total=lambda: candidates.total, on_progress=on_progress)
        if apart is None:
            run.embed(
                plan_parts(candidates, cutting),
                embedder,
                recipe=cutting.recipe,
                batch=choices.batch,
                workers=choices.workers,
                readers=choices.readers,
                max_pixels=choices.max_pixels,
            )
        else:
            planned = list(plan_parts(candidates, cutting))
            missing = [part for part in planned if not parts.has(part)]
            apart(missing, scorer, folder)
            left = sum(part.images for part in missing)
            run.found(planned, done_before=sum(part.images for part in planned) - left)
        on_progress(run.done, run.done, f"writing {table.name}")
        tally = Tally()
        items = _items(parts, run.order)
        if choices.paths == "below":
            items = _below(items, candidates.source)
        written = _write(items, table, question, embedder.card, choices=choices, tally=tally)
        parts.remove()
    report = BulkReport(
        images=tally.images,
        rows=written,
        resumed=run.resumed,
        skipped=tally.skipped,
        refused=tally.refused,
        refusals=tuple(tally.refusals),
        by_label=dict(tally.by_label.most_common()),
        told=dict(asked.told),
        seconds=time.perf_counter() - started,
    )
    log_line(
        logger,
        "classified",
        source=candidates.source,
        images=report.images,
        refused=report.refused,
        seconds=round(report.seconds, 2),
    )
    return report


def _question(
    source: str, asked: LabelsAsked, cutting: Cutting, card: ModelCard, choices: BulkChoices
) -> dict[str, Any]:
    """Everything that rows depend on, but for the files themselves."""
    return {
        "rows": [ROWS_VERSION, "all labels" if choices.all_labels else "best label"],
        "source": source,
        "model": card.ref,
        "labels": list(asked.labels),
        "what labels stand for": dict(asked.told),
        "templates": list(asked.templates),
        "distractors": list(asked.distractors),
        "recipe": asdict(cutting.recipe),
        "grid": asdict(cutting.grid),
        "cut": [cutting.cut, cutting.min_valid],
        "max_pixels": choices.max_pixels,
    }


def _digest(question: Mapping[str, Any]) -> str:
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _items(parts: Parts, order: Sequence[tuple[str, bool]]) -> Iterator[Told]:
    """Give what became of every item; a scene of several parts is refused as a whole, or not."""
    for is_range, named in groupby(order, key=lambda one: one[1]):
        names = [name for name, _ in named]
        if not is_range:
            for name in names:
                yield from parts.read(name)
            continue
        yield from _scenes(parts, names)


def _below(items: Iterator[Told], source: str) -> Iterator[Told]:
    """Leave out of paths and reasons in which folder of this machine the source lies."""
    folder = Path(source)
    hidden = f"{folder if folder.is_dir() else folder.parent}{os.sep}"
    for told in items:
        path, reason = told["path"].removeprefix(hidden), told["refused"].replace(hidden, "")
        yield told | {"path": path, "refused": reason}


def _scenes(parts: Parts, names: Sequence[str]) -> Iterator[Told]:
    """Give what became of ranges of scenes that come one after another."""
    briefs = []
    for name in names:
        (told,) = parts.read(name)
        briefs.append((name, told["id"], told["path"], told["refused"], len(told["rows"])))
    for _, same in groupby(briefs, key=lambda one: one[1:3]):
        ranges = list(same)
        bad = next((name for name, _, _, reason, _ in ranges if reason), None)
        if bad is not None:
            (told,) = parts.read(bad)
            yield told | {"rows": []}
        elif not any(count for *_, count in ranges):
            (told,) = parts.read(ranges[0][0])
            yield nothing_in(told)
        else:
            for name, *_ in ranges:
                yield from parts.read(name)


def _write(
    items: Iterator[Told],
    table: Path,
    question: Mapping[str, Any],
    card: ModelCard,
    *,
    choices: BulkChoices,
    tally: Tally,
) -> int:
    """Write the table; returns its rows.

    Raises:
        UnreadableImage: there is nothing to write down.
    """
    shape = {"all_labels": choices.all_labels, "has_match": card.score_head == "sigmoid"}
    facts = {
        **({"source": question["source"]} if choices.paths == "whole" else {}),
        "labels": "; ".join(question["labels"]),
        "templates": "; ".join(question["templates"]),
        "distractors": "; ".join(question["distractors"]) or "none",
    }

    first = next(items, None)
    if first is None:
        raise UnreadableImage(f"{question['source']}: expected images or scenes, found none")
    return write(
        rows(chain([first], items), **shape, tally=tally),
        table,
        format=choices.format,
        origin=Origin(layer="labels", model=card.ref, facts=facts),
        columns=columns(**shape),
    )
