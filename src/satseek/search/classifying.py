"""Images and labels → how each label fits, with room for “none of these”.

Knows no collection: it works on any image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import EmptyText, InvalidRequest
from satseek.model.prompts import DISTRACTORS, NONE_OF_THESE, TEMPLATES
from satseek.model.prompts import distractors as distractors_beside
from satseek.model.scores import pair_scores, share
from satseek.types import LabelScore, Pixels, Vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.embed.embedder import Embedder

MAX_LABELS = 1000
"""Labels in one request; more is a mistake more often than a wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """How the labels fit one image."""

    labels: tuple[LabelScore, ...]
    """Best first, “none of these” among them at its place."""

    @property
    def best(self) -> LabelScore:
        """The label with the largest share; may be “none of these”."""
        return self.labels[0]


def classify(
    images: Sequence[Pixels],
    labels: Sequence[str],
    *,
    embedder: Embedder,
    templates: Sequence[str] = TEMPLATES,
    distractors: Sequence[str] = DISTRACTORS,
    known: Mapping[str, Vectors] | None = None,
) -> list[Classification]:
    """Score every label on every image, zero-shot.

    Shares are taken over the labels and the strongest distractor, which stands for “none of these”.
    A distractor that names the same as a label is left out.

    Raises:
        EmptyText: no label, or a label without any word.
        InvalidRequest: a label twice, or too many labels.
    """
    return classify_vectors(
        embedder.embed_images(images),
        labels,
        embedder=embedder,
        templates=templates,
        distractors=distractors,
        known=known,
    )


def classify_vectors(
    vectors: Vectors,
    labels: Sequence[str],
    *,
    embedder: Embedder,
    templates: Sequence[str] = TEMPLATES,
    distractors: Sequence[str] = DISTRACTORS,
    known: Mapping[str, Vectors] | None = None,
) -> list[Classification]:
    """Like ``classify``, for images that are embedded already, shape (n, dim).

    Args:
        vectors: Of the images.
        labels: As asked.
        embedder: Of the model that made the vectors.
        templates: Prompt templates.
        distractors: What else the images might show.
        known: Vectors (1, dim) of labels that are not to be embedded as they are written.
    """
    asked = check_labels(labels)
    others = distractors_beside(asked, pool=distractors)
    prompts = prompt_vectors((*asked, *others), embedder=embedder, templates=templates, known=known)
    cosines = vectors @ prompts.T
    return [_ranked(asked, row, embedder=embedder) for row in cosines]


def prompt_vectors(
    labels: Sequence[str],
    *,
    embedder: Embedder,
    templates: Sequence[str],
    known: Mapping[str, Vectors] | None,
) -> Vectors:
    """Give a unit vector for each label, (labels, dim): those that are known, else by templates."""
    given = dict(known or {})
    written = [one for one in labels if one not in given]
    embedded = embedder.label_vectors(written, templates=templates) if written else ()
    by_label = given | {one: row[None] for one, row in zip(written, embedded, strict=True)}
    return np.concatenate([by_label[one] for one in labels])


def check_labels(labels: Sequence[str]) -> list[str]:
    """Strip labels and refuse none, empty ones, doubles and more than ``MAX_LABELS``."""
    asked = [label.strip() for label in labels]
    if not asked or not all(asked):
        raise EmptyText("give at least one label, and no empty ones")
    if len(asked) > MAX_LABELS:
        raise InvalidRequest(f"at most {MAX_LABELS} labels in one request, came {len(asked)}")
    folded = [label.casefold() for label in asked]
    doubles = sorted({label for label in folded if folded.count(label) > 1})
    if doubles:
        raise InvalidRequest(f"labels must differ, came twice: {', '.join(doubles)}")
    return asked


def similarity(image: Pixels, texts: Sequence[str], *, embedder: Embedder) -> list[LabelScore]:
    """Compare one image with each text as written: no template, no distractor, in the order given.

    Raises:
        EmptyText: no text, or a text without any word.
    """
    asked = check_labels(texts)
    cosines = (embedder.embed_images([image]) @ embedder.embed_texts(asked).T)[0]
    return [
        LabelScore(label=text, scores=scores)
        for text, scores in zip(asked, pair_scores(cosines, embedder.card), strict=True)
    ]


def _ranked(asked: Sequence[str], cosines: np.ndarray, *, embedder: Embedder) -> Classification:
    """Rank the labels, and the strongest distractor as one more.

    Only the strongest: the sum would let “none of these” win the more often, the more distractors
    there are.
    """
    names, rest = list(asked), cosines[len(asked) :]
    if rest.size:
        names.append(NONE_OF_THESE)
        cosines = np.append(cosines[: len(asked)], rest.max())
    shares, pairwise = share(cosines, embedder.card), pair_scores(cosines, embedder.card)
    scored = [
        LabelScore(label=name, scores=pair | {"share": float(part)})
        for name, pair, part in zip(names, pairwise, shares, strict=True)
    ]
    return Classification(
        labels=tuple(sorted(scored, key=lambda one: one.scores["share"], reverse=True))
    )
