"""What a collection looks like inside of a Milvus: names, fields, indexes; chips ⇄ entities.

A satseek collection is two of Milvus': the chips with their vectors, and a book of everything else.
Knows no connection.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from satseek.errors import DamagedData, InvalidRequest
from satseek.index.halves import from_halves
from satseek.index.records import CHIP_COLUMNS, chip_from, chip_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.index.halves import Halves
    from satseek.index.milvus.engines import Engine
    from satseek.types import BBox, Chip

VectorKind = Literal["float32", "float16"]
"""How vectors are kept. Both hold the same numbers: halves, widened where Milvus knows none."""

UNDATED = -(2**62)
"""Stands for no date: earlier than all dates."""

_NOWHERE = (1e3, 1e3, -1e3, -1e3)
"""Stands for the box of no footprint: west of nothing and east of nothing."""

ID_BYTES = 4_096
"""Longest id of a chip or a scene, in UTF-8: a path (PATH_MAX of Linux)."""

PATH_BYTES = 8_192
"""Longest path of a scene's raster with the rest that is known of a chip, in UTF-8."""

TEXT_BYTES = 65_535
"""Longest VARCHAR that Milvus takes (docs, limitations)."""

_COLUMNS = tuple(CHIP_COLUMNS.split(", "))
"""What a chip consists of, in the order of ``chip_values``."""

_COMPARED = ("id", "scene_id", "footprint", "taken", "level")
"""Of these, what is a field of its own: what filters, ids and areas compare."""

_REST = tuple(name for name in _COLUMNS if name not in _COMPARED)
"""All else is one field, a list as JSON: pymilvus packs every field of every chip by itself."""

_LENGTHS = {"id": ID_BYTES, "scene_id": ID_BYTES, "footprint": TEXT_BYTES, "rest": PATH_BYTES}

CHIP_FIELDS = (*_COMPARED, "rest")
"""Fields that a chip is built of."""

BOX_FIELDS = ("west", "south", "east", "north")
"""Degrees around a chip's footprint."""

ALL_FIELDS = ("row", *CHIP_FIELDS, *BOX_FIELDS)
"""Fields of an entity but its vector."""

VECTOR = "vector"
"""Name of the field of the vector."""


def names_of(collection: str) -> tuple[str, str]:
    """Name the two collections of Milvus that hold one of ours: its chips, and its book.

    Milvus takes letters, digits and underscores: all else is written as its code, which tells
    ``a-b`` from ``a.b`` and from ``a_b``.
    """
    plain = "".join(
        one if one.isascii() and one.isalnum() else f"_{ord(one):02x}" for one in collection
    )
    return f"satseek_{plain}_chips", f"satseek_{plain}_book"


def entity_of(chip: Chip, box: BBox | None, *, row: int, half: Any) -> dict[str, Any]:
    """Lay a chip out as an entity.

    Args:
        chip: Which.
        box: Around its footprint.
        row: Its place.
        half: Its vector as Milvus keeps it.

    Raises:
        InvalidRequest: One of its texts is too long for Milvus.
    """
    values = dict(zip(_COLUMNS, chip_values(chip), strict=True))
    entity = {name: values[name] for name in _COMPARED}
    entity["rest"] = line_json([values[name] for name in _REST])
    entity["taken"] = UNDATED if entity["taken"] is None else entity["taken"]
    entity["footprint"] = entity["footprint"] or ""
    for name, most in _LENGTHS.items():
        _check_text(chip, name, entity[name], most=most)
    entity |= dict(zip(BOX_FIELDS, box or _NOWHERE, strict=True))
    return entity | {"row": row, VECTOR: half}


