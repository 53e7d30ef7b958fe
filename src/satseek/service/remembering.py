"""Turns a query asked before, of the same generation of a collection, into the answer given then.

Does not know who asks: whether they see the collection was decided before, and the answer is the
same for all who do. Nor does it know where answers are kept.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from satseek.embed.caching import UNOBSERVED
from satseek.embed.recalling import pixels_digest
from satseek.model.preprocessing import squared
from satseek.search.searching import Answer, search
from satseek.types import Chip, Hit, Window

if TYPE_CHECKING:
    from satseek.embed.caching import Cache, LookupObserver
    from satseek.embed.embedder import Embedder
    from satseek.index.pinned import Pinned
    from satseek.search.directions import Examples
    from satseek.search.glossary import Glossary
    from satseek.types import Filter, Pixels, Query

ANSWERS_FORMAT = 3
"""Raised whenever an answer is written otherwise; satseek's own version is part of the key too, as
another one may rank or name things otherwise."""


class AnswerMemory:
    """Answers by query and generation; safe to share between threads."""

    def __init__(
        self, cache: Cache | None = None, *, observer: LookupObserver = UNOBSERVED
    ) -> None:
        """Keep answers in a cache that other replicas may share; None: keep none."""
        self._cache = cache
        self._observer = observer
        self._software = version("satseek")

    def search(
        self,
        query: Query,
        *,
        index: Pinned,
        embedder: Embedder,
        glossary: Glossary | None = None,
        others: Examples | None = None,
    ) -> Answer:
        """Give the answer to a query, by neither tower nor index where it was given before.

        Args:
            query: What is looked for.
            index: The generation that answers; an answer of any other is never given.
            embedder: Of the model that made its vectors.
            glossary: Chinese words; None: the shipped ones.
            others: Vectors of more chips that show it, or do not.

        Raises:
            Whatever ``search`` raises: what cannot be answered is not remembered.
        """
        if self._cache is None:
            return search(query, index=index, embedder=embedder, glossary=glossary, others=others)
        started = time.perf_counter()
        told = [_digest(others), None if glossary is None else glossary.digest]
        key = self._key(query, index=index, embedder=embedder, told=told)
        (content,) = self._cache.get_many([key])
        known = None if content is None else _read(content, generation=index.generation)
        self._observer.on_lookup("answer", int(known is not None), int(known is None))
        if known is not None:
            return replace(known, seconds=time.perf_counter() - started)
        answer = search(query, index=index, embedder=embedder, glossary=glossary, others=others)
        self._cache.put_many({key: _written(answer)})
        return answer

    def _key(
        self, query: Query, *, index: Pinned, embedder: Embedder, told: list[str | None]
    ) -> str:
        """Name everything that decides the answer."""
        text, canonical = query.text, embedder.tokenizer.canonical
        asked = {
            "format": ANSWERS_FORMAT,
            "software": self._software,
            "collection": index.fingerprint,
            "model": embedder.memory_key,
            "text": None if text is None else canonical(text),
            "prompts": [canonical(one) for one in query.prompts],
            "negatives": [canonical(one) for one in query.negatives],
            "told": told,
            "image": None if query.image is None else _image_digest(query.image, embedder),
            "liked": query.liked,
            "disliked": query.disliked,
            "where": _filter(query.where),
            "k": query.k,
            "least": query.least,
            "group_by": query.group_by,
            "duplicate_cosine": query.duplicate_cosine,
        }
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return f"answer:{index.spec.name}:{index.generation}:{digest}"


def _digest(others: Examples | None) -> str | None:
    if others is None:
        return None
    digest = hashlib.sha256()
    for vectors in (others.liked, others.disliked):
        digest.update(len(vectors).to_bytes(4, "little") + vectors.tobytes())
    return digest.hexdigest()


def _image_digest(image: Pixels, embedder: Embedder) -> str:
    card = embedder.card
    return pixels_digest(squared(image, size=card.image_size, how=card.preprocessing))


def _filter(where: Filter) -> dict[str, Any]:
    start, end = (moment and moment.isoformat() for moment in (where.start, where.end))
    return asdict(where) | {"start": start, "end": end}


def _written(answer: Answer) -> bytes:
    hits = [_hit(hit) for hit in answer.hits]
    told = {name: getattr(answer, name) for name in ("plan", "translated", "weight", "warnings")}
    return json.dumps({**told, "generation": answer.generation, "hits": hits}).encode()


def _hit(hit: Hit) -> dict[str, Any]:
    chip = hit.chip
    moment = chip.datetime and chip.datetime.isoformat()
    return {"scores": dict(hit.scores), "chip": asdict(chip) | {"datetime": moment}}


def _read(content: bytes, *, generation: int) -> Answer | None:
    """Read an answer; None: it is none, or of another generation."""
    try:
        fields = json.loads(content)
        if fields["generation"] != generation:
            return None
        hits = tuple(_as_hit(hit, rank) for rank, hit in enumerate(fields["hits"], 1))
        return Answer(
            hits=hits,
            plan=fields["plan"],
            generation=generation,
            seconds=0.0,
            translated=fields["translated"],
            weight=fields["weight"],
            warnings=tuple(fields["warnings"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _as_hit(fields: dict[str, Any], rank: int) -> Hit:
    chip = fields["chip"]
    moment = chip["datetime"]
    chip["datetime"] = None if moment is None else datetime.fromisoformat(moment)
    chip["window"] = Window(**chip["window"])
    return Hit(chip=Chip(**chip), rank=rank, scores=fields["scores"])
