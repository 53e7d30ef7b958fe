"""Features → Arrow record batches, for the formats that are written by the column.

Does not know those formats. The only file that decides how a property is an Arrow type.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import shapely

from satseek.errors import DependencyMissing
from satseek.export.columns import check_names, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from satseek.export.columns import Column
    from satseek.export.feature import Feature
    from satseek.export.projecting import Shapes


def arrow() -> Any:
    """Load Arrow.

    Raises:
        DependencyMissing: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 (an extra, and slow to load)
    except ModuleNotFoundError as error:
        raise missing("this format", "pyarrow") from error
    return pa


def missing(what: str, package: str) -> DependencyMissing:
    """Say which extra a format takes."""
    return DependencyMissing(f"{what} needs {package}: pip install 'satseek[gis]'")


def fields_of(columns: Sequence[Column]) -> list[pa.Field]:
    """Describe properties; any of them may be missing from a feature."""
    pa = arrow()
    kinds = {
        "truth": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "moment": pa.timestamp("us", tz="UTC"),
        "text": pa.string(),
    }
    return [pa.field(column.name, kinds[column.kind]) for column in columns]


def arrays_of(columns: Sequence[Column], batch: Sequence[Feature]) -> list[pa.Array]:
    """Give the properties of a batch, by column.

    Raises:
        InvalidRequest: a property fits no column.
    """
    pa = arrow()
    check_names(columns, batch)
    return [
        pa.array(values_of(column, batch), type=field.type)
        for column, field in zip(columns, fields_of(columns), strict=True)
    ]


def geometry_array(shapes: Shapes) -> pa.Array:
    """Give shapes as well-known binary."""
    return arrow().array(shapely.to_wkb(shapes), type=arrow().binary())


def as_text(value: Any) -> Any:
    """Write a moment for formats that have none with a zone."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
