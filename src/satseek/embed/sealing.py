"""Turns values into bytes that can be left with strangers, and back, or into None.

Does not know where they lie. What was cut short, altered, written by another program or moved to
another key is not given back. It is no defence against somebody who may write there on purpose.
"""

from __future__ import annotations

import hashlib

_MARK = b"SSK1"
"""First bytes of a sealed value; the last of them is its format."""

_DIGEST_BYTES = 16
"""128 bits: damage goes unnoticed once in 10³⁸ values."""

SEAL_BYTES = len(_MARK) + _DIGEST_BYTES
"""How much longer a value is once sealed."""


def sealed(key: str, value: bytes) -> bytes:
    """Put mark and checksum, of key and value together, before a value."""
    return b"".join((_MARK, _checksum(key, value), value))


def unsealed(key: str, content: object) -> bytes | None:
    """Give the value back; None: this is not what was sealed under this key."""
    if not isinstance(content, bytes) or not content.startswith(_MARK):
        return None
    value = content[SEAL_BYTES:]
    return value if content[len(_MARK) : SEAL_BYTES] == _checksum(key, value) else None


def _checksum(key: str, value: bytes) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES)
    digest.update(b"\0")
    digest.update(value)
    return digest.digest()
