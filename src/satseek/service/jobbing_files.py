"""A file that a job left → an answer that sends it, or the part of it that was asked for.

Knows the wire only. What is open is sent to its end, also where the job expires meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers

    from satseek.jobs.results import ResultFile

CHUNK = 1 << 18
"""Bytes sent at a time."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
"""One range (RFC 9110, 14.1.2); of several, or of another unit, the header may be ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that is about to be sent."""

    facts: ResultFile
    """What it is."""
    content: BinaryIO
    """Open at its beginning."""

    @property
    def tag(self) -> str:
        """Entity tag: the digest of what is in it."""
        return f'"{self.facts.sha256}"'


def sent(one: Opened, headers: Headers) -> Response:
    """Answer with a file, a part of it, or that whoever asks has it already.

    Raises:
        HTTPException: the range lies behind the file's end (416).
    """
    told = {"etag": one.tag, "cache-control": "private, no-cache", "accept-ranges": "bytes"}
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if one.tag in known:
        one.content.close()
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=told)
    same = headers.get("if-range", one.tag) == one.tag
    part = _part(headers.get("range", ""), one) if same else None
    first, last = part or (0, one.facts.bytes - 1)
    told["content-length"] = str(last - first + 1)
    told["content-disposition"] = f"attachment; filename*=UTF-8''{quote(one.facts.name, safe='')}"
    if part is not None:
        told["content-range"] = f"bytes {first}-{last}/{one.facts.bytes}"
    return StreamingResponse(
        _chunks(one.content, first, last - first + 1),
        status_code=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        media_type=one.facts.media_type,
        headers=told,
    )


def _part(asked: str, one: Opened) -> tuple[int, int] | None:
    """Read the first and last byte that are asked for; None: all of them."""
    match = _RANGE.fullmatch(asked.strip())
    size = one.facts.bytes
    if match is None or not (match[1] or match[2]):
        return None
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return None  # no range at all (RFC 9110, 14.1.1)
    first = int(match[1]) if match[1] else max(0, size - int(match[2]))
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if first <= last:
        return first, last
    one.content.close()
    raise HTTPException(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        f"range: the file has {size} bytes",
        {"content-range": f"bytes */{size}"},
    )


async def _chunks(file: BinaryIO, first: int, count: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(first)
        while count > 0 and (chunk := await to_thread.run_sync(file.read, min(CHUNK, count))):
            count -= len(chunk)
            yield chunk
