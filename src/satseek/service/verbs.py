"""What may be asked of this server, whatever the door: search, classify, compare, embed.

Knows neither HTTP nor gRPC: a door reads its own messages, says who asks, and writes the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from satseek.assemble.asking import ask_many, labels_known, unsuited
from satseek.embed.embedder import IMAGE_BATCH
from satseek.errors import InvalidRequest
from satseek.index.checks import check_k
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.search.classifying import check_labels, classify_vectors, similarity
from satseek.search.searching import search
from satseek.service.asking import places_of, question_of, seen_by, shown_by
from satseek.service.bodies import decode
from satseek.service.checking import check_ids, check_tensor, check_texts
from satseek.service.tracing import step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.assemble import Matched, ServedModel
    from satseek.search.classifying import Classification
    from satseek.search.directions import Examples
    from satseek.search.searching import Answer, Explained
    from satseek.service.access.principals import Principal
    from satseek.service.asking import Question
    from satseek.service.calling import Caller
    from satseek.service.messages import ClassifyAsked, SearchAsked, SimilarityAsked
    from satseek.service.running import Running
    from satseek.types import Hit, LabelScore, ModelCard, Pixels, Tensor, TokenIds, Vectors

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one collection contributed."""

    collection: str
    """Its name."""
    card: ModelCard
    """The model that made its vectors."""
    plan: str
    """Which way through its index was taken."""
    generation: int
    """Its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits, and what found them."""

    collection: str
    """Name of the collection, of several the first."""
    card: ModelCard
    """The model that made its vectors, and the query's."""
    answer: Answer
    """The hits."""
    concept: str | None = None
    """The concept that was asked, ``name@version``; None: none."""
    warnings: tuple[str, ...] = ()
    """What the reader should know of it."""
    several: tuple[Source, ...] = ()
    """What each of several collections contributed; empty: one was asked."""
    explained: Explained | None = None
    """How they were found; None: nobody asked."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every collection that was asked."""
        answer = self.answer
        one = Source(
            collection=self.collection,
            card=self.card,
            plan=answer.plan,
            generation=answer.generation,
        )
        return self.several or (one,)

    def place_of(self, hit: Hit) -> str:
        """Give the collection where a hit was found."""
        return hit.collection or self.collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """How labels fit one image, and which model says so."""

    card: ModelCard
    """The model."""
    classification: Classification
    """The labels, best first."""
    translated: Mapping[str, str]
    """What labels that are not English were taken for, by label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How texts fit one image, and which model says so."""

    card: ModelCard
    """The model."""
    texts: list[LabelScore]
    """In the order asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Unit vectors, and which model made them."""

    card: ModelCard
    """The model."""
    vectors: Vectors
    """float32 (n, dim), in the order asked."""


async def find(
    asked: SearchAsked,
    image: bytes | None,
    *,
    shared: Running,
    caller: Caller,
    write: Callable[[Found], T],
) -> T:
    """Find chips; ``write`` runs off the event loop, as it may be long.

    Raises:
        PermissionDenied, CollectionNotFound, ModelMismatch: it cannot be searched, or not by them.
        UnreadableImage, InvalidFilter, InvalidK, EmptyText: what was asked cannot be.
        Overloaded, DeadlineExceeded, Abandoned: there was no time for it.
    """
    caller.principal.require("search")
    check_k(asked.wanted)
    who = caller.principal
    names: list[str] = []
    if asked.collections:
        names = await shared.in_thread(lambda: places_of(asked, shared=shared, who=who))
    if names:
        one, written = await _find_in_many(names, asked, image, shared=shared, who=who, write=write)
    else:
        name = asked.collection
        one, written = await _find_in_one(name, asked, image, shared=shared, who=who, write=write)
    answer = one.answer
    searched = ",".join(source.collection for source in one.sources)
    caller.pairs.update(collection=searched, model=one.card.ref, k=asked.wanted)
    caller.pairs.update(hits=len(answer.hits), plan=answer.plan)
    shared.metrics.count_search(answer)
    return written


async def _find_in_one(
    name: str | None,
    asked: SearchAsked,
    image: bytes | None,
    *,
    shared: Running,
    who: Principal,
    write: Callable[[Found], T],
) -> tuple[Found, T]:
    async def work(name: str, matched: Matched) -> tuple[Found, T]:
        model = matched.model
        pixels = None if image is None else await decode(image, model.card, running=shared)

        def found() -> tuple[Found, T]:
            question = question_of(asked, pixels, shared=shared)
            others, warnings = _examples(question, model.card, shared=shared, who=who)
            look = search if asked.explain else shared.remembered.search
            with step("satseek.search", collection=name), matched.pinned() as index:
                answer = look(
                    question.query,
                    index=index,
                    embedder=model.embedder,
                    glossary=shared.assembly.glossary,
                    others=others,
                )
            one = Found(
                collection=name,
                card=model.card,
                answer=answer,
                concept=question.ref,
                warnings=(
                    *warnings,
                    *answer.warnings,
                    *unsuited(question.query, matched.collection),
                ),
                explained=answer.explained if asked.explain else None,
            )
            return one, write(one)

        return await shared.in_thread(found)

    return await shared.with_collection(name, work, who=who)


