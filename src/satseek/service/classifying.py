"""``/v1/classify`` and ``/v1/similarity``: an image and words → how each of them fits.

Knows the use-cases and the wire, nothing of towers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import InvalidRequest
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.search.classifying import classify_vectors, similarity
from satseek.service.bodies import decode, read_body
from satseek.service.describing import (
    CLASSIFY_BODY,
    CLASSIFY_RESPONSES,
    SIMILARITY_BODY,
    SIMILARITY_RESPONSES,
)
from satseek.service.messages import (
    ClassifyAnswer,
    ClassifyAsked,
    LabelShown,
    ModelShown,
    SimilarityAnswer,
    SimilarityAsked,
)
from satseek.service.negotiating import JSON
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from satseek.assemble import Matched, ServedModel
    from satseek.types import LabelScore, ModelCard, Pixels, Vectors

router = APIRouter(tags=["classify"])

Shared = Annotated[Running, Depends(running)]


@router.post(
    "/v1/classify",
    summary="Classify an image",
    openapi_extra=CLASSIFY_BODY,
    responses=CLASSIFY_RESPONSES,
)
async def post_classify(request: Request, shared: Shared) -> Response:
    """Score labels of your own on an image or a chip, zero-shot, with room for “none of these”."""
    asked, image = await read_body(request, ClassifyAsked, shared=shared)
    if (image is None) == (asked.chip is None):
        raise InvalidRequest("give either an image or a chip to classify")
    if image is None:
        answer = await shared.with_collection(
            asked.collection,
            lambda _name, matched: shared.in_thread(lambda: _classify_chip(asked, matched)),
        )
    else:
        model = await shared.in_thread(shared.assembly.model)
        pixels = await decode(image, model.card, running=shared)
        answer = await shared.in_thread(lambda: _classify_image(asked, pixels, model))
    request.scope["satseek.pairs"] |= {"labels": len(asked.labels)}
    return Response(answer, media_type=JSON)


@router.post(
    "/v1/similarity",
    summary="Compare an image with texts",
    openapi_extra=SIMILARITY_BODY,
    responses=SIMILARITY_RESPONSES,
)
async def post_similarity(request: Request, shared: Shared) -> Response:
    """Compare an image with each text as written: no template, no distractor, in your order."""
    asked, image = await read_body(request, SimilarityAsked, shared=shared)
    if image is None:
        raise InvalidRequest("give an image to compare the texts with")
    model = await shared.in_thread(shared.assembly.model)
    pixels = await decode(image, model.card, running=shared)
    answer = await shared.in_thread(lambda: _similarity(asked, pixels, model))
    request.scope["satseek.pairs"] |= {"texts": len(asked.text)}
    return Response(answer, media_type=JSON)


def _classify_image(asked: ClassifyAsked, pixels: Pixels, model: ServedModel) -> bytes:
    return _classify(asked, model.embedder.embed_images([pixels]), model)


def _classify_chip(asked: ClassifyAsked, matched: Matched) -> bytes:
    assert asked.chip is not None
    with matched.pinned() as index:
        vectors = index.vectors([index.row_of(asked.chip)])
    return _classify(asked, vectors, matched.model)


def _classify(asked: ClassifyAsked, vectors: Vectors, model: ServedModel) -> bytes:
    (found,) = classify_vectors(
        vectors,
        asked.labels,
        embedder=model.embedder,
        templates=TEMPLATES if asked.templates is None else asked.templates,
        distractors=DISTRACTORS if asked.distractors is None else asked.distractors,
    )
    shown = ClassifyAnswer(
        model=_model(model.card),
        best=found.best.label,
        labels=[_label(one) for one in found.labels],
    )
    return shown.model_dump_json().encode()


def _similarity(asked: SimilarityAsked, pixels: Pixels, model: ServedModel) -> bytes:
    found = similarity(pixels, asked.text, embedder=model.embedder)
    shown = SimilarityAnswer(model=_model(model.card), texts=[_label(one) for one in found])
    return shown.model_dump_json().encode()


def _label(one: LabelScore) -> LabelShown:
    return LabelShown(
        label=one.label, scores={str(kind): value for kind, value in one.scores.items()}
    )


def _model(card: ModelCard) -> ModelShown:
    return ModelShown(name=card.name, version=card.version)
