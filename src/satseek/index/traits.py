"""What filters ask of chips: places, dates, scenes and levels, row by row, in arrays.

Does not know which chips are living, nor what is asked. A row's traits never change. Chips that
were cut at one place at several dates share their footprint, about which an area is asked once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.types import BBox, Chip

UNDATED = np.iinfo(np.int64).min
"""Microseconds that stand for no date."""

MAX_LEVEL = 255
"""Largest level of a chip: a byte."""

_SIDES = ("west", "south", "east", "north")
_STORED = np.dtype(
    [
        *((side, "<f4") for side in _SIDES),
        ("footprint", "<u8"),
        ("taken", "<i8"),
        ("scene", "<i4"),
        ("level", "u1"),
    ]
)
"""37 bytes a row. Boxes are rounded outwards; chips without footprint have none (NaN). A footprint
is told by 64 bits of a digest: two of a billion are alike by chance once in forty times."""

_ROWS_AT_ONCE = 65_536
"""Rows that are packed at a time where a collection of an older format is taken over."""

TABLES = """
CREATE TABLE traits (
  start INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  content BLOB NOT NULL
);
CREATE TABLE scene_numbers (
  number INTEGER PRIMARY KEY,
  scene_id TEXT NOT NULL UNIQUE
)
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traits:
    """The traits of the first rows of a collection; never changed."""

    places: NDArray[np.int32]
    """Shape (rows,): number of the footprint."""
    taken: NDArray[np.int64]
    """Shape (rows,): microseconds since 1970, or `UNDATED`."""
    scenes: NDArray[np.int32]
    """Shape (rows,): number of the scene."""
    levels: NDArray[np.uint8]
    """Shape (rows,): size as a multiple of the grid's chip."""
    boxes: NDArray[np.float32]
    """Shape (4, footprints): west, south, east, north in degrees, rounded outwards; NaN: none."""
    examples: NDArray[np.int64]
    """Shape (footprints,): a row that has it."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Numbers of scenes by id."""

    def __len__(self) -> int:
        """Count the rows."""
        return self.taken.size

    def first(self, rows: int) -> Traits:
        """Give those of the first rows alone."""
        if rows == len(self):
            return self
        return replace(
            self,
            places=self.places[:rows],
            taken=self.taken[:rows],
            scenes=self.scenes[:rows],
            levels=self.levels[:rows],
        )

    def followed_by(self, more: Traits) -> Traits:
        """Give these and those of the rows behind them."""
        return Traits(
            places=np.concatenate([self.places, more.places + self.examples.size], dtype=np.int32),
            boxes=np.concatenate([self.boxes, more.boxes], axis=1),
            examples=np.concatenate([self.examples, more.examples + len(self)]),
            taken=np.concatenate([self.taken, more.taken]),
            scenes=np.concatenate([self.scenes, more.scenes]),
            levels=np.concatenate([self.levels, more.levels]),
            numbers=more.numbers,
        )


def pack(
    chips: Sequence[Chip],
    *,
    footprints: Sequence[str | None],
    moments: Sequence[int | None],
    boxes: Sequence[BBox | None],
    numbers: Mapping[str, int],
) -> bytes:
    """Lay the traits of chips out as they are stored.

    Args:
        chips: Whose.
        footprints: Of each, as they are written.
        moments: Dates of each, in microseconds.
        boxes: Around them.
        numbers: Of scenes, by id.

    Raises:
        InvalidRequest: A level that no grid has.
    """
    wrong = next((chip for chip in chips if not 1 <= chip.level <= MAX_LEVEL), None)
    if wrong is not None:
        message = f"chip {wrong.id!r}: expected a level from 1 to {MAX_LEVEL}, came {wrong.level}"
        raise InvalidRequest(message)
    packed = np.empty(len(chips), dtype=_STORED)
    sides = [box or (np.nan,) * 4 for box in boxes]
    _lay_boxes(packed, np.array(sides, dtype=np.float64).reshape(-1, 4))
    packed["footprint"] = [_digest(text) for text in footprints]
    packed["taken"] = [_moment(one) for one in moments]
    packed["scene"] = [numbers[chip.scene_id] for chip in chips]
    packed["level"] = [chip.level for chip in chips]
    return packed.tobytes()


def number_scenes(db: sqlite3.Connection, scene_ids: Iterable[str]) -> dict[str, int]:
    """Give the numbers of scenes; those that have none get one."""
    wanted = sorted(set(scene_ids))
    text = "INSERT OR IGNORE INTO scene_numbers (scene_id) VALUES (?)"
    db.executemany(text, [(one,) for one in wanted])
    text = "SELECT number FROM scene_numbers WHERE scene_id = ?"
    return {one: int(db.execute(text, (one,)).fetchone()[0]) for one in wanted}


