"""``/v1/embeddings``: what OpenAI's clients send → vectors, as they expect them.

Knows the wire (OpenAI's API reference, embeddings), nothing of towers. Beyond that reference an
input may be an image, as a ``data:`` address.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import InvalidRequest
from satseek.service.bodies import from_base64, validated
from satseek.service.calling import Caller, caller
from satseek.service.describing import PROBLEM
from satseek.service.inference.offers import IN_FORCE
from satseek.service.running import Running, running
from satseek.service.verbs import embed_images, embed_texts
from satseek.types import ModelCard, Vectors

router = APIRouter(tags=["embed"])

Shared = Annotated[Running, Depends(running)]

MAX_INPUTS = 2048
"""Inputs of one request (OpenAI's API reference, embeddings, ``input``)."""

IMAGE = "data:image/"
"""What an input begins with that is an image."""


class EmbeddingsAsked(BaseModel):
    """Texts, and images as ``data:`` addresses, in one list."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: str | list[Any] = Field(
        description="A text, a list of texts; an image as `data:image/…;base64,…`."
    )
    model: str = Field(
        max_length=200, description="`satseek`: the one in force; or `NAME`, `NAME@VERSION`."
    )
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`base64`: little-endian float32."
    )
    dimensions: int | None = Field(
        None, description="Only the model's own: its vectors are not made to be cut."
    )
    user: str | None = Field(None, max_length=1000, description="Passed over.")

    @field_validator("input")
    @classmethod
    def _check_input(cls, value: Any) -> list[str]:
        listed = [value] if isinstance(value, str) else value
        if not 1 <= len(listed) <= MAX_INPUTS:
            raise ValueError(f"expected 1 to {MAX_INPUTS} inputs, came {len(listed)}")
        if any(isinstance(one, int | list) for one in listed):
            raise ValueError("expected texts; tokens of another model's vocabulary mean nothing")
        if not all(isinstance(one, str) for one in listed):
            raise ValueError("expected texts")
        return list(listed)


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": EmbeddingsAsked.model_json_schema(),
                "example": {"model": IN_FORCE, "input": ["a harbour", "a forest"]},
            }
        },
    }
}


@router.post(
    "/v1/embeddings",
    summary="Embed, as OpenAI's clients ask it",
    openapi_extra=_BODY,
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        **dict.fromkeys((404, 413, 422, 429), PROBLEM),
    },
)
async def post_embeddings(request: Request, shared: Shared) -> Response:
    """Give the vectors of texts and images in one list; the same ones that searches compare."""
    content = await request.body()
    asked = await shared.in_thread(lambda: validated(EmbeddingsAsked, json_text=content))
    inputs = list(asked.input)
    card, vectors = await _embedded(inputs, asked.model, asked.dimensions, shared, caller(request))

    def written() -> bytes:
        texts = [one for one in inputs if not one.startswith(IMAGE)]
        ref = f"{card.name}@{card.version}"
        return _written(vectors, asked, tokens=_tokens(texts, card, shared), model=ref)

    return Response(await shared.in_thread(written), media_type="application/json")


async def _embedded(
    inputs: list[str], model: str, dimensions: int | None, shared: Running, asking: Caller
) -> tuple[ModelCard, Vectors]:
    """Embed texts and images by one version, and put their vectors in the order asked."""
    asking.principal.require("embed")
    named = None if model == IN_FORCE else model
    served = await shared.in_thread(lambda: shared.assembly.model_named(named))
    card, ref = served.card, served.ref
    if dimensions not in (None, card.dim):
        raise InvalidRequest(
            f"dimensions: vectors of {ref} have {card.dim} and cannot be cut, came {dimensions}"
        )
    are_images = np.array([one.startswith(IMAGE) for one in inputs])
    vectors = np.empty((len(inputs), card.dim), dtype=np.float32)
    if not are_images.all():
        texts = [one for one in inputs if not one.startswith(IMAGE)]
        embedded = await embed_texts(texts, shared=shared, caller=asking, model=ref)
        vectors[~are_images] = embedded.vectors
    if are_images.any():
        addresses = [one for one in inputs if one.startswith(IMAGE)]
        files = await shared.in_thread(lambda: [from_base64(one) for one in addresses])
        embedded = await embed_images(files, shared=shared, caller=asking, model=ref)
        vectors[are_images] = embedded.vectors
    return card, vectors


def _tokens(texts: list[str], card: ModelCard, shared: Running) -> int:
    """Tokens that the text tower read; images have none."""
    ref = f"{card.name}@{card.version}"
    tokenizer = shared.assembly.model_named(ref).embedder.tokenizer
    return sum(tokenizer.count(text) for text in texts)


def _written(vectors: Vectors, asked: EmbeddingsAsked, *, tokens: int, model: str) -> bytes:
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    plain = asked.encoding_format == "float"
    found = [
        {
            "object": "embedding",
            "index": at,
            "embedding": row.tolist() if plain else base64.b64encode(row.tobytes()).decode(),
        }
        for at, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return to_json({"object": "list", "data": found, "model": model, "usage": usage})
