"""A labelled folder → zero-shot and retrieval figures of a model.

Knows neither the terminal nor the model's runtime. The folder holds ``labels.csv`` with the columns
``path`` and ``label``, and, where there are, ``captions`` (a JSON list) and ``split``.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.streaming import embed_stream
from satseek.errors import FolderNotFound, InvalidConfig
from satseek.evaluate.retrieval import recall_at_k
from satseek.evaluate.zero_shot import zero_shot
from satseek.imagery.decode import decode_image
from satseek.model.prompts import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.types import Pixels, Vectors

LABELS_FILE = "labels.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One row of ``labels.csv``."""

    path: Path
    """Where the image lies."""
    label: str
    """Its class, in words."""
    captions: tuple[str, ...]
    """Sentences that people wrote about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures of one model on one labelled folder."""

    folder: str
    """What was measured on."""
    split: str | None
    """Rows measured; None: all."""
    images: int
    """Images measured."""
    labels: int
    """Classes."""
    top_1: float
    """Share of images whose nearest label is the true one."""
    top_1_by_label: Mapping[str, float]
    """The same for each class."""
    recall_at_10: float | None
    """Share of captions whose image is among the ten nearest; None: there are no captions."""
    captions: int
    """Captions measured."""


def evaluate_folder(
    folder: Path,
    *,
    embedder: Embedder,
    split: str | None = None,
    templates: Sequence[str] = TEMPLATES,
    workers: int = 1,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Classify every labelled image zero-shot and look for every image by its captions.

    Raises:
        FolderNotFound: no ``labels.csv`` in ``folder``.
        InvalidConfig: the file lacks a column, or no row is of ``split``.
        UnreadableImage: an image that is listed cannot be used.
    """
    rows = read_labels(folder, split=split)
    vectors = _embed(rows, embedder=embedder, workers=workers, on_progress=on_progress)
    names = sorted({row.label for row in rows})
    truth = [names.index(row.label) for row in rows]
    labels = embedder.label_vectors(names, templates=templates)
    result = zero_shot(vectors, labels, truth)
    captions = [(at, text) for at, row in enumerate(rows) for text in row.captions]
    return Evaluation(
        folder=str(folder),
        split=split,
        images=len(rows),
        labels=len(names),
        top_1=result.top1,
        top_1_by_label=dict(zip(names, result.per_class.tolist(), strict=True)),
        recall_at_10=_recall(captions, vectors, embedder=embedder) if captions else None,
        captions=len(captions),
    )


def read_labels(folder: Path, *, split: str | None = None) -> list[LabelledImage]:
    """Read ``labels.csv``; keep the rows of ``split``, or all where it is None."""
    path = folder / LABELS_FILE
    if not path.is_file():
        raise FolderNotFound(f"{folder} has no {LABELS_FILE} with the columns path and label")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"path", "label"} <= set(reader.fieldnames or ()):
            raise InvalidConfig(f"{path} needs the columns path and label")
        rows = [
            LabelledImage(
                path=folder / row["path"],
                label=row["label"],
                captions=tuple(json.loads(row.get("captions") or "[]")),
            )
            for row in reader
            if split is None or row.get("split") == split
        ]
    if not rows:
        raise InvalidConfig(f"{path} has no row of split {split!r}")
    return rows


def _embed(
    rows: Sequence[LabelledImage],
    *,
    embedder: Embedder,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> Vectors:
    parts: list[Vectors] = []
    done = 0
    images = embed_stream(
        _decoded(rows),
        pixels=lambda pixels: pixels,
        embedder=embedder,
        batch=32,
        workers=workers,
    )
    for items, vectors in images:
        parts.append(vectors)
        done += len(items)
        on_progress(done, len(rows))
    return np.concatenate(parts)


def _decoded(rows: Sequence[LabelledImage]) -> Iterator[Pixels]:
    for row in rows:
        yield decode_image(row.path.read_bytes(), name=str(row.path)).pixels


def _recall(captions: Sequence[tuple[int, str]], vectors: Vectors, *, embedder: Embedder) -> float:
    texts = embedder.embed_texts([text for _, text in captions])
    return recall_at_k(texts @ vectors.T, [at for at, _ in captions], k=min(10, len(vectors)))