def store(db: sqlite3.Connection, start: int, content: bytes) -> None:
    """Write down the traits of rows from ``start`` on."""
    if content:
        values = (start, len(content) // _STORED.itemsize, content)
        db.execute("INSERT INTO traits VALUES (?, ?, ?)", values)


def read(db: sqlite3.Connection, known: Traits | None, *, rows: int) -> Traits:
    """Read the traits of the first rows, going on from those that are known.

    Raises:
        DamagedData: Some are missing.
    """
    if known is not None and len(known) >= rows:
        return known
    start = 0 if known is None else len(known)
    if has_tables(db):
        more = _unpacked(_stored(db, start, rows), _numbers(db))
        return more if known is None else known.followed_by(more)
    numbers: dict[str, int] = {}
    return _unpacked(_gathered(db, numbers), numbers)


def damages(db: sqlite3.Connection, *, rows: int) -> list[str]:
    """Compare what is stored with the chips that it was taken from."""
    try:
        stored = _stored(db, 0, rows)
    except DamagedData as error:
        return [str(error)]
    same = np.array_equal(stored.view(np.uint8), _gathered(db).view(np.uint8))
    return [] if same else ["what filters ask of chips is not what the chips say"]


def keep(db: sqlite3.Connection, kept: Rows, *, rows: int) -> None:
    """Keep the traits of some of the rows alone, numbered from 0 on, and of scenes that have one.

    Raises:
        DamagedData: Some are missing.
    """
    packed = _stored(db, 0, rows)[kept]
    db.execute("DELETE FROM traits")
    for start in range(0, packed.size, _ROWS_AT_ONCE):
        store(db, start, packed[start : start + _ROWS_AT_ONCE].tobytes())
    used = set(packed["scene"].tolist())
    known = [number for (number,) in db.execute("SELECT number FROM scene_numbers")]
    gone = [(number,) for number in known if number not in used]
    db.executemany("DELETE FROM scene_numbers WHERE number = ?", gone)


def take_over(db: sqlite3.Connection) -> None:
    """Make the tables and fill them from the chips of an older format."""
    for table in TABLES.split(";\n"):
        db.execute(table)
    fill(db)


def fill(db: sqlite3.Connection) -> None:
    """Take traits from the chips, all of them; scenes keep numbers that they have."""
    db.execute("DELETE FROM traits")
    ids = db.execute("SELECT DISTINCT scene_id FROM chips")
    number_scenes(db, [scene_id for (scene_id,) in ids])
    packed = _gathered(db)
    for start in range(0, packed.size, _ROWS_AT_ONCE):
        store(db, start, packed[start : start + _ROWS_AT_ONCE].tobytes())


def has_tables(db: sqlite3.Connection) -> bool:
    """Tell whether a collection's format is of those that keep traits."""
    text = "SELECT 1 FROM sqlite_master WHERE name = 'traits'"
    return db.execute(text).fetchone() is not None


def _stored(db: sqlite3.Connection, start: int, rows: int) -> NDArray[Any]:
    text = "SELECT content FROM traits WHERE start >= ? AND start < ? ORDER BY start"
    content = b"".join(part for (part,) in db.execute(text, (start, rows)))
    if len(content) != (rows - start) * _STORED.itemsize:
        came = len(content) // _STORED.itemsize
        message = f"expected the traits of {rows - start} chips, came {came}; verify the collection"
        raise DamagedData(message)
    return np.frombuffer(content, dtype=_STORED)


def _gathered(db: sqlite3.Connection, numbers: dict[str, int] | None = None) -> NDArray[Any]:
    """Gather the traits of all rows from the chips themselves; slow.

    Args:
        db: The collection.
        numbers: Filled with numbers of scenes where the collection keeps none; None: it does.
    """
    level = "1" if numbers is not None else "level"
    columns = f"west, south, east, north, taken, scene_id, footprint, {level}"
    text = f"SELECT {columns} FROM chips ORDER BY row"  # noqa: S608 - ours
    known = _numbers(db) if numbers is None else numbers
    found = db.execute(text)
    parts = [np.empty(0, dtype=_STORED)]
    while part := found.fetchmany(_ROWS_AT_ONCE):
        parts.append(_packed(part, known))
    return np.concatenate(parts)


def _numbers(db: sqlite3.Connection) -> dict[str, int]:
    found = db.execute("SELECT scene_id, number FROM scene_numbers")
    return {scene_id: int(number) for scene_id, number in found}


def _packed(rows: Sequence[Sequence[Any]], numbers: dict[str, int]) -> NDArray[Any]:
    packed = np.empty(len(rows), dtype=_STORED)
    west, south, east, north, taken, scenes, footprints, levels = zip(*rows, strict=True)
    _lay_boxes(packed, np.array([west, south, east, north], dtype=np.float64).T)
    packed["footprint"] = [_digest(text) for text in footprints]
    packed["taken"] = [_moment(one) for one in taken]
    packed["scene"] = [numbers.setdefault(one, len(numbers) + 1) for one in scenes]
    packed["level"] = levels
    return packed


def _digest(footprint: str | None) -> int:
    if footprint is None:
        return 0
    return int.from_bytes(blake2b(footprint.encode("ascii"), digest_size=8).digest(), "little")


def _moment(microseconds: int | None) -> int:
    return UNDATED if microseconds is None else microseconds


def _lay_boxes(packed: NDArray[Any], boxes: NDArray[np.float64]) -> None:
    """Write boxes (n, 4) down as float32 that hold them."""
    for place, side in enumerate(_SIDES):
        values = boxes[:, place]
        rounded = values.astype(np.float32)
        outward = np.float32(-np.inf if place < 2 else np.inf)  # noqa: PLR2004 (west and south)
        short = rounded > values if place < 2 else rounded < values  # noqa: PLR2004
        packed[side] = np.where(short, np.nextafter(rounded, outward), rounded)


def _unpacked(packed: NDArray[Any], numbers: Mapping[str, int]) -> Traits:
    _, examples, places = np.unique(packed["footprint"], return_index=True, return_inverse=True)
    return Traits(
        places=places.astype(np.int32),
        boxes=np.stack([packed[side][examples] for side in _SIDES]),
        examples=examples.astype(np.int64),
        taken=np.ascontiguousarray(packed["taken"]),
        scenes=np.ascontiguousarray(packed["scene"]),
        levels=np.ascontiguousarray(packed["level"]),
        numbers=numbers,
    )
