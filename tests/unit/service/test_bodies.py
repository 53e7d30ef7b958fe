"""Bodies → messages: where they are read, and what is none."""

from __future__ import annotations

import base64
import json
import random
import string
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import model_validator
from starlette.requests import Request

from satseek.assemble import Assembly
from satseek.errors import UnreadableImage
from satseek.service.bodies import PIECE, read_body
from satseek.service.messages import SearchAsked
from satseek.service.running import LITTLE_BYTES, Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def shared(tmp_path: Path) -> Running:
    return Running.of(Assembly(Settings(data_dir=tmp_path)))


def _read(
    content: bytes, *, media: str, shared: Running, kind: type[SearchAsked] = SearchAsked
) -> tuple[SearchAsked, bytes | None]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def read() -> tuple[SearchAsked, bytes | None]:
        scope = {"type": "http", "headers": [(b"content-type", media.encode())]}
        return await read_body(Request(scope, receive), kind, shared=shared)

    return anyio.run(read)


class Watched(SearchAsked):
    """Remembers which thread looked at its fields."""

    @model_validator(mode="before")
    @classmethod
    def _remember(cls, fields: Any) -> Any:
        threads.add(threading.get_ident())
        return fields


threads: set[int] = set()


@pytest.mark.parametrize(("media", "write"), [(JSON, json.dumps), (FORM, urlencode)])
def test_much_is_checked_off_the_event_loop(media: str, write: Any, shared: Running) -> None:
    threads.clear()
    fields = {"text": "x", "area": json.dumps({"type": "Point"}) + " " * LITTLE_BYTES}
    if media == JSON:
        fields["area"] = {"type": "Point", "more": fields["area"]}
    with suppress(RequestValidationError):  # it is no polygon
        _read(write(fields).encode(), media=media, shared=shared, kind=Watched)
    assert len(threads) == 1
    assert threading.get_ident() not in threads  # here the event loop ran


@pytest.mark.parametrize("size", [0, 1, 2, 3, 57, PIECE * 3 // 4, PIECE * 3 // 4 + 1, PIECE * 2])
@pytest.mark.parametrize("broken_every", [None, 7, 76])
def test_an_image_is_decoded_whole(size: int, broken_every: int | None, shared: Running) -> None:
    image = random.Random(size).randbytes(size)
    letters = base64.b64encode(image).decode()
    if broken_every:
        letters = "\r\n".join(
            letters[at : at + broken_every] for at in range(0, len(letters), broken_every)
        )
    for text in (f"data:image/png;base64,{letters}", letters):
        found = _read(json.dumps({"image": text}).encode(), media=JSON, shared=shared)[1]
        assert (found or b"") == image


@pytest.mark.parametrize(
    "text",
    ["@@@", "a", "aaa", "aa=", "aa===", "aa==aa==", "=aaa", "aa==" + " " * PIECE + "aaaa", "äaaa"]
    + ["a" * PIECE + sign for sign in string.punctuation if sign not in "+/"],
)
def test_what_is_no_base64_is_refused(text: str, shared: Running) -> None:
    with pytest.raises(UnreadableImage, match="expected base64"):
        _read(json.dumps({"image": text}).encode(), media=JSON, shared=shared)


@pytest.mark.parametrize("depth", [300, 900, 100_000])
@pytest.mark.parametrize("media", [JSON, FORM])
def test_what_is_nested_too_deeply_is_refused(media: str, depth: int, shared: Running) -> None:
    area = '{"type": "Polygon", "coordinates": ' + "[" * depth + "]" * depth + "}"
    body = f'{{"text": "x", "area": {area}}}' if media == JSON else urlencode({"area": area})
    with pytest.raises(RequestValidationError) as caught:
        _read(body.encode(), media=media, shared=shared)
    (error,) = caught.value.errors()
    assert "recursion limit" in error["msg"]
