"""A request's body, JSON or multipart → a checked message and the bytes of its image.

Does not know what is done with them.
"""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from satseek.errors import UnreadableImage
from satseek.imagery.decode import decode_image
from satseek.service.messages import ClassifyAsked, SearchAsked, SimilarityAsked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from satseek.service.running import Running
    from satseek.types import Pixels

Asked = TypeVar("Asked", SearchAsked, ClassifyAsked, SimilarityAsked)

MAX_FIELDS = 1000
"""Fields of a form: liked and disliked chips come one by one."""

REPEATED = frozenset({"liked", "disliked", "templates", "distractors"})
"""Fields of a form that may come several times."""


async def read_body(request: Request, kind: type[Asked]) -> tuple[Asked, bytes | None]:
    """Read a body and the image in it; None where there is no image.

    Raises:
        RequestValidationError: fields that are missing, unknown or of the wrong type.
        UnreadableImage: the image is not base64.
        HTTPException: 415 for another kind of body, 400 for a broken form.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json":
        asked = validated(kind, json_text=await request.body())
        return asked, _from_base64(asked.image) if asked.image else None
    if media in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        return await _read_form(request, kind)
    raise HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"expected application/json or multipart/form-data, came {media or 'no content type'}",
    )


def validated(
    kind: type[Asked], fields: dict[str, Any] | None = None, *, json_text: bytes = b""
) -> Asked:
    """Check fields, or a JSON text, against a message's schema."""
    try:
        if fields is not None:
            return kind.model_validate(fields)
        return kind.model_validate_json(json_text)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(wrong) from error


def decode(content: bytes, *, running: Running) -> Pixels:
    """Decode an image from outside.

    Raises:
        UnreadableImage, ImageTooLarge: it cannot be used; refused before decoding where too large.
    """
    limit = running.assembly.settings.max_image_pixels
    return decode_image(content, name="image", max_pixels=limit).pixels


async def _read_form(request: Request, kind: type[Asked]) -> tuple[Asked, bytes | None]:
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        image: bytes | None = None
        fields: dict[str, Any] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name != "image":
                    raise _wrong(name, "only the field image takes a file")
                image = await value.read()
            elif name in REPEATED:
                fields.setdefault(name, []).append(value)
            elif name == "area":
                fields[name] = _json_object(value)
            elif name in fields:
                raise _wrong(name, "came twice")
            else:
                fields[name] = value
    asked = validated(kind, {name: value for name, value in fields.items() if value != ""})
    return asked, image or (_from_base64(asked.image) if asked.image else None)


def _json_object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _wrong("area", f"expected GeoJSON, came no JSON: {error}") from error


def _from_base64(text: str) -> bytes:
    """Decode base64, or a ``data:`` address that holds it; white space is passed over."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableImage(f"image: expected base64 or a data: address, came {error}") from error


def _wrong(field: str, message: str) -> RequestValidationError:
    parts: Iterable[dict[str, Any]] = [{"loc": ("body", field), "msg": message, "type": "value"}]
    return RequestValidationError(list(parts))
