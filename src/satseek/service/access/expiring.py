"""A certificate's file → when it expires.

Does not know who shows it. Only what stands before the date in X.509 (RFC 5280, 4.1) is stepped
over; nothing is verified.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.errors import InvalidSettings

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17
"""Tags of DER: a sequence, the version's own, a time with two digits of the year."""

_LONG = 0x80
"""A length from here on says how many bytes hold the length."""


def expires(path: Path) -> datetime:
    """Read when the first certificate of a chain (PEM) expires, UTC.

    Raises:
        InvalidSettings: there is none.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        begin = text.index(_BEGIN)
        end = text.index(_END, begin) + len(_END)
        return _not_after(ssl.PEM_cert_to_DER_cert(text[begin:end]))
    except (OSError, ValueError, IndexError) as error:
        raise InvalidSettings(f"expected a certificate (PEM) at {path}: {error}") from error


def _not_after(der: bytes) -> datetime:
    certificate = _inside(der, 0)
    fields = _inside(der, certificate)
    if der[fields] == _VERSION:
        fields = _behind(der, fields)
    for _ in ("serial number", "signature", "issuer"):
        fields = _behind(der, fields)
    begins = _inside(der, fields)
    ends = _behind(der, begins)
    text = der[_start(der, ends) : _behind(der, ends)].decode("ascii")
    form = "%y%m%d%H%M%SZ" if der[ends] == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _inside(der: bytes, at: int) -> int:
    """Give where the first value of a sequence begins."""
    if der[at] != _SEQUENCE:
        raise ValueError("no certificate")
    return _start(der, at)


def _start(der: bytes, at: int) -> int:
    """Give where a value's content begins."""
    return at + 2 + (der[at + 1] - _LONG if der[at + 1] >= _LONG else 0)


def _behind(der: bytes, at: int) -> int:
    """Give where the next value begins."""
    start, length = _start(der, at), der[at + 1]
    return start + (int.from_bytes(der[at + 2 : start]) if length >= _LONG else length)