async def _find_in_many(
    names: Sequence[str],
    asked: SearchAsked,
    image: bytes | None,
    *,
    shared: Running,
    who: Principal,
    write: Callable[[Found], T],
) -> tuple[Found, T]:
    """Take one collection after the other with its model, then ask all of them at once."""

    async def taken(all_of_them: dict[str, Matched]) -> tuple[Found, T]:
        if len(all_of_them) < len(names):

            async def work(name: str, matched: Matched) -> tuple[Found, T]:
                return await taken(all_of_them | {name: matched})

            return await shared.with_collection(names[len(all_of_them)], work, who=who)
        card = all_of_them[names[0]].model.card
        pixels = None if image is None else await decode(image, card, running=shared)

        def found() -> tuple[Found, T]:
            one = _look_in(all_of_them, asked, pixels, shared=shared, who=who)
            return one, write(one)

        return await shared.in_thread(found)

    return await taken({})


def _look_in(
    all_of_them: Mapping[str, Matched],
    asked: SearchAsked,
    image: Pixels | None,
    *,
    shared: Running,
    who: Principal,
) -> Found:
    question = question_of(asked, image, shared=shared)
    cards = {name: matched.model.card for name, matched in all_of_them.items()}
    first = next(iter(cards))
    others, warnings = _examples(question, cards[first], shared=shared, who=who)
    with step("satseek.search", collection=",".join(cards)):
        many = ask_many(
            question.query, shared.assembly, all_of_them, rank_by=asked.rank_by, others=others
        )
    large = [
        said
        for matched in all_of_them.values()
        for said in unsuited(question.query, matched.collection)
    ]
    several = [
        Source(
            collection=part.collection,
            card=cards[part.collection],
            plan=part.plan,
            generation=part.generation,
        )
        for part in many.parts
    ]
    return Found(
        collection=first,
        card=cards[first],
        answer=many.answer,
        concept=question.ref,
        warnings=tuple(dict.fromkeys((*warnings, *many.answer.warnings, *large))),
        several=tuple(several),
        explained=many.answer.explained if asked.explain else None,
    )


def _examples(
    question: Question, card: ModelCard, *, shared: Running, who: Principal
) -> tuple[Examples | None, tuple[str, ...]]:
    if question.concept is None:
        return None, ()
    return shown_by(question.concept, card=card, shared=shared, who=who)


async def classify(
    asked: ClassifyAsked, image: bytes | None, *, shared: Running, caller: Caller
) -> Classified:
    """Score labels on an image or on a chip, zero-shot.

    Raises:
        InvalidRequest: neither or both were given, or labels that cannot be.
        PermissionDenied, UnreadableImage, CollectionNotFound, ChipNotFound: as ``find``.
    """
    caller.principal.require("classify")
    if (image is None) == (asked.chip is None):
        raise InvalidRequest("give either an image or a chip to classify")
    caller.pairs.update(labels=len(asked.labels))
    if image is None:

        async def work(_name: str, matched: Matched) -> Classified:
            return await shared.in_thread(
                lambda: _classify_chip(asked, matched, shared=shared, who=caller.principal)
            )

        return await shared.with_collection(asked.collection, work, who=caller.principal)
    check_labels(asked.labels)
    model = await shared.model()
    pixels = await decode(image, model.card, running=shared)
    return await shared.in_thread(
        lambda: _classified(
            asked,
            model.embedder.embed_images([pixels]),
            model,
            shared=shared,
            who=caller.principal,
        )
    )


async def compare(
    asked: SimilarityAsked, image: bytes | None, *, shared: Running, caller: Caller
) -> Compared:
    """Compare an image with each text as written.

    Raises:
        InvalidRequest: there is no image, or texts that cannot be.
        PermissionDenied, UnreadableImage: as ``find``.
    """
    caller.principal.require("classify")
    if image is None:
        raise InvalidRequest("give an image to compare the texts with")
    caller.pairs.update(texts=len(asked.text))
    model = await shared.model()
    pixels = await decode(image, model.card, running=shared)
    texts = await shared.in_thread(lambda: similarity(pixels, asked.text, embedder=model.embedder))
    return Compared(card=model.card, texts=texts)


