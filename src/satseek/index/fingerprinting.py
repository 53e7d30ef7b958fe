"""One generation of a collection → a digest that another collection's generation does not have.

Does not know what it is compared with. A collection that was deleted and made again under its name
counts its generations from the start, and a replica with disks of its own counts its own: the
number alone says nothing about what is found.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.index.pinned import Pinned

_QUERIES = (
    "SELECT start, count, sha256 FROM blocks ORDER BY start",
    "SELECT id, digest, record, next_position, kept, skipped FROM scenes ORDER BY id",
    "SELECT min(id) FROM chips WHERE dead = 0",
    "SELECT max(id) FROM chips WHERE dead = 0",
)
"""The checksums of all vectors, the scenes that chips were cut from, and the ends of their ids."""


def fingerprint(pinned: Pinned) -> str:
    """SHA-256, as hex, of what decides which chips a query finds in this generation.

    That is: name, model, recipe and grid; the generation's number; the checksums of all vectors;
    which rows are gone; the scenes. Computed once a generation, in milliseconds.
    """
    view = pinned.view
    if not view.fingerprint:
        view.fingerprint = _computed(pinned)
    return view.fingerprint


def _computed(pinned: Pinned) -> str:
    view = pinned.view
    digest = hashlib.sha256(view.edition.to_json().encode())
    digest.update(f"\n{view.generation} {view.segments.rows} {len(view.dead)}\n".encode())
    digest.update(view.dead.tobytes())
    for query in _QUERIES:
        for row in pinned.db.execute(query):
            digest.update(repr(row).encode())
    return digest.hexdigest()
