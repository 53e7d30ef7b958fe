"""Vectors and a set of labels → the share of every label, cell by cell.

Does not know dates, places or collections. A label may look many ways (industry is factories, tanks
and pits): it has several prompts, of which the one that fits a cell best speaks for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satseek.errors import EmptyText, InvalidRequest, ModelMismatch
from satseek.model.prompts import NONE_OF_THESE, TEMPLATES
from satseek.model.prompts import distractors as distractors_beside
from satseek.model.scores import share
from satseek.search.classifying import check_labels, prompt_vectors
from satseek.search.directions import english
from satseek.search.mapping_values import MAX_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.search.glossary import Glossary
    from satseek.types import ModelCard, Vectors

Shares: TypeAlias = NDArray[np.float32]
"""float32, shape (cells, classes): each row sums to 1; classes as ``LabelVectors.names``."""

MAX_PROMPTS = 32
"""Of one label: more ways to look are several labels."""

CELLS_AT_ONCE = 65_536
"""Cells that are compared with all prompts at a time: 25 MB for a hundred prompts."""

_NO_NAMES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One class that a cell may be of."""

    name: str
    """Names it in tables, maps and findings."""
    prompts: tuple[str, ...]
    """What it may look like, in words, one at least; the one that fits best counts."""
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What it is called, by language (``en``, ``zh``); where one is missing, ``name``."""
    colour: tuple[int, int, int] | None = None
    """On maps: red, green, blue, each 0–255; None: one of the palette's."""
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else a use-case knows of it, such as whether it is a damage."""

    def called(self, language: str) -> str:
        """Name it in a language."""
        return self.names.get(language, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """Classes of which every cell is one."""

    name: str
    """Such as ``planning``; ``own`` where somebody wrote it at a terminal."""
    labels: tuple[Label, ...]
    """The classes, at least one, none twice."""
    distractors: tuple[str, ...] = ()
    """What else a cell may show; the strongest stands for “none of these”. Empty: every cell is
    one of the labels."""
    templates: tuple[str, ...] = TEMPLATES
    """Prompt templates, averaged."""
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What the set is called, by language."""

    def __post_init__(self) -> None:
        check_labels(self.plain)
        if len(self.labels) > MAX_CLASSES:
            raise InvalidRequest(f"at most {MAX_CLASSES} labels, came {len(self.labels)}")
        for label in self.labels:
            if not label.prompts or not all(prompt.strip() for prompt in label.prompts):
                raise EmptyText(f"label {label.name!r}: expected a prompt, and no empty ones")
            if len(label.prompts) > MAX_PROMPTS:
                raise InvalidRequest(
                    f"label {label.name!r}: at most {MAX_PROMPTS} prompts, came "
                    f"{len(label.prompts)}"
                )

    @property
    def plain(self) -> tuple[str, ...]:
        """Names of the labels, in their order."""
        return tuple(label.name for label in self.labels)

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every prompt once, in the labels' order."""
        return tuple(dict.fromkeys(p for label in self.labels for p in label.prompts))

    @property
    def digest(self) -> str:
        """SHA-256, as hex, over all that decides which class a cell is of."""
        said = {
            "labels": [[label.name, *label.prompts] for label in self.labels],
            "distractors": self.distractors,
            "templates": self.templates,
        }
        return sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()

    def label(self, name: str) -> Label | None:
        """Give a label by its name; None: there is none, as of “none of these”."""
        return next((label for label in self.labels if label.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelVectors:
    """A label set in the space of one model's vectors."""

    card: ModelCard
    """The model."""
    names: tuple[str, ...]
    """Classes: the labels in their order, and “none of these” behind them where there are
    distractors."""
    vectors: Vectors
    """float32 (prompts, dim), unit rows; those of one class lie together."""
    starts: NDArray[np.intp]
    """Shape (classes,): where the vectors of each class begin."""
    translated: Mapping[str, str] = field(default_factory=dict)
    """What prompts that are not English were taken for, by prompt."""

    def cosines(self, vectors: Vectors) -> NDArray[np.float32]:
        """Compare cells with classes: (cells, classes); of a class its best prompt counts.

        Raises:
            ModelMismatch: the vectors are of another length than the model's.
        """
        if vectors.shape[-1] != self.vectors.shape[1]:
            raise ModelMismatch(
                f"expected vectors of {self.vectors.shape[1]} numbers from {self.card.ref}, came "
                f"{vectors.shape[-1]}"
            )
        found = np.empty((len(vectors), len(self.names)), dtype=np.float32)
        for at in range(0, len(vectors), CELLS_AT_ONCE):
            part = slice(at, at + CELLS_AT_ONCE)
            compared = vectors[part] @ self.vectors.T  # (cells, prompts)
            found[part] = np.maximum.reduceat(compared, self.starts, axis=1)
        return found

    def shares(self, vectors: Vectors) -> Shares:
        """Give the share of every class of every cell: (cells, classes), each row sums to 1."""
        return share(self.cosines(vectors), self.card).astype(np.float32)


def label_vectors(
    labels: LabelSet,
    *,
    embedder: Embedder,
    glossary: Glossary | None = None,
    known: Mapping[str, Vectors] = _NO_NAMES,
) -> LabelVectors:
    """Bring a label set into the space of a model.

    Args:
        labels: The set.
        embedder: Of the model that made the vectors it is to be compared with.
        glossary: Chinese words; None: the shipped ones.
        known: Vectors (1, dim) of prompts that are not to be embedded as they are written, such as
            saved concepts.

    Raises:
        EmptyText: a prompt without any word.
        InvalidRequest: a template without ``{}``.
        Untranslatable: words that neither the model nor the glossary knows.
    """
    given, translated = dict(known), dict[str, str]()
    for prompt in labels.prompts:
        said = None if prompt in given else english(prompt, embedder=embedder, glossary=glossary)
        if said is not None:
            translated[prompt], ways = said
            embedded = embedder.label_vectors(ways, templates=labels.templates)
            mean = embedded.mean(axis=0, keepdims=True, dtype=np.float32)
            given[prompt] = mean / np.linalg.norm(mean)
    others = distractors_beside(labels.prompts, pool=labels.distractors)
    classes = [label.prompts for label in labels.labels] + ([tuple(others)] if others else [])
    flat = [prompt for prompts in classes for prompt in prompts]
    vectors = prompt_vectors(flat, embedder=embedder, templates=labels.templates, known=given)
    counts = [len(prompts) for prompts in classes]
    return LabelVectors(
        card=embedder.card,
        names=(*labels.plain, NONE_OF_THESE) if others else labels.plain,
        vectors=vectors,
        starts=np.cumsum([0, *counts[:-1]]),
        translated=translated,
    )


def own_labels(texts: Sequence[str], *, distractors: Sequence[str]) -> LabelSet:
    """Read labels as they are written at a terminal: ``name`` or ``name=prompt;prompt``.

    Args:
        texts: One label each.
        distractors: What else a cell may show; none: every cell is one of the labels.

    Raises:
        EmptyText: no label, or one without a word.
        InvalidRequest: one twice.
    """
    labels = []
    for text in texts:
        name, _, said = text.partition("=")
        prompts = tuple(one.strip() for one in said.split(";") if one.strip())
        labels.append(Label(name=name.strip(), prompts=prompts or (name.strip(),)))
    return LabelSet(name="own", labels=tuple(labels), distractors=tuple(distractors))
