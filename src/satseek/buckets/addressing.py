"""What somebody names → the bucket and the key of an object, or a path.

Does not know what lies there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from satseek.errors import InvalidRequest

SCHEME = "s3://"

MAX_KEY = 1024
"""Bytes of an object's key, docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an object lies."""

    bucket: str
    """Name of the bucket."""
    key: str
    """Name of the object in it."""

    def __str__(self) -> str:
        """Write it as people do."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def beside(self, ending: str) -> Address:
        """Give the address of the object whose name has an ending more."""
        return Address(bucket=self.bucket, key=self.key + ending)


def is_object(named: str) -> bool:
    """Tell whether something that is named lies in an object store."""
    return named.startswith(SCHEME)


def address_of(named: str) -> Address:
    """Read an address.

    Raises:
        InvalidRequest: it is none.
    """
    bucket, _, key = named.removeprefix(SCHEME).partition("/")
    odd = not key or key.endswith("/") or not key.isprintable() or len(key.encode()) > MAX_KEY
    parts = key.split("/")
    if not is_object(named) or not _BUCKET.fullmatch(bucket) or odd or {".", "..", ""} & {*parts}:
        raise InvalidRequest(f"expected {SCHEME}BUCKET/KEY, came {named[:200]!a}")
    return Address(bucket=bucket, key=key)


def file_name(named: str) -> str:
    """Name the file that an object would be.

    Raises:
        InvalidRequest: no address.
    """
    return address_of(named).key.rpartition("/")[2]


def file_of(place: str) -> str:
    """Name the file that a place is or would be: an object's name, or the path as it is.

    Raises:
        InvalidRequest: an address that is none.
    """
    return file_name(place) if is_object(place) else place