async def embed_items(
    items: Sequence[str | bytes], *, shared: Running, caller: Caller, model: str | None = None
) -> Embedded:
    """Give the vectors of texts and image files in one list, in its order, all by one version.

    Args:
        items: One or more; each text has a word in it.
        shared: What all requests share.
        caller: Who asks.
        model: ``name`` or ``name@version``; None: the model in force.

    Raises:
        ModelNotServed: no such model is served.
        EmptyText, InvalidRequest: a text without a word, too long, or nothing at all.
        UnreadableImage, ImageTooLarge: an image cannot be used.
        PermissionDenied, Overloaded, DeadlineExceeded, Abandoned: it cannot be.
    """
    caller.principal.require("embed")
    if not items:
        raise InvalidRequest("expected at least one text or image, came none")
    texts = [one for one in items if isinstance(one, str)]
    images = [one for one in items if isinstance(one, bytes)]
    if texts:
        check_texts(texts)
    served = await shared.model(model)
    caller.pairs.update(texts=len(texts), images=len(images), model=served.ref)
    vectors = np.empty((len(items), served.card.dim), dtype=np.float32)
    are_texts = np.array([isinstance(one, str) for one in items])
    with step("satseek.embed", texts=len(texts), images=len(images)):
        if texts:
            vectors[are_texts] = await shared.in_thread(lambda: served.embedder.embed_texts(texts))
        if images:
            vectors[~are_texts] = await _of_images(images, served, shared=shared)
    return Embedded(card=served.card, vectors=vectors)


async def embed_tensor(
    tensor: Tensor, *, shared: Running, caller: Caller, model: str | None = None
) -> Embedded:
    """Give the vectors of images preprocessed elsewhere, float32 (n, 3, size, size).

    Raises:
        InvalidRequest: the tensor has another shape or is not finite.
        ModelNotServed, PermissionDenied, Overloaded, DeadlineExceeded, Abandoned: it cannot be.
    """
    caller.principal.require("embed")
    served = await shared.model(model)
    caller.pairs.update(images=len(tensor), model=served.ref)

    def work() -> Vectors:
        check_tensor(tensor, served.card)
        embed, starts = served.embedder.embed_tensor, range(0, len(tensor), IMAGE_BATCH)
        return np.concatenate([embed(tensor[at : at + IMAGE_BATCH]) for at in starts])

    return Embedded(card=served.card, vectors=await shared.in_thread(work))


async def embed_ids(
    ids: TokenIds, *, shared: Running, caller: Caller, model: str | None = None
) -> Embedded:
    """Give the vectors of texts tokenized elsewhere, int64 (n, context length).

    Whoever sends ids has padded them as the model was trained: another padding gives vectors of the
    right shape and wrong content, which nobody can see from here. Texts are safer.

    Raises:
        InvalidRequest: the ids have another shape, or are not in the vocabulary.
        ModelNotServed, PermissionDenied, Overloaded, DeadlineExceeded, Abandoned: it cannot be.
    """
    caller.principal.require("embed")
    served = await shared.model(model)
    caller.pairs.update(texts=len(ids), model=served.ref)

    def work() -> Vectors:
        embedder = served.embedder
        check_ids(ids, served.card, vocabulary=embedder.tokenizer.vocabulary)
        return embedder.embed_ids(ids)

    return Embedded(card=served.card, vectors=await shared.in_thread(work))


async def _of_images(images: Sequence[bytes], served: ServedModel, *, shared: Running) -> Vectors:
    """Batch by batch: a file of a hundred bytes becomes a square of a hundred thousand."""

    async def embed(part: Sequence[bytes]) -> Vectors:
        pixels = [await decode(image, served.card, running=shared) for image in part]
        return await shared.in_thread(lambda: served.embedder.embed_images(pixels))

    starts = range(0, len(images), IMAGE_BATCH)
    return np.concatenate([await embed(images[at : at + IMAGE_BATCH]) for at in starts])


def _classify_chip(
    asked: ClassifyAsked, matched: Matched, *, shared: Running, who: Principal
) -> Classified:
    assert asked.chip is not None
    with matched.pinned() as index:
        vectors = index.vectors([index.row_of(asked.chip)])
    return _classified(asked, vectors, matched.model, shared=shared, who=who)


def _classified(
    asked: ClassifyAsked, vectors: Vectors, model: ServedModel, *, shared: Running, who: Principal
) -> Classified:
    templates = TEMPLATES if asked.templates is None else asked.templates
    known = labels_known(
        asked.labels,
        model=model,
        templates=templates,
        parts=shared.assembly,
        opened=seen_by(who, shared),
    )
    distractors = DISTRACTORS if asked.distractors is None else asked.distractors
    (found,) = classify_vectors(
        vectors,
        asked.labels,
        embedder=model.embedder,
        templates=templates,
        distractors=(*distractors, *known.negatives),
        known=known.vectors,
    )
    return Classified(card=model.card, classification=found, translated=known.translated)
