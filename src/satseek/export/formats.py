"""The name of a format, or of a file → the function that writes it.

Does not know how any of them is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest
from satseek.export.arrow import missing
from satseek.export.origin import Origin
from satseek.export.projecting import WGS84, check_crs
from satseek.export.replacing import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from satseek.export.columns import Column
    from satseek.export.feature import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write features."""

    name: str
    """As it is asked for."""
    title: str
    """For people."""
    suffixes: tuple[str, ...]
    """Of its files, the first is given to new ones."""
    media_type: str
    """IANA's, or what its specification says."""
    writer: str
    """``module:function`` in this room."""
    needs: tuple[str, ...] = ()
    """Packages beyond the base install; all of them are in the extra ``gis``."""
    any_crs: bool = True
    """False: always degrees on WGS 84."""
    takes_vectors: bool = False
    """True: vectors fit into it."""

    @property
    def is_at_hand(self) -> bool:
        """True where what it needs is installed."""
        return all(find_spec(name) is not None for name in self.needs)


_GDAL = ("pyarrow", "pyogrio")

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            name="geojson",
            title="GeoJSON (RFC 7946)",
            suffixes=(".geojson", ".json"),
            media_type="application/geo+json",
            writer="texts:write_geojson",
            any_crs=False,
            takes_vectors=True,
        ),
        Format(
            name="geojsonseq",
            title="GeoJSON text sequence (RFC 8142)",
            suffixes=(".geojsons", ".geojsonseq"),
            media_type="application/geo+json-seq",
            writer="texts:write_geojson_sequence",
            any_crs=False,
            takes_vectors=True,
        ),
        Format(
            name="gpkg",
            title="GeoPackage",
            suffixes=(".gpkg",),
            media_type="application/geopackage+sqlite3",
            writer="vectorfiles:write_geopackage",
            needs=_GDAL,
        ),
        Format(
            name="shapefile",
            title="Shapefile, zipped",
            suffixes=(".shp.zip", ".shz", ".zip"),
            media_type="application/zip",
            writer="vectorfiles:write_shapefile",
            needs=_GDAL,
        ),
        Format(
            name="flatgeobuf",
            title="FlatGeobuf",
            suffixes=(".fgb",),
            media_type="application/vnd.flatgeobuf",
            writer="vectorfiles:write_flatgeobuf",
            needs=_GDAL,
        ),
        Format(
            name="geoparquet",
            title="GeoParquet, STAC Items",
            suffixes=(".parquet", ".geoparquet"),
            media_type="application/vnd.apache.parquet",
            writer="parquet:write_geoparquet",
            needs=("pyarrow",),
            takes_vectors=True,
        ),
        Format(
            name="csv",
            title="CSV, UTF-8",
            suffixes=(".csv",),
            media_type="text/csv",
            writer="texts:write_csv",
        ),
        Format(
            name="csv-excel",
            title="CSV for Excel",
            suffixes=(".csv",),
            media_type="text/csv",
            writer="texts:write_csv_for_excel",
        ),
        Format(
            name="xlsx",
            title="Excel workbook",
            suffixes=(".xlsx",),
            media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            writer="sheets:write_workbook",
            needs=("openpyxl",),
        ),
    )
}
"""All formats by name."""


def format_of(path: Path) -> Format:
    """Tell a format from the name of a file.

    Raises:
        InvalidRequest: no format has files of that name.
    """
    name = path.name.lower()
    for one in FORMATS.values():
        if name.endswith(one.suffixes):
            return one
    if name.endswith(".shp"):
        raise InvalidRequest(
            f"{path.name}: a Shapefile is several files; name it {path.stem}.shp.zip, which every "
            "GIS opens as it is"
        )
    known = " ".join(one.suffixes[0] for one in FORMATS.values())
    raise InvalidRequest(f"{path.name}: expected a name that ends in one of {known}")


def format_named(name: str) -> Format:
    """Find a format by its name.

    Raises:
        InvalidRequest: there is none.
    """
    found = FORMATS.get(name.lower())
    if found is None:
        raise InvalidRequest(f"format: expected one of {', '.join(FORMATS)}, came {name[:40]!r}")
    return found


def write(
    features: Iterable[Feature],
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 (what everybody calls it)
    crs: str = WGS84,
    origin: Origin | None = None,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write features into a file, whole or not at all; returns how many they were.

    Args:
        features: Any number; no more than a few thousand are held at once.
        path: Replaced if it is there.
        format: One of ``FORMATS``; None: by the file's name.
        crs: Of the coordinates.
        origin: Where the features come from; written beside them where the format has a place.
        columns: Their properties; None: those of the first features.

    Raises:
        InvalidRequest: the format cannot hold what was asked, or there is none.
        DependencyMissing: the format needs a package that is not installed.
        DiskFull: there is no room; the file is as it was.
        FolderNotFound, SatseekError: the file cannot be written.
    """
    kind = format_of(path) if format is None else format_named(format)
    made = origin or Origin()
    checked = check_crs(crs)
    check(kind, crs=checked, vectors=made.dim is not None)
    work = partial(_writer(kind), crs=checked, origin=made, columns=columns)
    with replaced(path, suffixes=kind.suffixes) as draft:
        return int(work(features, draft))


def check(kind: Format, *, crs: str, vectors: bool) -> None:
    """Refuse what a format cannot hold, before anything is computed for it.

    Raises:
        InvalidRequest: vectors, or a CRS, that do not fit into it.
        DependencyMissing: it needs a package that is not installed.
    """
    if vectors and not kind.takes_vectors:
        fitting = ", ".join(one.name for one in FORMATS.values() if one.takes_vectors)
        raise InvalidRequest(f"{kind.title} holds no vectors; these do: {fitting}")
    if check_crs(crs) != WGS84 and not kind.any_crs:
        raise InvalidRequest(
            f"{kind.title} is always in degrees on WGS 84, came {crs[:60]}: leave the CRS out, or "
            "write GeoPackage, which takes any"
        )
    for name in kind.needs:
        if find_spec(name) is None:
            raise missing(kind.title, name)


def _writer(kind: Format) -> Callable[..., Any]:
    module, _, function = kind.writer.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"satseek.export.{module}"), function)
    return found
