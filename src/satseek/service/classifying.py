"""``/v1/classify`` and ``/v1/similarity``: an image and words → how each of them fits.

Knows the use-cases and the wire, nothing of towers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from satseek.service.bodies import read_body
from satseek.service.calling import caller
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
from satseek.service.verbs import classify, compare

if TYPE_CHECKING:
    from satseek.types import LabelScore, ModelCard

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
    one = await classify(asked, image, shared=shared, caller=caller(request))
    shown = ClassifyAnswer(
        model=_model(one.card),
        best=one.classification.best.label,
        translated=dict(one.translated),
        labels=[_label(label) for label in one.classification.labels],
    )
    return Response(shown.model_dump_json().encode(), media_type=JSON)


@router.post(
    "/v1/similarity",
    summary="Compare an image with texts",
    openapi_extra=SIMILARITY_BODY,
    responses=SIMILARITY_RESPONSES,
)
async def post_similarity(request: Request, shared: Shared) -> Response:
    """Compare an image with each text as written: no template, no distractor, in your order."""
    asked, image = await read_body(request, SimilarityAsked, shared=shared)
    one = await compare(asked, image, shared=shared, caller=caller(request))
    shown = SimilarityAnswer(model=_model(one.card), texts=[_label(text) for text in one.texts])
    return Response(shown.model_dump_json().encode(), media_type=JSON)


def _label(one: LabelScore) -> LabelShown:
    return LabelShown(
        label=one.label, scores={str(kind): value for kind, value in one.scores.items()}
    )


def _model(card: ModelCard) -> ModelShown:
    return ModelShown(name=card.name, version=card.version)
