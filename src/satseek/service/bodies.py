"""A request's body, JSON or multipart → a checked message and the bytes of its image.

Does not know what is done with them.
"""

from __future__ import annotations

import binascii
import string
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from satseek.errors import UnreadableImage
from satseek.service.messages import ClassifyAsked, SearchAsked, SimilarityAsked
from satseek.service.references import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request

    from satseek.service.running import Running
    from satseek.types import ModelCard, Pixels

Asked = TypeVar("Asked", SearchAsked, ClassifyAsked, SimilarityAsked)
Message = TypeVar("Message", bound=BaseModel)

PIECE = 1 << 20
"""Letters of base64 decoded at once: between two pieces other threads get their turn."""

MAX_FIELDS = 1000
"""Fields of a form: liked and disliked chips come one by one."""

FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
"""Kinds of body that carry fields, and files."""

REPEATED = frozenset(
    {"liked", "disliked", "templates", "distractors", "collections", "where", "levels"}
)
"""Fields of a form that may come several times."""


async def read_body(
    request: Request, kind: type[Asked], *, shared: Running
) -> tuple[Asked, bytes | None]:
    """Read a body and the image in it; None where there is no image.

    Only its bytes are read on the event loop, which a large body would hold up otherwise.

    Raises:
        RequestValidationError: fields that are missing, unknown or of the wrong type.
        UnreadableImage: the image is not base64, or cannot be fetched.
        UnsafeReference: the server does not read what is referred to.
        HTTPException: 415 for another kind of body, 400 for a broken form.
    """
    media = media_type(request)
    if media == "application/json":
        content = await request.body()
        asked = await shared.weighed(lambda: validated(kind, json_text=content), size=len(content))
        return await _with_image(asked, shared=shared)
    if media in FORMS:
        fields, image = await _read_form(request)
        asked = await shared.in_thread(lambda: _from_fields(kind, fields))
        return await _with_image(asked, image, shared=shared)
    raise unsupported(media)


def media_type(request: Request) -> str:
    """Return what kind of body a request says that it has, in small letters; empty: none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def unsupported(media: str) -> HTTPException:
    """Return the refusal of another kind of body."""
    return HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"expected application/json or multipart/form-data, came {media or 'no content type'}",
    )


def validated(
    kind: type[Message], fields: dict[str, Any] | None = None, *, json_text: bytes = b""
) -> Message:
    """Check fields, or a JSON text, against a message's schema."""
    try:
        if fields is not None:
            return kind.model_validate(fields)
        return kind.model_validate_json(json_text)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(wrong) from error


async def decode(content: bytes, card: ModelCard, *, running: Running) -> Pixels:
    """Decode an image from outside, and reduce it to the square that a model takes.

    Raises:
        UnreadableImage, ImageTooLarge: it cannot be used; refused before decoding where too large.
        Overloaded, DeadlineExceeded, Abandoned: there was no time for it.
    """
    size, how = card.image_size, card.preprocessing
    return await running.in_decoder(lambda: running.decoding.decode(content, size=size, how=how))


async def _read_form(request: Request) -> tuple[dict[str, Any], bytes | None]:
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        image: bytes | None = None
        fields: dict[str, Any] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name != "image":
                    raise wrong_field(name, "only the field image takes a file")
                image = await value.read()
            elif name in REPEATED:
                fields.setdefault(name, []).append(value)
            elif name in fields:
                raise wrong_field(name, "came twice")
            else:
                fields[name] = value
    return {name: value for name, value in fields.items() if value != ""}, image


def _from_fields(kind: type[Asked], fields: dict[str, Any]) -> Asked:
    if not str(fields.get("area", "")).lstrip().startswith("{"):  # none, or WKT
        return validated(kind, fields)
    try:
        area = from_json(fields["area"])
    except ValueError as error:
        raise wrong_field("area", f"expected GeoJSON, came no JSON: {error}") from error
    return validated(kind, fields | {"area": area})


async def _with_image(
    asked: Asked, image: bytes | None = None, *, shared: Running
) -> tuple[Asked, bytes | None]:
    if asked.image_ref and (image or asked.image):
        raise wrong_field("image_ref", "came beside image; give one of them")
    reference, content = asked.image_ref, asked.image
    if reference:
        settings = shared.assembly.settings
        return asked, await shared.in_thread(lambda: fetch(reference, settings))
    if image or not content:
        return asked, image
    return asked, await shared.weighed(lambda: from_base64(content), size=len(content))


def from_base64(text: str) -> bytes:
    """Decode base64, or a ``data:`` address that holds it; white space is passed over.

    Raises:
        UnreadableImage: it is neither.
    """
    try:
        return b"".join(_pieces(text.partition(",")[2] if text.startswith("data:") else text))
    except ValueError as error:
        raise UnreadableImage(f"image: expected base64 or a data: address, came {error}") from error


def _pieces(letters: str) -> Iterator[bytes]:
    """Decode base64 piece by piece; raises ValueError where it is none."""
    padding = letters.find("=")
    if padding >= 0 and letters[padding:].strip("=" + string.whitespace):
        raise ValueError("letters after the padding")
    left = ""
    for at in range(0, len(letters), PIECE):
        left += "".join(letters[at : at + PIECE].split())
        whole = len(left) // 4 * 4  # four letters are three bytes
        yield binascii.a2b_base64(left[:whole], strict_mode=True)
        left = left[whole:]
    yield binascii.a2b_base64(left, strict_mode=True)


def wrong_field(field: str, message: str) -> RequestValidationError:
    """Return the refusal of one field of a body."""
    parts: Iterable[dict[str, Any]] = [{"loc": ("body", field), "msg": message, "type": "value"}]
    return RequestValidationError(list(parts))
