"""``/v1/embed``: texts and images → their unit vectors, as numbers or as bytes.

Knows the wire, nothing of towers.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import ImageTooLarge, InvalidRequest
from satseek.service.bodies import (
    FORMS,
    MAX_FIELDS,
    from_base64,
    media_type,
    unsupported,
    validated,
    wrong_field,
)
from satseek.service.calling import caller
from satseek.service.describing import described_body, described_responses
from satseek.service.messages import REFERENCE, Lines, ModelShown, Reference
from satseek.service.negotiating import JSON
from satseek.service.references import fetch
from satseek.service.running import Running, running
from satseek.service.verbs import embed_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.settings import Settings
    from satseek.types import Vectors

router = APIRouter(tags=["embed"])

Shared = Annotated[Running, Depends(running)]

MAX_IMAGES = 64
"""Images of one request: two batches of the usual size; more of them come in several requests."""

_FILES = frozenset({"image", "images"})


class EmbedAsked(BaseModel):
    """Texts, images, or both."""

    model_config = ConfigDict(extra="forbid")

    texts: Lines = Field(
        default_factory=list, description="Texts: a list, or a text with one of them a line."
    )
    images: list[str] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="Images: base64, or `data:` addresses holding base64.",
    )
    image_refs: list[Reference] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description=f"Further images, behind the others. {REFERENCE}",
    )
    model: str | None = Field(
        None, max_length=200, description="`NAME` or `NAME@VERSION`; left out: the one in force."
    )
    encoding: Literal["float", "base64"] = Field(
        "float", description="`base64`: each vector as little-endian float32, a third of the size."
    )


Vector = list[float] | str


class EmbedAnswer(BaseModel):
    """Vectors of length one, in the order asked."""

    model_config = ConfigDict(frozen=True)

    model: ModelShown
    dim: int = Field(description="Numbers in a vector.")
    encoding: Literal["float", "base64"]
    texts: list[Vector] = Field(description="One vector for each text.")
    images: list[Vector] = Field(description="One vector for each image.")


_BODY = described_body(
    EmbedAsked,
    example={"texts": ["a harbour", "storage tanks beside a river"]},
    form={
        "texts": {"type": "string", "description": "One text a line."},
        "image": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "maxItems": MAX_IMAGES,
            "description": "Image files: the field may come several times.",
        },
    },
    without=("images", "image_refs"),
)


@router.post(
    "/v1/embed",
    summary="Embed texts and images",
    openapi_extra=_BODY,
    responses=described_responses(EmbedAnswer, 404, 415),
)
async def post_embed(request: Request, shared: Shared) -> Response:
    """Give the vectors of texts and images: the same ones that searches compare."""
    asked, images = await _read(request, shared)
    if not asked.texts and not images:
        raise InvalidRequest("give texts, images, or both to embed")
    items: list[str | bytes] = [*asked.texts, *images]
    one = await embed_items(items, shared=shared, caller=caller(request), model=asked.model)
    card, count = one.card, len(asked.texts)

    def written() -> bytes:
        answer = EmbedAnswer(
            model=ModelShown(name=card.name, version=card.version),
            dim=card.dim,
            encoding=asked.encoding,
            texts=written_rows(one.vectors[:count], asked.encoding),
            images=written_rows(one.vectors[count:], asked.encoding),
        )
        return answer.model_dump_json().encode()

    return Response(await shared.weighed(written, size=one.vectors.nbytes), media_type=JSON)


def written_rows(vectors: Vectors, encoding: Literal["float", "base64"]) -> list[Vector]:
    """Write each vector as numbers, or as base64 of little-endian float32."""
    if encoding == "float":
        numbers: list[Vector] = vectors.tolist()
        return numbers
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    return [base64.b64encode(row.tobytes()).decode() for row in rows]


async def _read(request: Request, shared: Running) -> tuple[EmbedAsked, list[bytes]]:
    media = media_type(request)
    if media == "application/json":
        content, settings = await request.body(), shared.assembly.settings

        def read() -> tuple[EmbedAsked, list[bytes]]:
            asked = validated(EmbedAsked, json_text=content)
            if len(asked.images) + len(asked.image_refs) > MAX_IMAGES:
                raise InvalidRequest(f"expected at most {MAX_IMAGES} images and image_refs")
            return asked, [from_base64(image) for image in asked.images]

        asked, images = await shared.weighed(read, size=len(content))
        if asked.image_refs:
            images += await shared.in_thread(lambda: referred(asked.image_refs, settings))
        return asked, images
    if media in FORMS:
        fields, images = await _read_form(request)
        size = sum(map(len, fields.values()))
        return await shared.weighed(lambda: validated(EmbedAsked, fields), size=size), images
    raise unsupported(media)


def referred(references: Sequence[str], settings: Settings) -> list[bytes]:
    """Read what references name: together no more than an upload may have.

    Raises:
        ImageTooLarge: it is more. And whatever ``fetch`` raises.
    """
    images: list[bytes] = []
    left = settings.max_upload_bytes
    for one in references:
        images.append(fetch(one, settings))
        left -= len(images[-1])
        if left < 0:
            raise ImageTooLarge(
                f"image_refs: expected at most {settings.max_upload_bytes} bytes together, came "
                "more; ask for fewer at once"
            )
    return images


async def _read_form(request: Request) -> tuple[dict[str, Any], list[bytes]]:
    fields: dict[str, Any] = {}
    images: list[bytes] = []
    async with request.form(max_files=MAX_IMAGES, max_fields=MAX_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name not in _FILES:
                    raise wrong_field(name, "only the field image takes files")
                images.append(await value.read())
            elif name in fields or name in _FILES:
                raise wrong_field(name, "expected a file" if name in _FILES else "came twice")
            elif value != "":
                fields[name] = value
    return fields, images
