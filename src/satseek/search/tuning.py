"""A collection and its model → queries such as people ask, and the effort that each kind needs.

Does not know how effort is found or kept: the index does that, given queries.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.embedder import unit_rows
from satseek.errors import InvalidRequest, SatseekError
from satseek.index.tuning import LEAST_QUERIES, RECALL
from satseek.model.prompts import DISTRACTORS, TEMPLATES, prompts
from satseek.search.directions import say
from satseek.search.glossary import shipped_glossary
from satseek.search.looking import BACKGROUND_SAMPLE
from satseek.search.probing import refine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.protocol import QueryKind, Searchable
    from satseek.index.tuning import Tuning
    from satseek.types import Vectors

QUERIES = 200
"""Queries of each kind: the mean of their recalls is known within 0.01 (95 of 100 times)."""

TUNING_SECONDS = 20.0
"""What the end of indexing may spend on making text queries; a model that is slow makes fewer."""

_TEXTS_AT_ONCE = 20
"""Texts embedded between two looks at the clock."""

_CLICKED_SHARE = 3
"""One in so many mixed queries is words and clicks, the others words and an image."""

_SEED = 1
"""Draws other chips than the background of scores."""

logger = logging.getLogger(__name__)


def tuning_texts(count: int = QUERIES) -> tuple[str, ...]:
    """Give texts such as people type: land covers in every template, and things of the glossary."""
    things = [term for term in shipped_glossary().terms.values() if term.kind == "thing"]
    names = list(dict.fromkeys(term.names[0] for term in things if term.names))
    covers = [text for label in DISTRACTORS for text in prompts(label)][:count]
    more = count - len(covers)
    chosen = [names[at * len(names) // more] for at in range(more)] if more else []
    said = [prompts(name)[at % len(TEMPLATES)] for at, name in enumerate(chosen)]
    return tuple(dict.fromkeys((*covers, *said)))


def tuning_queries(
    index: Searchable,
    *,
    embedder: Embedder,
    texts: Sequence[str] | None = None,
    count: int = QUERIES,
    seconds: float | None = None,
) -> dict[QueryKind, Vectors]:
    """Make queries of each kind, blended as a search blends them.

    Args:
        index: One generation, whose chips are examples.
        embedder: Of the model that made its vectors.
        texts: Words to ask with; None: ``tuning_texts``.
        count: Built-in texts, and chips drawn.
        seconds: Time for embedding words, about; None: as long as it takes.
    """
    chosen = tuning_texts(count) if texts is None else texts
    words = _embedded(chosen, embedder=embedder, seconds=seconds)
    images = index.sample(count, seed=_SEED)
    queries: dict[QueryKind, Vectors] = {"text": words, "image": images}
    if len(words) and len(images):
        queries["mixed"] = _mixed(words, images, background=index.sample(BACKGROUND_SAMPLE))
    return {kind: one for kind, one in queries.items() if len(one) >= LEAST_QUERIES}


def tune(
    collection: Collection,
    *,
    embedder: Embedder,
    recall: float = RECALL,
    texts: Sequence[str] | None = None,
    seconds: float | None = None,
) -> Tuning:
    """Find the effort that each kind of query needs in a collection, and keep it.

    Args:
        collection: Open for reading or writing.
        embedder: Of the model that made its vectors.
        recall: Wanted: share of the ten nearest chips that are found, above 0 and below 1.
        texts: Words to ask with; None: ``tuning_texts``.
        seconds: As for ``tuning_queries``.

    Raises:
        InvalidRequest: The recall is none, or there are too few texts.
        EmptyText, Untranslatable: A text cannot be asked.
    """
    if texts is not None and len(texts) < LEAST_QUERIES:
        raise InvalidRequest(f"texts: expected {LEAST_QUERIES} queries or more, came {len(texts)}")
    with collection.pinned() as index:
        queries = tuning_queries(index, embedder=embedder, texts=texts, seconds=seconds)
    return collection.tune(queries, recall=recall)


def tune_if_new(collection: Collection, *, embedder: Embedder) -> Tuning | None:
    """Tune a collection whose codes were not tuned yet; None: there is nothing to do.

    What goes wrong is logged and costs only time: searches take their usual effort then.
    """
    try:
        if collection.prepare().startswith("exact scan") or collection.tuning() is not None:
            return None
        return tune(collection, embedder=embedder, seconds=TUNING_SECONDS)
    except (SatseekError, OSError) as error:
        logger.warning("not tuned collection=%s error=%s", collection.spec.name, error)
        return None


def _embedded(texts: Sequence[str], *, embedder: Embedder, seconds: float | None) -> Vectors:
    ends = None if seconds is None else time.monotonic() + seconds
    parts = [np.empty((0, embedder.card.dim), dtype=np.float32)]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        if ends is not None and start and time.monotonic() > ends:
            break
        some = texts[start : start + _TEXTS_AT_ONCE]
        if all(text.isascii() for text in some):
            parts.append(embedder.embed_texts(some))
        else:
            parts += [say(text, embedder=embedder).vector for text in some]
    return np.concatenate(parts)


def _mixed(words: Vectors, images: Vectors, *, background: Vectors) -> Vectors:
    """Blend words with an image each, or with clicks on what the words find."""
    blended = []
    for at, said in enumerate(words):
        if at % _CLICKED_SHARE:
            blended.append(unit_rows((said + images[at % len(images)])[None] / 2))
            continue
        best = np.argsort(-np.vecdot(background, said))[:3]
        liked, disliked = background[best[:1]], background[best[2:]]
        clicked = refine(said[None], liked=liked, disliked=disliked, background=background)
        blended.append(clicked.vector)
    return np.concatenate(blended)


def facts_of(tuning: Tuning) -> Mapping[str, object]:
    """Lay out what was found, as JSON knows it."""
    return {
        "recall": tuning.wanted,
        "codes": tuning.codes,
        "rows": tuning.covered,
        "generation": tuning.generation,
        "when": tuning.when.isoformat(),
        "kinds": {
            kind: {
                "recall": effort.recall,
                "least_recall": effort.least_recall,
                "candidates": effort.candidates,
                "queries": effort.queries,
            }
            for kind, effort in tuning.kinds.items()
        },
    }
