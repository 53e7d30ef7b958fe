"""What a watch looks for, and what people answered → a score for every vector.

Does not know cells, dates or thresholds. A cosine alone says how near something is, not what it is
nearer to: the score is the concept's logit, without what moves all logits of a chip alike, plus the
logarithm of its share among all that it is mistaken for. Where nothing else comes near, that share
is 1 and adds nothing, so that what it is mistaken for takes away only from ground that it explains
better. Subtracted everywhere, names of other ground also take from mines beside ground that no
negative names: of two such chips of mining48 the mine then ranks first in 0.71 of cases, not 0.84.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.embedder import unit_rows
from satseek.errors import EmptyText
from satseek.model.prompts import DISTRACTORS, TEMPLATES, distractors
from satseek.monitor.watch.turning import turn
from satseek.search.directions import english

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.search.directions import Examples
    from satseek.search.glossary import Glossary
    from satseek.types import Vectors

BLOCK = 65_536
"""Vectors scored at a time."""

_MOST = 700.0
"""Logits that differ by more are shares of 0 or 1 in any case."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """What a watch's words are as vectors of one model."""

    wanted: Vectors
    """float32 (1, dim), of length one: the mean of its prompts; none, (0, dim), without words."""
    hard: Vectors
    """float32 (h, dim), unit rows: its hard negatives."""
    usual: Vectors
    """float32 (m, dim), unit rows: land covers that it is none of."""
    scale: float
    """What cosines are multiplied by before a softmax: the model's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """What is looked for, in the space of one model's vectors."""

    towards: Vectors
    """float32 (1, dim): words without what is common to all, turned by answers; not of length one.
    """
    against: Vectors
    """float32 (m, dim): what it is mistaken for, without what is common to all."""
    shown: Vectors
    """float32 (1, dim), of length one: what cosines are told people of."""
    scale: float
    """As of `Words`."""

    def scores(self, vectors: Vectors) -> NDArray[np.float32]:
        """Score vectors (n, dim): its logit plus the logarithm of its share, shape (n,)."""
        found = np.empty(len(vectors), dtype=np.float32)
        for start in range(0, len(vectors), BLOCK):
            wanted, others = self._logits(vectors[start : start + BLOCK])
            found[start : start + BLOCK] = wanted - np.logaddexp(0, others - wanted)
        return found

    def shares(self, vectors: Vectors) -> NDArray[np.float64]:
        """Give the concept's share (softmax) among all that it is mistaken for, 0–1: (n,)."""
        wanted, others = self._logits(vectors)
        odds = np.exp(np.clip(others - wanted, -_MOST, _MOST).astype(np.float64))
        return np.asarray(1 / (1 + odds))

    def cosines(self, vectors: Vectors) -> NDArray[np.float32]:
        """Cosine of vectors (n, dim) with the words, or the mean of what was liked: (n,)."""
        clipped: NDArray[np.float32] = np.clip(vectors @ self.shown[0], -1, 1)
        return clipped

    def _logits(self, vectors: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give its logit, and the logarithm of the sum of the others' exponentials."""
        wanted = self.scale * (vectors @ self.towards[0])
        others = self.scale * (vectors @ self.against.T)
        highest = others.max(axis=1)
        return wanted, highest + np.log(np.exp(others - highest[:, None]).sum(axis=1))


def words_of(
    prompts: Sequence[str],
    *,
    label: str,
    negatives: Sequence[str],
    embedder: Embedder,
    glossary: Glossary | None = None,
) -> Words:
    """Embed what is looked for, and what it is mistaken for; both in the same templates.

    Args:
        prompts: Words for it; may be none.
        label: What it is called: usual land covers of the same name are none of those against it.
            Prompts may name them, as in a mine in the forest.
        negatives: Words for what is mistaken for it.
        embedder: Of the model whose vectors are scored.
        glossary: Chinese words; None: the shipped ones.

    Raises:
        EmptyText: a text has no word.
        Untranslatable: words that neither the model nor the glossary knows.
    """
    none = np.empty((0, embedder.card.dim), dtype=np.float32)
    asked = [_spoken(text, embedder, glossary) for text in prompts]
    hard = [_spoken(text, embedder, glossary) for text in negatives]
    usual = distractors([label, *negatives], pool=DISTRACTORS) or list(DISTRACTORS)
    return Words(
        wanted=unit_rows(np.mean(asked, axis=0)) if asked else none,
        hard=np.concatenate([none, *hard]),
        usual=embedder.label_vectors(usual),
        scale=math.exp(embedder.card.logit_scale),
    )


def probe_of(words: Words, *, examples: Examples, background: Vectors) -> Probe:
    """Turn words by what people showed, liked and disliked.

    Args:
        words: What is looked for.
        examples: Vectors of chips that show it, and of chips that do not.
        background: float32 (sample, dim), unit rows: chips of the collection, any of them.

    Raises:
        EmptyText: neither words nor a liked chip say what is looked for.
    """
    wanted = words.wanted
    if not len(wanted):
        if not len(examples.liked):
            raise EmptyText(
                "nothing to look for: no prompt, and none of the liked chips is there any more"
            )
        wanted = unit_rows(examples.liked.mean(axis=0, keepdims=True))
    prompts = _own(np.concatenate([wanted, words.hard, words.usual]), background)
    probe = Probe(
        towards=prompts[:1],
        against=prompts[1:],
        shown=wanted,
        scale=words.scale,
    )
    turned = turn(probe.scores, examples=examples, background=background) / words.scale
    return replace(probe, towards=probe.towards + turned)


def _own(prompts: Vectors, background: Vectors) -> Vectors:
    """Take out of prompts (k, dim) what moves their cosines with a chip all alike.

    Some images are near to any words, as models of CLIP's kind are known to have it: their prompts'
    cosines correlate by 0.2 to 0.4 over ground of all kinds, those of the shipped model by none.
    The mean of k cosines is what all have in common plus a k-th of the spread of each: of the mean
    that share is taken out which is common, its best linear estimate.
    """
    if len(background) < 2 or len(prompts) < 2:  # noqa: PLR2004 - of one nothing varies
        return prompts
    cosines = (background @ prompts.T).astype(np.float64)
    varying = np.cov(cosines.T)
    count = len(prompts)
    common = max(float(varying.sum() - np.trace(varying)) / (count * (count - 1)), 0.0)
    whole = common + (float(np.trace(varying)) / count - common) / count
    if whole <= 0:
        return prompts
    return np.asarray(prompts - common / whole * prompts.mean(axis=0), dtype=np.float32)


def _spoken(text: str, embedder: Embedder, glossary: Glossary | None) -> Vectors:
    """Give the vector (1, dim) of words in every template."""
    known = english(text, embedder=embedder, glossary=glossary)
    said = [text] if known is None else list(known[1])
    vectors = embedder.label_vectors(said, templates=TEMPLATES)
    return unit_rows(vectors.mean(axis=0, keepdims=True))
