"""A collection in a Milvus → what is wrong with it, or one digest of all that it says.

Does not know how to mend: what was embedded is pushed again from where it was embedded.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index.compacting import ignore_progress
from satseek.index.halves import check_units, to_halves
from satseek.index.milvus.layout import CHIP_FIELDS, VECTOR, chip_line, stored

if TYPE_CHECKING:
    from satseek.index.compacting import OnProgress
    from satseek.index.milvus.index import MilvusIndex

_CHIPS_AT_ONCE = 1_024


def verify(index: MilvusIndex, *, on_progress: OnProgress = ignore_progress) -> list[str]:
    """List what cannot be, one line each: chips twice, vectors that are none of ours."""
    found: list[str] = []
    name, dim = index.spec.name, index.spec.dim
    rows: list[int] = []
    ids: list[str] = []
    for part in index.shelf.walk(index.state().spans, "id", VECTOR):
        rows += [one["row"] for one in part]
        ids += [one["id"] for one in part]
        on_progress("chips", len(rows), len(index))
        try:
            values = stored(part, dim=dim)
            check_units(values, source=f"rows {part[0]['row']} to {part[-1]['row']}")
        except DamagedData as error:
            found.append(f"{name}: {error}")
            continue
        if not np.array_equal(to_halves(values).astype(np.float32), values):
            found.append(f"{name}: rows from {part[0]['row']} on are finer than half precision")
    for what, values_of in (("rows", rows), ("ids", ids)):
        if len(set(values_of)) != len(values_of):
            found.append(f"{name}: {len(values_of) - len(set(values_of))} {what} come twice")
    if len(rows) != len(index):
        found.append(f"{name}: expected {len(index)} chips, came {len(rows)} with rows in its book")
    mark = index.book.mark()
    if mark and not mark["finished"]:
        found.append(f"{name}: a push was not finished; run `satseek collection push` again")
    return found


def digest(index: MilvusIndex) -> str:
    """Digest all chips and their stored vectors, in the order of chip ids."""
    places: list[tuple[str, int]] = []
    for part in index.shelf.walk(index.state().spans, "id"):
        places += [(one["id"], one["row"]) for one in part]
    places.sort()  # by code points, which is the order of UTF-8
    total = hashlib.sha256()
    for start in range(0, len(places), _CHIPS_AT_ONCE):
        rows = [row for _, row in places[start : start + _CHIPS_AT_ONCE]]
        entities = index.shelf.of_rows(rows, *CHIP_FIELDS, VECTOR)
        halves = to_halves(stored(entities, dim=index.spec.dim))
        for entity, half in zip(entities, halves, strict=True):
            *said, level = chip_line(entity)
            values = said if level == 1 else [*said, level]
            total.update(json.dumps(values).encode("utf-8") + b"\n" + half.tobytes())
    return total.hexdigest()
