"""A query, and which collections and concept it names → hits, in this very process.

Knows no door: commands and the embedded client ask alike. Nobody is asked who they are.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.search.concepts import parse_reference
from satseek.search.examples import background_of, examples_of
from satseek.search.federating import MAX_COLLECTIONS, Place, search_many
from satseek.search.labelling import Known, Shown, known_labels
from satseek.search.searching import search
from satseek.search.suiting import pixel_size_of, suits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from satseek.assemble.assembling import Assembly, Matched
    from satseek.assemble.served import ServedModel
    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.protocol import Searchable
    from satseek.search.directions import Examples
    from satseek.search.examples import Opened
    from satseek.search.federating import AnswerOfMany, RankBy
    from satseek.search.searching import Answer
    from satseek.types import Concept, ModelCard, Query

ALL = "*"
"""Instead of names: all collections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hits, and what found them."""

    answer: Answer
    """The hits."""
    collections: tuple[str, ...]
    """Every one that was asked."""
    card: ModelCard
    """The model that made the vectors of the first."""
    concept: str | None = None
    """The concept that was asked, ``name@version``; None: none."""
    warnings: tuple[str, ...] = ()
    """What the reader should know of it."""


def ask(
    query: Query,
    parts: Assembly,
    *,
    collection: str | None = None,
    collections: Sequence[str] = (),
    rank_by: RankBy = "cosine",
    concept: str | None = None,
) -> Asked:
    """Ask one collection, or several at once, and a concept's words and chips with the query.

    Args:
        query: What is looked for; over several collections its chips are named
            ``collection/chip id``.
        parts: The working parts.
        collection: Where; None: the only one, or ``default``.
        collections: Several instead; ``*``: all.
        rank_by: See ``search_many``.
        concept: ``name`` or ``name@version``; None: none.

    Raises:
        InvalidRequest: one and several collections were named, or more than can be asked at once.
        ConceptNotFound, CollectionNotFound, ModelMismatch: what is named cannot be had.
        As ``search`` otherwise.
    """
    if collection and collections:
        raise InvalidRequest("give collection or collections, not both")
    names = [name for name in dict.fromkeys(collections) if name]
    names = parts.collections() if ALL in names else names
    if len(names) > MAX_COLLECTIONS:
        raise InvalidRequest(f"collections: expected at most {MAX_COLLECTIONS}, came {len(names)}")
    matched = {name: parts.matched(name) for name in names or [parts.chosen(collection)]}
    card = next(iter(matched.values())).model.card
    saved = concept_named(concept, parts) if concept else None
    others, warnings = _examples(saved, parts, card)
    asked = query if saved is None else with_concept(query, saved)
    if names:
        answer = ask_many(asked, parts, matched, rank_by=rank_by, others=others).answer
    else:
        (one,) = matched.values()
        with one.pinned() as index:
            answer = search(
                asked,
                index=index,
                embedder=one.model.embedder,
                glossary=parts.glossary,
                others=others,
            )
    large = [said for one in matched.values() for said in unsuited(asked, one.collection)]
    return Asked(
        answer=answer,
        collections=tuple(matched),
        card=card,
        concept=f"{saved.name}@{saved.version}" if saved else None,
        warnings=tuple(dict.fromkeys((*warnings, *answer.warnings, *large))),
    )


def with_concept(query: Query, concept: Concept) -> Query:
    """Add a concept's words to a query, and its cut where the query has none."""
    return replace(
        query,
        prompts=(*query.prompts, *concept.prompts),
        negatives=(*query.negatives, *concept.negatives),
        least=concept.least if query.least is None else query.least,
    )


def concept_named(ref: str, parts: Assembly) -> Concept:
    """Give a concept by ``name`` or ``name@version``; raises ConceptNotFound."""
    name, version = parse_reference(ref)
    return parts.concepts.get(name, version)


def unused(concept: Concept, missed: Sequence[str]) -> tuple[str, ...]:
    """Say which of a concept's chips could not be used; nothing where all were."""
    if not missed:
        return ()
    chips = len(concept.liked) + len(concept.disliked)
    said = (
        f"{len(missed)} of {chips} chips of {concept.name} are not used: gone, or of other models"
    )
    return (said,)


def unsuited(query: Query, collection: Collection) -> tuple[str, ...]:
    """Warn where a collection's pixels are too large for what the words name."""
    size = pixel_size_of(collection)
    texts = (*([query.text] if query.text else []), *query.prompts)
    said = [suits(text, size) for text in texts] if size is not None else []
    return tuple(dict.fromkeys(one for one in said if one))


def reading(reader: Callable[[str], Collection]) -> Opened:
    """Lend collections that can be opened for reading."""

    @contextmanager
    def opened(name: str) -> Iterator[Searchable]:
        with reader(name).pinned() as index:
            yield index

    return opened


def labels_known(
    labels: Sequence[str],
    *,
    model: ServedModel,
    templates: Sequence[str],
    parts: Assembly,
    opened: Opened | None = None,
    embedder: Embedder | None = None,
) -> Known:
    """Find the vectors of labels that are concepts, or words in Chinese; raises as they do.

    Args:
        labels: As asked.
        model: Which is asked.
        templates: Prompt templates.
        parts: The working parts.
        opened: Lends the collections that concepts' chips lie in; None: any.
        embedder: Of that model; None: the one that answers one question soonest.
    """
    opened = opened or reading(parts.reader)

    def concept(ref: str) -> Shown:
        found = concept_named(ref, parts)
        examples, _ = examples_of(found, card=model.card, opened=opened)
        around = background_of(found, card=model.card, opened=opened)
        return Shown(concept=found, examples=examples, background=around)

    return known_labels(
        labels,
        embedder=embedder or model.embedder,
        concept=concept,
        glossary=parts.glossary,
        templates=templates,
    )


def _examples(
    concept: Concept | None, parts: Assembly, card: ModelCard
) -> tuple[Examples | None, tuple[str, ...]]:
    if concept is None:
        return None, ()
    examples, missed = examples_of(concept, card=card, opened=reading(parts.reader))
    return examples, unused(concept, missed)


def ask_many(
    query: Query,
    parts: Assembly,
    matched: Mapping[str, Matched],
    *,
    rank_by: RankBy,
    others: Examples | None,
) -> AnswerOfMany:
    """Ask several collections at once, by name; takes and raises what ``search_many`` does."""
    with ExitStack() as stack:
        pinned = {name: stack.enter_context(one.pinned()) for name, one in matched.items()}
        places = [
            Place(
                name=name,
                index=index,
                embedder=matched[name].model.embedder,
                grid=index.spec.grid,
            )
            for name, index in pinned.items()
        ]
        return search_many(query, places, rank_by=rank_by, glossary=parts.glossary, others=others)
