"""A set of images with the truth about each → zero-shot, retrieval and calibration of a model.

Knows neither the terminal nor the model's runtime. Memory grows with vectors, not with pixels.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from satseek.embed.embedder import unit_rows
from satseek.embed.streaming import embed_stream
from satseek.errors import UnreadableImage
from satseek.evaluate.zero_shot import zero_shot
from satseek.imagery.decode import decode_image
from satseek.model.preprocessing import squared
from satseek.model.prompts import TEMPLATES, prompts
from satseek.search.evaluating_examples import Examples, examples_of
from satseek.search.evaluating_formats import plain
from satseek.search.evaluating_measures import (
    figures_of_captions,
    figures_of_labels,
    label_images,
)
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.search.evaluating_figures import Calibration, RetrievalFigures, ZeroShotFigures
    from satseek.search.evaluating_formats import SetImage
    from satseek.search.evaluating_measures import Labelling
    from satseek.search.evaluating_sets import EvaluationSet
    from satseek.types import ModelCard, Pixels, Vectors

OnProgress: TypeAlias = "Callable[[str, int, int], None]"
"""Takes what is embedded, how many are done, and of how many."""

_TEXTS_AT_ONCE = 128
"""Texts between two reports of progress, and in one thread's hands: four batches."""

_LARGE = 3 * 4**2
"""Samples per pixel of the model's square from which an image is resized as soon as it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures of one model on one set."""

    folder: str
    """What was measured on: folder or file."""
    form: str
    """Its format: folders, csv, coco or karpathy."""
    split: str | None
    """Part measured; None: all."""
    digest: str
    """SHA-256 over the images measured: path, label, captions and bytes of each, in order."""
    images: int
    """Images measured."""
    refused: tuple[Refusal, ...]
    """Images that could not be read and captions without words, which were left out."""
    labels: int
    """Labels asked; 0: images have none."""
    captions: int
    """Captions measured."""
    top_1: float | None
    """Share of images whose nearest label is the true one; None: there are no labels."""
    top_1_by_label: Mapping[str, float | None]
    """The same for each label; None where it has no image."""
    recall_at_10: float | None
    """Share of captions whose image is among the ten nearest; None: there are no captions, or no
    more than ten images."""
    zero_shot: ZeroShotFigures | None
    """None: there are no labels."""
    calibration: Calibration | None
    """Likewise."""
    retrieval: RetrievalFigures | None
    """None: there are no captions."""
    examples: Examples
    """Images to look at."""


def evaluate_set(
    listed: EvaluationSet,
    *,
    embedder: Embedder,
    templates: Sequence[str] = TEMPLATES,
    workers: int = 1,
    batch: int = 32,
    max_pixels: int = 100_000_000,
    on_progress: OnProgress = lambda _note, _done, _total: None,
) -> Evaluation:
    """Classify every labelled image zero-shot and look for every image by its captions.

    Args:
        listed: What ``read_set`` read.
        embedder: The model.
        templates: Prompt templates whose mean is a label's vector.
        workers: Batches embedded at once.
        batch: Images in one call of the engine; changes no figure.
        max_pixels: Pixels above which an image is refused.
        on_progress: Told of every batch.

    Raises:
        UnreadableImage: not one image can be used.
        InvalidRequest: a template without exactly one ``{}``.
    """
    names = listed.labels
    prompted = _prompted(names, templates, embedder, workers=workers, on_progress=on_progress)
    reading = _Reading(listed.images, embedder.card, max_pixels)
    vectors = _embed(reading, embedder, workers=workers, batch=batch, on_progress=on_progress)
    rows = [listed.images[at] for at in reading.kept]
    labelling, figures = (
        _on_labels(rows, vectors, prompted, names, templates, card=embedder.card)
        if names
        else (None, None)
    )
    captions = [(at, text) for at, row in enumerate(rows) for text in row.captions]
    owners, sentences = [at for at, _ in captions], [text for _, text in captions]
    texts = embed_sentences(
        sentences, embedder, workers=workers, note="captions", on_progress=on_progress
    )
    retrieval, ranks = (
        figures_of_captions(vectors, texts, owners, captions=sentences)
        if captions
        else (None, np.empty(0, np.int64))
    )
    return Evaluation(
        folder=listed.source,
        form=listed.form,
        split=listed.split,
        digest=reading.digest.hexdigest(),
        images=len(rows),
        refused=(*listed.refusals, *reading.refusals),
        labels=len(names),
        captions=len(captions),
        top_1=figures.top_1 if figures else None,
        top_1_by_label={one.label: one.top_1 for one in figures.by_label} if figures else {},
        recall_at_10=retrieval.text_to_image.recall_at_10 if retrieval else None,
        zero_shot=figures,
        calibration=labelling.calibration if labelling else None,
        retrieval=retrieval,
        examples=examples_of(rows, names, labelling, captions, ranks, texts=texts, vectors=vectors),
    )


