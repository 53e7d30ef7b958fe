"""``/v1/embeddings``: what OpenAI's clients send → vectors, as they expect them.

Knows the wire (OpenAI's API reference, embeddings), nothing of towers. Beyond that reference an
input may be an image, as a ``data:`` address.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import InvalidRequest
from satseek.service.bodies import from_base64, validated
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.embedding import written_rows
from satseek.service.inference.offers import IN_FORCE
from satseek.service.running import Running, running
from satseek.service.verbs import embed_items
from satseek.types import Vectors

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
    asked = await shared.weighed(
        lambda: validated(EmbeddingsAsked, json_text=content), size=len(content)
    )
    asking = caller(request)
    asking.principal.require("embed")
    served = await shared.model(None if asked.model == IN_FORCE else asked.model)
    card, inputs = served.card, list(asked.input)
    if asked.dimensions not in (None, card.dim):
        raise InvalidRequest(
            f"dimensions: vectors of {card.ref} have {card.dim} and cannot be cut, "
            f"came {asked.dimensions}"
        )
    items = await shared.weighed(lambda: [_item(one) for one in inputs], size=len(content))
    vectors = (await embed_items(items, shared=shared, caller=asking, model=card.ref)).vectors

    def written() -> bytes:
        tokens = sum(served.embedder.tokenizer.count(one) for one in items if type(one) is str)
        return _written(vectors, asked, tokens=tokens, model=card.ref)

    size = vectors.nbytes + len(content)
    return Response(await shared.weighed(written, size=size), media_type="application/json")


def _item(one: str) -> str | bytes:
    """Return a text as it is, an image's bytes for its address."""
    return from_base64(one) if one.startswith(IMAGE) else one


def _written(vectors: Vectors, asked: EmbeddingsAsked, *, tokens: int, model: str) -> bytes:
    rows = written_rows(vectors, asked.encoding_format)
    found = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return to_json({"object": "list", "data": found, "model": model, "usage": usage})
