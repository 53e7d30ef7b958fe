"""One query, several collections → one ranking.

Does not know how a collection is searched. Cosines of one model version compare across collections,
so that the merged ranking is exact; those of two models do not, and are ranked by percentile only
where that was asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from satseek.errors import ChipNotFound, InvalidRequest, ModelMismatch
from satseek.search.directions import Direction, Examples, direct
from satseek.search.grouping import gather
from satseek.search.looking import BACKGROUND_SAMPLE, Looking
from satseek.search.searching import Answer, check_query, examples_in, explained

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Searchable
    from satseek.search.glossary import Glossary
    from satseek.types import GridSpec, Query, Vectors

MAX_COLLECTIONS = 64
"""Collections in one question: each is opened, and searched in turn."""

RankBy: TypeAlias = Literal["cosine", "percentile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A collection to look in."""

    name: str
    """Its name."""
    index: Searchable
    """One generation of it."""
    embedder: Embedder
    """Of the model that made its vectors."""
    grid: GridSpec | None = None
    """Its grid: a cell of two collections with the same is one place; None: its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one of several collections contributed."""

    collection: str
    """Its name."""
    plan: str
    """Which way through its index was taken."""
    generation: int
    """Its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOfMany:
    """Hits of several collections, and how they were found in each."""

    answer: Answer
    """The hits, each with its collection."""
    parts: tuple[Part, ...]
    """In the order asked."""


def search_many(
    query: Query,
    places: Sequence[Place],
    *,
    rank_by: RankBy = "cosine",
    glossary: Glossary | None = None,
    others: Examples | None = None,
) -> AnswerOfMany:
    """Find the chips nearest to the query in several collections, as if they were one.

    Args:
        query: What is looked for; its chips are named ``collection/chip id``.
        places: Where; each once.
        rank_by: ``cosine``: exact, where all were made by one model version; ``percentile``: by
            each chip's place in its own collection, whatever made it.
        glossary: Chinese words; None: the shipped ones.
        others: Vectors of more chips that show it, or do not; of the one model version.

    Raises:
        ModelMismatch: several model versions, and no ranking by percentile, or chips that are alike
            are to be left out.
        ChipNotFound: a chip of a collection that is not asked.
        As ``search`` otherwise.
    """
    started = time.perf_counter()
    check_query(query)
    versions = {place.embedder.card.ref for place in places}
    _check_models(query, places, versions, rank_by=rank_by)
    own = {place.name: _own(query, place.name) for place in places}
    _check_chips(query, own)
    directions = {
        ref: _directed(
            query,
            [one for one in places if one.embedder.card.ref == ref],
            own,
            glossary=glossary,
            others=others,
        )
        for ref in sorted(versions)
    }
    embedded = time.perf_counter()
    looking = [
        Looking(
            query,
            directions[place.embedder.card.ref],
            index=place.index,
            embedder=place.embedder,
            clicked=(*own[place.name].liked, *own[place.name].disliked),
            name=place.name,
            grid=place.grid,
            number=number,
            rank_by=rank_by,
        )
        for number, place in enumerate(places)
    ]
    gathered = gather(looking, query)
    parts = [
        Part(collection=one.name, plan=one.plan, generation=place.index.generation)
        for one, place in zip(looking, places, strict=True)
    ]
    first = directions[places[0].embedder.card.ref]
    answer = Answer(
        hits=gathered.hits,
        plan="several collections: " + "; ".join(f"{one.collection}: {one.plan}" for one in parts),
        generation=max(one.generation for one in parts),
        seconds=time.perf_counter() - started,
        translated=first.translated,
        weight=first.weight,
        warnings=gathered.warnings,
        explained=explained(looking, embedding_s=embedded - started),
    )
    return AnswerOfMany(answer=answer, parts=tuple(parts))


def check_rank_by(rank_by: str) -> RankBy:
    """Give a way to rank; raises InvalidRequest where it is none."""
    if rank_by == "percentile":
        return "percentile"
    if rank_by != "cosine":
        raise InvalidRequest(f"rank_by: expected cosine or percentile, came {rank_by[:40]!r}")
    return "cosine"


def _check_models(
    query: Query, places: Sequence[Place], versions: Collection[str], *, rank_by: RankBy
) -> None:
    if len(versions) <= 1:
        return
    made = ", ".join(f"{one.name} by {one.embedder.card.ref}" for one in places)
    if rank_by == "cosine":
        raise ModelMismatch(
            f"cosines of different models cannot be compared ({made}): "
            "ask with rank_by percentile, or re-embed one with `satseek collection reembed`"
        )
    if query.duplicate_cosine is not None:
        raise ModelMismatch(
            f"vectors of different models cannot be compared ({made}): "
            "ask without duplicate_cosine, or re-embed one with `satseek collection reembed`"
        )


def _directed(
    query: Query,
    places: Sequence[Place],
    own: dict[str, Query],
    *,
    glossary: Glossary | None,
    others: Examples | None,
) -> Direction:
    """Find the one direction for all collections of a model version."""
    dim = places[0].embedder.card.dim
    each = [examples_in(own[one.name], index=one.index, dim=dim) for one in places]
    examples = each[0]
    for more in (*each[1:], *([others] if others else [])):
        examples = examples.beside(more)
    return direct(
        query,
        examples=examples,
        background=lambda: _sample(places),
        embedder=places[0].embedder,
        glossary=glossary,
    )


def _sample(places: Sequence[Place]) -> Vectors:
    """Draw from each collection by its size."""
    total = max(sum(len(one.index) for one in places), 1)
    shares = [max(1, round(BACKGROUND_SAMPLE * len(one.index) / total)) for one in places]
    drawn = [one.index.sample(share) for one, share in zip(places, shares, strict=True)]
    return np.concatenate(drawn)


def _own(query: Query, name: str) -> Query:
    """The query with the clicked chips of one collection only, by their own ids."""

    def of(chips: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one.removeprefix(f"{name}/") for one in chips if one.startswith(f"{name}/"))

    return replace(query, liked=of(query.liked), disliked=of(query.disliked))


def _check_chips(query: Query, own: dict[str, Query]) -> None:
    for chip in (*query.liked, *query.disliked):
        if "/" not in chip:
            raise InvalidRequest(f"over several collections, name chips COLLECTION/CHIP: {chip!r}")
        if chip.partition("/")[0] not in own:
            asked = ", ".join(own)
            raise ChipNotFound(f"expected a chip of {asked} as COLLECTION/CHIP, came {chip!r}")
