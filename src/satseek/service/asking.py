"""A search as asked, and who asks → the query, its concept's words and the chips that show it.

Knows neither HTTP nor gRPC, nor how anything is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.assemble.asking import ALL, concept_named, reading, unused, with_concept
from satseek.errors import InvalidRequest
from satseek.search.examples import examples_of
from satseek.search.federating import MAX_COLLECTIONS
from satseek.search.filtering import read_filter
from satseek.types import Query

if TYPE_CHECKING:
    from satseek.search.directions import Examples
    from satseek.search.examples import Opened
    from satseek.service.access.principals import Principal
    from satseek.service.messages import SearchAsked
    from satseek.service.running import Running
    from satseek.types import Concept, ModelCard, Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query, and the concept that part of it came from."""

    query: Query
    """All of it but the concept's chips."""
    concept: Concept | None
    """None: none was named."""

    @property
    def ref(self) -> str | None:
        """``name@version`` of the concept; None: none was named."""
        return f"{self.concept.name}@{self.concept.version}" if self.concept else None


def question_of(asked: SearchAsked, image: Pixels | None, *, shared: Running) -> Question:
    """Put a question together; may read files.

    Raises:
        InvalidFilter, InvalidRequest: what was asked cannot be.
        ConceptNotFound: there is none of that name or version.
    """
    concept = concept_named(asked.concept, shared.assembly) if asked.concept else None
    query = Query(
        text=asked.text,
        image=image,
        liked=tuple(asked.liked),
        disliked=tuple(asked.disliked),
        where=read_filter(
            bbox=asked.bbox,
            area=asked.area,
            area_crs=asked.area_crs,
            start=asked.start,
            end=asked.end,
            where=asked.where,
            levels=asked.levels,
        ),
        k=asked.wanted,
        least=asked.least,
        group_by=asked.group_by,
        duplicate_cosine=asked.duplicate_cosine,
    )
    if concept is not None:
        query = with_concept(query, concept)
    return Question(query=query, concept=concept)


def shown_by(
    concept: Concept, *, card: ModelCard, shared: Running, who: Principal
) -> tuple[Examples, tuple[str, ...]]:
    """Give the vectors of a concept's chips by one model, and what is to be said of the others.

    Chips of collections that somebody does not see are left out like those that are gone.
    """
    examples, missed = examples_of(concept, card=card, opened=seen_by(who, shared))
    return examples, unused(concept, missed)


def seen_by(who: Principal, shared: Running) -> Opened:
    """Lend collections that somebody sees; the others are told as what is not there."""
    return reading(lambda name: shared.reader(name, who))


def places_of(asked: SearchAsked, *, shared: Running, who: Principal) -> list[str]:
    """Give the collections that a search names under ``collections``, each once; none: it has none.

    Raises:
        InvalidRequest: more than can be asked at once.
    """
    names = [name for name in dict.fromkeys(asked.collections) if name]
    if ALL in names:
        names = shared.collections(who)
    if len(names) > MAX_COLLECTIONS:
        raise InvalidRequest(f"collections: expected at most {MAX_COLLECTIONS}, came {len(names)}")
    return names
