"""Properties of features → the columns of a table: names, kinds, values that fit.

Does not know the format that the table is written in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from satseek.export.feature import Feature, Property

Kind: TypeAlias = Literal["truth", "integer", "number", "moment", "text"]

BATCH = 2_000
"""Features at a time: with 1024 numbers each they are 8 MB."""

LOOKED_AT = 20_000
"""Features that columns are found from where nobody names them: all hits that a search may give,
twice. What comes behind them and has other columns is refused."""

_LARGEST = 2**63
"""What a column of 64-bit integers holds is below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One property, for all features."""

    name: str
    """As in the properties."""
    kind: Kind
    """What its values are; moments are UTC."""


def found_columns(features: Iterable[Feature]) -> tuple[tuple[Column, ...], Iterator[Feature]]:
    """Find the columns of the first features, and give all features again."""
    source = iter(features)
    known = list(islice(source, LOOKED_AT))
    return columns_of(one.properties for one in known), chain(known, source)


def columns_of(properties: Iterable[Mapping[str, Property]]) -> tuple[Column, ...]:
    """Find columns in the order in which they first come, each of the narrowest kind that fits."""
    kinds: dict[str, set[Kind]] = {}
    for one in properties:
        for name, value in one.items():
            seen = kinds.setdefault(name, set())
            if (kind := _kind(value)) is not None:
                seen.add(kind)
    return tuple(Column(name=name, kind=_widest(seen)) for name, seen in kinds.items())


def batches(features: Iterable[Feature]) -> Iterator[list[Feature]]:
    """Take features some at a time."""
    source = iter(features)
    while batch := list(islice(source, BATCH)):
        yield batch


def values_of(column: Column, features: Sequence[Feature]) -> list[Any]:
    """Give a column's values; None where a feature has none.

    Raises:
        InvalidRequest: a value is of another kind than the column.
    """
    return [_fitting(column, one.properties.get(column.name)) for one in features]


def check_names(columns: Sequence[Column], features: Sequence[Feature]) -> None:
    """Refuse features with properties that no column takes: nothing is left out silently."""
    names = {column.name for column in columns}
    for one in features:
        if not one.properties.keys() <= names:
            more = ", ".join(sorted(one.properties.keys() - names))
            raise InvalidRequest(f"{one.id}: expected no further column, came {more}")


def _kind(value: Any) -> Kind | None:
    match value:
        case None:
            return None
        case bool():
            return "truth"
        case int():
            return "integer" if -_LARGEST <= value < _LARGEST else "number"
        case float():
            return "number"
        case datetime():
            return "moment"
        case _:
            return "text"


def _widest(kinds: set[Kind]) -> Kind:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "number" if kinds and kinds <= {"integer", "number"} else "text"


def _fitting(column: Column, value: Any) -> Any:
    if value is None:
        return None
    kind = _kind(value)
    match column.kind:
        case "text":
            return value.isoformat() if isinstance(value, datetime) else str(value)
        case "number" if kind in ("integer", "number"):
            return float(value) if math.isfinite(value) else None
        case "moment" if kind == "moment":
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        case same if same == kind:
            return value
    raise InvalidRequest(f"{column.name}: expected a {column.kind}, came {value!r}")
