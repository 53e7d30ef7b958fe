"""A file of shapes, as a GIS has it → whether it holds them itself.

Does not read shapes. GDAL goes by what a file says, not by its name: a small XML file called
``parcels.gpkg`` may be a catalogue (VRT, WFS, OAPIF …) by which it reads any other file of this
machine, or any address. So only kinds that have no such means are handed to it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile, LargeZipFile, ZipFile

if TYPE_CHECKING:
    from zipfile import ZipInfo

KNOWN: Final = "GeoPackage, Shapefile (zipped, too), FlatGeobuf or a FileGDB folder"
"""Kinds that GDAL is let read."""

MAX_UNPACKED: Final = 4 << 30
"""Bytes that an archive may hold, unpacked: the largest Shapefile has 2 GiB a part, and a bomb of
some kilobytes has thousands of them."""

_MAGIC: Final = (b"SQLite format 3\0", b"fgb", b"\x00\x00\x27\x0a")
"""How they begin: GeoPackage (OGC 12-128r18, 1.1.1), FlatGeobuf, Shapefile (ESRI 1998, table 1)."""

_ZIP: Final = b"PK"
_SHAPES: Final = frozenset({".shp", ".gpkg", ".fgb"})
_BESIDE: Final = frozenset(
    {".shx", ".dbf", ".prj", ".cpg", ".qpj", ".qix", ".sbn", ".sbx", ".qmd", ".txt", ".pdf"}
) | {".fix", ".ain", ".aih", ".atx"}
"""Endings of what lies beside a Shapefile."""


def holds_its_shapes(path: Path) -> bool:
    """Tell whether a file can be handed to GDAL without leading it anywhere else."""
    if path.is_dir():
        return path.suffix.lower() == ".gdb"
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC[0]))
        return _is_archive(path) if begin.startswith(_ZIP) else begin.startswith(_MAGIC)
    except (OSError, ValueError, BadZipFile, LargeZipFile, NotImplementedError, RuntimeError):
        return False


def _is_archive(path: Path) -> bool:
    with ZipFile(path) as archive:
        files = [one for one in archive.infolist() if not _is_left_out(one)]
        endings = {PurePosixPath(one.filename).suffix.lower() for one in files}
        return (
            bool(endings & _SHAPES)
            and endings <= _SHAPES | _BESIDE
            and sum(one.file_size for one in files) <= MAX_UNPACKED
            and all(_begins_well(archive, one) for one in files)
        )


def _is_left_out(one: ZipInfo) -> bool:
    """Leave out folders, what a Mac puts beside files, and a Shapefile's metadata."""
    path = PurePosixPath(one.filename)
    return one.is_dir() or "__MACOSX" in path.parts or path.name.lower().endswith(".shp.xml")


def _begins_well(archive: ZipFile, one: ZipInfo) -> bool:
    if PurePosixPath(one.filename).suffix.lower() not in _SHAPES:
        return True
    with archive.open(one) as part:
        return part.read(len(_MAGIC[0])).startswith(_MAGIC)
