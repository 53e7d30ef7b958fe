"""A letter's bytes and secrets → a signature that a receiver can check, and that grows old.

Does not know what the bytes say. Several secrets sign side by side, so that a receiver may move
from one to the next at a time of its own.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

from satseek.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "satseek-signature"
"""``t=SECONDS,v1=HEX[,v1=HEX …]``: when it was signed, and by each secret the HMAC-SHA-256 of the
seconds as written, a full stop and the bytes of the body."""

TOLERANCE_SECONDS = 300.0
"""A signature older than that was sent by somebody who recorded it, or over a very slow line."""


def signature(body: bytes, *, secrets: Sequence[str], at: float) -> str:
    """Sign; ``at`` is when it is sent, in seconds since 1970."""
    stamp = str(int(at))
    return ",".join([f"t={stamp}", *(f"v1={_mac(body, one, stamp)}" for one in secrets)])


def check_signature(body: bytes, header: str, *, secrets: Sequence[str], now: float) -> None:
    """Go on only with what was signed by one of these secrets a moment ago.

    Args:
        body: As it came, byte by byte.
        header: Value of `HEADER`.
        secrets: Any of them will do.
        now: The receiver's clock, in seconds since 1970.

    Raises:
        Unauthenticated: it was not.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t" and value.isdecimal()]
    macs = [value for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not any(
        hmac.compare_digest(_mac(body, secret, stamps[0]).encode(), mac.encode())
        for secret in secrets
        for mac in macs
    ):
        raise Unauthenticated(f"{HEADER}: expected a signature by a secret that is known here")
    if abs(now - int(stamps[0])) > TOLERANCE_SECONDS:
        raise Unauthenticated(
            f"{HEADER}: expected one of the last {TOLERANCE_SECONDS:.0f} s, came an older one"
        )


def _mac(body: bytes, secret: str, stamp: str) -> str:
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
