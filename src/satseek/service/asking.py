"""A search as asked, and who asks → the query, its concept's words and the chips that show it.

Knows neither HTTP nor gRPC, nor how anything is found.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.search.concepts import parse_reference
from satseek.search.examples import background_of, examples_of
from satseek.search.federating import MAX_COLLECTIONS
from satseek.search.filtering import read_filter
from satseek.search.labelling import Shown, known_labels
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.assemble import ServedModel
    from satseek.index.protocol import Searchable
    from satseek.search.directions import Examples
    from satseek.search.examples import Opened
    from satseek.search.labelling import Known
    from satseek.service.access.principals import Principal
    from satseek.service.messages import SearchAsked
    from satseek.service.running import Running
    from satseek.types import Concept, ModelCard, Pixels

ALL = "*"
"""Instead of names: all collections that somebody sees."""


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
    concept = concept_of(asked.concept, shared) if asked.concept else None
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
    )
    if concept is not None:
        query = with_concept(query, concept)
    return Question(query=query, concept=concept)


def with_concept(query: Query, concept: Concept) -> Query:
    """Add a concept's words to a query, and its cut where the query has none."""
    return replace(
        query,
        prompts=(*query.prompts, *concept.prompts),
        negatives=(*query.negatives, *concept.negatives),
        least=concept.least if query.least is None else query.least,
    )


def concept_of(ref: str, shared: Running) -> Concept:
    """Give a concept by ``name`` or ``name@version``; raises ConceptNotFound."""
    name, version = parse_reference(ref)
    return shared.assembly.concepts.get(name, version)


def shown_by(
    concept: Concept, *, card: ModelCard, shared: Running, who: Principal
) -> tuple[Examples, list[str]]:
    """Give the vectors of a concept's chips by one model, and what is to be said of the others.

    Chips of collections that somebody does not see are left out like those that are gone.
    """
    opened = _seen_by(who, shared)
    examples, missed = examples_of(concept, card=card, opened=opened)
    if not missed:
        return examples, []
    chips = len(concept.liked) + len(concept.disliked)
    said = (
        f"{len(missed)} of {chips} chips of {concept.name} are not used: gone, or of other models"
    )
    return examples, [said]


def labels_of(
    labels: Sequence[str],
    *,
    model: ServedModel,
    templates: Sequence[str],
    shared: Running,
    who: Principal,
) -> Known:
    """Find the vectors of labels that are concepts, or words in Chinese; raises as they do."""
    card, opened = model.card, _seen_by(who, shared)

    def concept(ref: str) -> Shown:
        found = concept_of(ref, shared)
        examples, _ = examples_of(found, card=card, opened=opened)
        around = background_of(found, card=card, opened=opened)
        return Shown(concept=found, examples=examples, background=around)

    glossary = shared.assembly.glossary
    return known_labels(
        labels,
        embedder=model.embedder,
        concept=concept,
        glossary=glossary,
        templates=templates,
    )


def _seen_by(who: Principal, shared: Running) -> Opened:
    """Lend collections that somebody sees; the others are told as what is not there."""

    @contextmanager
    def opened(name: str) -> Iterator[Searchable]:
        with shared.reader(name, who).pinned() as index:
            yield index

    return opened


def places_of(asked: SearchAsked, *, shared: Running, who: Principal) -> list[str]:
    """Give the collections that a search names, each once; empty: it names none, or one.

    Raises:
        InvalidRequest: more than can be asked at once.
    """
    names = list(dict.fromkeys(asked.collections))
    if ALL in names:
        names = shared.collections(who)
    if len(names) > MAX_COLLECTIONS:
        raise InvalidRequest(f"collections: expected at most {MAX_COLLECTIONS}, came {len(names)}")
    return names
