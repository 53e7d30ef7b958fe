"""What is looked for → the direction to look in, in the space of one model's vectors.

Does not know any index: examples are handed in as vectors, the collection as a sample of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.embedder import unit_rows
from satseek.errors import EmptyText, InvalidRequest, Untranslatable
from satseek.model.prompts import TEMPLATES
from satseek.search.glossary import is_chinese, shipped_glossary
from satseek.search.probing import refine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.search.glossary import Glossary
    from satseek.types import Query, Vectors

NEGATIVE_WEIGHT = 0.25
"""Weight of words for what is mistaken for it: Rocchio's 0.25 (Manning, Raghavan, Schütze:
Introduction to Information Retrieval, 2008, section 9.1.1) moves a direction, not reverses it."""

UNKNOWN_LIMIT = 1 / 3
"""Largest share of a text that may be unknown; above it an answer would be to another question."""

READ_LIMIT = 0.2
"""Largest share of unknown tokens in Chinese words of a model that reads Chinese: multilingual
vocabularies have 0.00, the English ones of T5 and CLIP 0.5 and more."""

_SAMPLE = 64
"""Words of the glossary by which a tokenizer is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Where to look."""

    vector: Vectors
    """float32 (1, dim), of length one."""
    translated: str | None = None
    """What words that are not English were taken for; None: they were taken as asked."""
    weight: float | None = None
    """What clicked chips count in it, the words counting 1; None: none were clicked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Vectors of clicked chips."""

    liked: Vectors
    """float32 (n, dim), unit rows."""
    disliked: Vectors
    """float32 (m, dim), unit rows."""

    def beside(self, others: Examples) -> Examples:
        """All of both."""
        return Examples(
            liked=np.concatenate([self.liked, others.liked]),
            disliked=np.concatenate([self.disliked, others.disliked]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """Words as a vector."""

    vector: Vectors
    """float32 (1, dim), of length one."""
    translated: str | None = field(default=None)
    """What they were taken for; None: as they are."""


def direct(
    query: Query,
    *,
    examples: Examples,
    background: Callable[[], Vectors],
    embedder: Embedder,
    glossary: Glossary | None = None,
) -> Direction:
    """Blend words, image and clicks into one direction.

    Words and image count alike. Liked chips without either are looked for by their mean; beside
    them, clicks turn the direction as far as they are to be trusted (see ``probing``).

    Args:
        query: What is looked for.
        examples: Vectors of its liked and disliked chips.
        background: Gives a sample of the collection; asked only where there are clicks.
        embedder: Of the model that made these vectors.
        glossary: Chinese words; None: the shipped ones.

    Raises:
        EmptyText: the words are none, or nothing at all was asked.
        Untranslatable: words that neither the model nor the glossary knows.
        InvalidRequest: the parts cancel out.
    """
    said = _words_of(query, embedder=embedder, glossary=glossary)
    parts = [said.vector] if said else []
    if query.image is not None:
        parts.append(embedder.embed_images([query.image]))
    clicked = len(examples.liked) + len(examples.disliked) > 0
    if not parts:
        if not len(examples.liked):
            raise EmptyText("nothing to look for: give words, an image or a liked chip")
        parts.append(_unit(examples.liked.mean(axis=0, keepdims=True)))
        clicked = len(examples.disliked) > 0
    vector, weight = _unit(np.mean(parts, axis=0)), None
    if said and query.negatives:
        spoken = [say(text, embedder=embedder, glossary=glossary) for text in query.negatives]
        away = _unit(np.mean([one.vector for one in spoken], axis=0))
        vector = _unit(vector - NEGATIVE_WEIGHT * away)
    if clicked:
        refined = refine(
            vector, liked=examples.liked, disliked=examples.disliked, background=background()
        )
        vector, weight = refined.vector, refined.weight
    return Direction(vector=vector, translated=said.translated if said else None, weight=weight)


def say(text: str, *, embedder: Embedder, glossary: Glossary | None = None) -> Said:
    """Give the vector of words: of the very words where the model reads them, else of English ones.

    Raises:
        EmptyText: no word is left.
        Untranslatable: words that neither the model nor the glossary knows.
    """
    prompts = english(text, embedder=embedder, glossary=glossary)
    if prompts is None:
        return Said(vector=embedder.embed_texts([text]))
    shown, said = prompts
    vectors = embedder.label_vectors(said, templates=TEMPLATES)
    return Said(vector=_unit(vectors.mean(axis=0, keepdims=True)), translated=shown)


def english(
    text: str, *, embedder: Embedder, glossary: Glossary | None = None
) -> tuple[str, tuple[str, ...]] | None:
    """Say words in English, shown and as prompts; None: the model reads them as they are.

    Raises:
        Untranslatable: words that neither the model nor the glossary knows.
    """
    if text.isascii():
        return None
    words = glossary or shipped_glossary()
    if not is_chinese(text):
        _check_known(text, embedder)
        return None
    known = [term for term in words.terms if is_chinese(term)][:_SAMPLE]
    if embedder.tokenizer.unknown_share(known) <= READ_LIMIT:
        return None
    translation = words.translate(text)
    if translation.unknown_share > UNKNOWN_LIMIT or not translation.prompts:
        raise Untranslatable(
            f"{embedder.card.name} reads English, and the glossary does not know "
            f"{', '.join(translation.unknown) or text[:40]!r}: ask in English, or add the words to "
            "the glossary (`satseek glossary path`)"
        )
    return translation.shown, translation.prompts


def _check_known(text: str, embedder: Embedder) -> None:
    share = embedder.tokenizer.unknown_share([text])
    if share > UNKNOWN_LIMIT:
        raise Untranslatable(
            f"{embedder.card.name} does not know {share:.0%} of {text[:60]!r}: ask in English"
        )


def _words_of(query: Query, *, embedder: Embedder, glossary: Glossary | None) -> Said | None:
    """Average all words for it; None: there are none."""
    texts = [*([] if query.text is None else [query.text]), *query.prompts]
    spoken = [say(text, embedder=embedder, glossary=glossary) for text in texts]
    if not spoken:
        return None
    shown = [one.translated for one in spoken if one.translated]
    vector = spoken[0].vector if len(spoken) == 1 else _mean([one.vector for one in spoken])
    return Said(vector=vector, translated="; ".join(shown) or None)


def _mean(vectors: Sequence[Vectors]) -> Vectors:
    return unit_rows(np.mean(vectors, axis=0))


def _unit(vectors: Vectors) -> Vectors:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(norm > 0):
        raise InvalidRequest("the parts of the query cancel out: like and dislike different chips")
    return np.asarray(vectors / norm, dtype=np.float32)