def _check_text(chip: Chip, name: str, text: str, *, most: int) -> None:
    """Refuse a text that Milvus would not take."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:  # a file's name in no encoding
        raise InvalidRequest(f"chip {chip.id[:80]!a}: expected Unicode, came {error}") from error
    if size > most:
        raise InvalidRequest(
            f"chip {chip.id[:80]!r}: Milvus takes {most} bytes of {name}, came {size}"
        )


def chip_of(entity: Mapping[str, Any]) -> Chip:
    """Build the chip of an entity."""
    values = dict(zip(_REST, json.loads(entity["rest"]), strict=True))
    values |= {name: entity[name] for name in _COMPARED}
    values["footprint"] = values["footprint"] or None
    values["taken"] = None if values["taken"] == UNDATED else values["taken"]
    return chip_from([values[name] for name in _COLUMNS])


def chip_line(entity: Mapping[str, Any]) -> list[Any]:
    """Give a chip's values as a digest of a collection takes them."""
    return list(chip_values(chip_of(entity)))


def kept(halves: Halves, kind: VectorKind) -> list[NDArray[Any]]:
    """Give vectors as Milvus takes them."""
    return list(halves if kind == "float16" else from_halves(halves))


def stored(entities: Sequence[Mapping[str, Any]], *, dim: int) -> NDArray[np.float32]:
    """Give the vectors of entities as they are kept, widened: float32, shape (n, dim).

    Raises:
        DamagedData: They are none of ours.
    """
    found = np.empty((len(entities), dim), dtype=np.float32)
    for line, entity in zip(found, entities, strict=True):
        value = entity[VECTOR]
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
            value = value[0]
        if isinstance(value, bytes):  # as Milvus hands out float16
            value = np.frombuffer(value, dtype=np.float16)
        numbers = np.asarray(value, dtype=np.float32)
        if numbers.shape != (dim,):
            raise DamagedData(
                f"chip {entity.get('id')!r}: expected a vector of {dim} numbers, "
                f"came the shape {numbers.shape}"
            )
        line[:] = numbers
    return found


def chip_schema(milvus: Any, *, dim: int, kind: VectorKind) -> Any:
    """Give the schema of the chips; scenes divide them into partitions."""
    types = milvus.DataType
    schema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", types.VARCHAR, is_primary=True, max_length=ID_BYTES)
    schema.add_field("scene_id", types.VARCHAR, max_length=ID_BYTES, is_partition_key=True)
    for name in ("footprint", "rest"):
        schema.add_field(name, types.VARCHAR, max_length=_LENGTHS[name])
    for name in ("taken", "level", "row"):
        schema.add_field(name, types.INT64)
    for name in BOX_FIELDS:
        schema.add_field(name, types.DOUBLE)
    vectors = types.FLOAT16_VECTOR if kind == "float16" else types.FLOAT_VECTOR
    schema.add_field(VECTOR, vectors, dim=dim)
    return schema


def chip_indexes(milvus: Any, engine: Engine, *, lite: bool) -> Any:
    """Give the indexes of the chips: of the vectors, and on a server of what filters compare."""
    indexes = milvus.MilvusClient.prepare_index_params()
    indexes.add_index(
        field_name=VECTOR,
        index_type=engine.name,
        metric_type="COSINE",
        params=dict(engine.build),
    )
    if not lite:
        for name in ("row", "taken", "scene_id"):
            indexes.add_index(field_name=name, index_type="INVERTED")
    return indexes


def book_schema(milvus: Any) -> Any:
    """Give the schema of the book. Milvus asks for a vector in everything: this one is unused."""
    types = milvus.DataType
    schema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", types.VARCHAR, is_primary=True, max_length=ID_BYTES + 64)
    schema.add_field("kind", types.VARCHAR, max_length=16)
    schema.add_field("name", types.VARCHAR, max_length=PATH_BYTES)
    for name in ("part", "parts", "number"):
        schema.add_field(name, types.INT64)
    schema.add_field("text", types.VARCHAR, max_length=TEXT_BYTES)
    schema.add_field("unused", types.FLOAT_VECTOR, dim=2)
    return schema


def book_indexes(milvus: Any) -> Any:
    """Give the index without which Milvus loads no collection."""
    indexes = milvus.MilvusClient.prepare_index_params()
    indexes.add_index(field_name="unused", index_type="FLAT", metric_type="L2", params={})
    return indexes


def line_json(value: Any) -> str:
    """Write as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