def _on_labels(
    rows: Sequence[SetImage],
    vectors: Vectors,
    prompted: Vectors,
    names: Sequence[str],
    templates: Sequence[str],
    *,
    card: ModelCard,
) -> tuple[Labelling, ZeroShotFigures]:
    """Hold images (n, dim) against prompts (labels, templates, dim), together and one by one."""
    labels = unit_rows(prompted.mean(axis=1))
    truth = [names.index(row.label) for row in rows if row.label is not None]
    found = label_images(vectors, labels, truth, card=card)
    alone = {
        template: zero_shot(vectors, prompted[:, at], truth).top1
        for at, template in enumerate(templates)
    }
    return found, figures_of_labels(found, vectors, labels, names=names, templates=alone)


def embed_sentences(
    sentences: Sequence[str],
    embedder: Embedder,
    *,
    workers: int,
    note: str,
    on_progress: OnProgress,
) -> Vectors:
    """Vectors of sentences in their order, (n, dim); each wording is embedded once.

    Args:
        sentences: Each with a word.
        embedder: The model.
        workers: Calls of it at once.
        note: What they are, for ``on_progress``.
        on_progress: Told of every part.
    """
    each = list(dict.fromkeys(sentences))
    parts = [each[at : at + _TEXTS_AT_ONCE] for at in range(0, len(each), _TEXTS_AT_ONCE)]
    rows = {sentence: at for at, sentence in enumerate(each)}
    vectors = np.empty((len(each), embedder.card.dim), dtype=np.float32)
    with ThreadPoolExecutor(workers, thread_name_prefix="satseek-texts") as pool:
        for at, part in enumerate(pool.map(embedder.embed_texts, parts)):
            done = at * _TEXTS_AT_ONCE + len(part)
            vectors[done - len(part) : done] = part
            on_progress(note, done, len(each))
    return vectors[[rows[sentence] for sentence in sentences]]


def _prompted(
    names: Sequence[str],
    templates: Sequence[str],
    embedder: Embedder,
    *,
    workers: int,
    on_progress: OnProgress,
) -> Vectors:
    """Vectors of every label in every template: (labels, templates, dim)."""
    asked = [prompt for name in names for prompt in prompts(name, templates=templates)]
    vectors = embed_sentences(
        asked, embedder, workers=workers, note="prompts", on_progress=on_progress
    )
    return vectors.reshape(len(names), len(templates), embedder.card.dim)


def _embed(
    reading: _Reading, embedder: Embedder, *, workers: int, batch: int, on_progress: OnProgress
) -> Vectors:
    parts: list[Vectors] = []
    total, done = len(reading.rows), 0
    stream = embed_stream(
        range(total), pixels=reading.pixels, embedder=embedder, batch=batch, workers=workers
    )
    for items, vectors in stream:
        parts.append(vectors)
        done += len(items)
        on_progress("images", done, total)
    if not reading.kept:
        hint = "; --images names the folder they lie in" if reading.missing == total else ""
        raise UnreadableImage(
            f"none of the {total} images can be used: {reading.refusals[0].reason}{hint}"
        )
    return np.concatenate(parts)


class _Reading:
    """Reads images one after another; keeps what became of each."""

    def __init__(self, rows: Sequence[SetImage], card: ModelCard, max_pixels: int) -> None:
        self.rows = rows
        self._card = card
        self.kept: list[int] = []
        self.refusals: list[Refusal] = []
        self.missing = 0
        self.digest = hashlib.sha256()
        self._max_pixels = max_pixels

    def pixels(self, at: int) -> Pixels | None:
        """The pixels of an image, or None, and then it is refused; called in one thread."""
        row = self.rows[at]
        try:
            if row.path.exists() and not row.path.is_file():  # a pipe would be waited for
                raise UnreadableImage(f"{plain(row.path)}: expected a file")  # noqa: TRY301
            content = row.path.read_bytes()
            image = decode_image(content, name=str(row.path), max_pixels=self._max_pixels)
        except UnreadableImage as error:
            self._refuse(row, str(error), type(error).__name__)
            return None
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
            self.missing += isinstance(error, FileNotFoundError)
            reason = getattr(error, "strerror", None) or str(error)
            self._refuse(row, f"{plain(row.path)}: {reason}", UnreadableImage.__name__)
            return None
        self.kept.append(at)
        truth = [plain(row.name), row.label, row.captions, hashlib.sha256(content).hexdigest()]
        self.digest.update(json.dumps(truth).encode() + b"\n")
        if image.pixels.size > _LARGE * self._card.image_size**2:  # else they would pile up waiting
            how = self._card.preprocessing
            return squared(image.pixels, size=self._card.image_size, how=how)
        return image.pixels

    def _refuse(self, row: SetImage, reason: str, kind: str) -> None:
        told = f"{reason} ({row.place})"
        self.refusals.append(Refusal(path=plain(row.name), reason=told, kind=kind))
