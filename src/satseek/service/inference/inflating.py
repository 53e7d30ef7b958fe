"""A compressed body → its bytes, as many as a body may have, and not one more.

Does not know what the bytes mean. Knows gzip and deflate (RFC 9110, section 8.4.1).
"""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_WINDOW_BITS: Mapping[str, int] = {
    "gzip": zlib.MAX_WBITS | 16,  # 16: a gzip header (zlib.h, inflateInit2)
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,  # in zlib's wrapping, as HTTP means it
}


def inflated(body: bytes, *, encoding: str, max_bytes: int) -> bytes:
    """Undo a ``Content-Encoding``.

    Args:
        body: As it came.
        encoding: The header's value; empty or ``identity``: nothing was done.
        max_bytes: Most that may come out; more is refused as soon as it does.

    Raises:
        HTTPException: 415 for another encoding, 413 for more than ``max_bytes``.
        InvalidRequest: the bytes are cut short, or not of this encoding.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW_BITS:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected content-encoding gzip or deflate, came {name[:40]!r}",
            {"accept-encoding": "gzip, deflate"},
        )
    inflating = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        found = inflating.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InvalidRequest(f"the body is not what {name} makes: {error}") from error
    if len(found) > max_bytes:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a request body may have {max_bytes} bytes once it is unpacked, this one has more",
        )
    if not inflating.eof or inflating.unused_data:
        raise InvalidRequest(f"expected one whole {name} stream, came part of one or more than it")
    return found
