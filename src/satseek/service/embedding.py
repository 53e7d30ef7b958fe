"""``/v1/embed``: texts and images → their unit vectors, as numbers or as bytes.

Knows the wire, nothing of towers.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import ImageTooLarge, InvalidRequest
from satseek.service.bodies import MAX_FIELDS, from_base64, validated
from satseek.service.calling import Caller, caller
from satseek.service.describing import described_body, described_responses
from satseek.service.messages import REFERENCE, Lines, ModelShown, Reference
from satseek.service.negotiating import JSON
from satseek.service.references import fetch
from satseek.service.running import Running, running
from satseek.service.verbs import embed_images, embed_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.service.verbs import Embedded
    from satseek.settings import Settings
    from satseek.types import ModelCard, Vectors

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
    asking = caller(request)
    card, texts, pictures = await _embedded(asked, images, shared, asking)

    def written() -> bytes:
        answer = EmbedAnswer(
            model=ModelShown(name=card.name, version=card.version),
            dim=card.dim,
            encoding=asked.encoding,
            texts=_written(texts, asked.encoding),
            images=_written(pictures, asked.encoding),
        )
        return answer.model_dump_json().encode()

    return Response(await shared.in_thread(written), media_type=JSON)


async def _embedded(
    asked: EmbedAsked, images: list[bytes], shared: Running, asking: Caller
) -> tuple[ModelCard, Vectors | None, Vectors | None]:
    """Embed texts, then images by the very version that embedded the texts."""
    texts: Embedded | None = None
    pictures: Embedded | None = None
    ref = asked.model
    if asked.texts:
        texts = await embed_texts(asked.texts, shared=shared, caller=asking, model=ref)
        ref = f"{texts.card.name}@{texts.card.version}"
    if images:
        pictures = await embed_images(images, shared=shared, caller=asking, model=ref)
    one = texts or pictures
    assert one is not None
    return (
        one.card,
        None if texts is None else texts.vectors,
        None if pictures is None else pictures.vectors,
    )


def _written(vectors: Vectors | None, encoding: Literal["float", "base64"]) -> list[Vector]:
    if vectors is None:
        return []
    if encoding == "float":
        numbers: list[Vector] = vectors.tolist()
        return numbers
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    return [base64.b64encode(row.tobytes()).decode() for row in rows]


async def _read(request: Request, shared: Running) -> tuple[EmbedAsked, list[bytes]]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json":
        content, settings = await request.body(), shared.assembly.settings

        def read() -> tuple[EmbedAsked, list[bytes]]:
            asked = validated(EmbedAsked, json_text=content)
            if len(asked.images) + len(asked.image_refs) > MAX_IMAGES:
                raise InvalidRequest(f"expected at most {MAX_IMAGES} images and image_refs")
            images = [from_base64(image) for image in asked.images]
            return asked, images + referred(asked.image_refs, settings)

        return await shared.in_thread(read)
    if media in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        fields, images = await _read_form(request)
        return await shared.in_thread(lambda: validated(EmbedAsked, fields)), images
    raise HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"expected application/json or multipart/form-data, came {media or 'no content type'}",
    )


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
                    raise _wrong(name, "only the field image takes files")
                images.append(await value.read())
            elif name in fields or name in _FILES:
                raise _wrong(name, "expected a file" if name in _FILES else "came twice")
            elif value != "":
                fields[name] = value
    return fields, images


def _wrong(field: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", field), "msg": message, "type": "value"}])
