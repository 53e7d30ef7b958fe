"""A folder of the collections → the address of a collection that lives in a Milvus, and back.

Holds no secret: the token comes from the settings. Knows no Milvus.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from satseek.errors import CollectionExists, DamagedData, InvalidRequest
from satseek.formats import check_format
from satseek.index.checks import check_name
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

POINTER = "milvus.json"
"""Name inside a collection's folder."""

_FORMAT = 1
"""Raised whenever an older satseek could not read the file."""

_SCHEMES = frozenset({"http", "https", "tcp", "unix"})
"""What pymilvus connects to, besides a file of Milvus Lite."""

LITE = ".db"
"""How the name of a file of Milvus Lite ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a collection lives."""

    uri: str
    """``http(s)://host:port/database``, or the path of a file of Milvus Lite, ending in ``.db``."""
    collection: str
    """Its name there, as satseek names collections."""
    token: str = field(default="", repr=False)
    """``user:password`` or an API key; empty: none."""


def check_address(address: Address, *, below: Path) -> Address:
    """Give an address that can be kept: a file's path is made absolute.

    Args:
        address: As asked.
        below: Folder that a relative path begins at.

    Raises:
        InvalidRequest: No URI of a Milvus, or one that carries a password.
        InvalidName: The name could be no collection's.
    """
    check_name(address.collection)
    parts = urlsplit(address.uri)
    if parts.username or parts.password:
        raise InvalidRequest(
            "the address of a Milvus is kept in a file: give user and password as the setting "
            "milvus_token (SATSEEK_MILVUS_TOKEN=user:password), not inside of it"
        )
    uri = address.uri
    if parts.scheme not in _SCHEMES:
        if not uri.endswith(LITE):
            raise InvalidRequest(
                f"address of a Milvus: expected http(s)://host:port or a path that ends in {LITE}, "
                f"came {uri!r}"
            )
        uri = str((below / uri).resolve())
    return Address(uri=uri, collection=address.collection, token=address.token)


def is_attached(folder: Path) -> bool:
    """Tell whether a folder says that its collection lives in a Milvus."""
    return (folder / POINTER).is_file()


def attach(folder: Path, address: Address) -> None:
    """Write down where a collection lives; the token is not written.

    Args:
        folder: Made where it is missing.
        address: Checked.

    Raises:
        CollectionExists: Something lies there already.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        message = f"{folder.name}: there is a collection already; choose another name"
        raise CollectionExists(message) from error
    said = {"format": _FORMAT, "uri": address.uri, "collection": address.collection}
    unfinished = folder / f".{POINTER}"
    unfinished.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / POINTER)
    sync(folder)


def read_address(folder: Path, *, token: str) -> Address:
    """Read where a collection lives.

    Raises:
        DamagedData: The file is not what was written.
        FormatTooNew: A later release has written it.
    """
    path = folder / POINTER
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version, uri, collection = said["format"], str(said["uri"]), str(said["collection"])
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DamagedData(f"{path}: expected the address of a collection, came {error}") from error
    check_format(path, version, _FORMAT)
    return Address(uri=uri, collection=collection, token=token)


def detach(folder: Path) -> None:
    """Forget where a collection lives; what is there stays there."""
    (folder / POINTER).unlink()
    with contextlib.suppress(OSError):  # somebody has put something beside it
        folder.rmdir()


def pointer_identity(folder: Path) -> tuple[int, int] | None:
    """Inode and time of the file that says where a collection lives; None where there is none."""
    try:
        found = (folder / POINTER).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
