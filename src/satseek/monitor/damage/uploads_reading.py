"""Bytes that somebody sent → a file of polygons with a name of ours, or a refusal.

Does not know who sent them, nor keeps anything. What a file is its bytes say, never its name; of an
archive only the parts of one Shapefile are taken, under names of ours, so that nothing that it says
leads anywhere.
"""

from __future__ import annotations

import io
import stat
import struct
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zipfile import BadZipFile, LargeZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812 (an error, though zlib writes it small)

from satseek.errors import InvalidRequest
from satseek.index.strangers import check_stranger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zipfile import ZipInfo

UploadFormat: TypeAlias = Literal["geojson", "geopackage", "shapefile"]
"""What may be sent."""

MAX_UNPACKED: Final = 256 << 20
"""Bytes that an archive may hold, counted as they come out: five times the usual largest body, as
outlines seldom pack better."""

MOST_PARTS: Final = 64
"""Entries of an archive that are looked at: a Shapefile has eight at most, with its metadata."""

_STEM: Final = "polygons"
_NEEDED: Final = (".shp", ".shx", ".dbf")
_TAKEN: Final = (*_NEEDED, ".prj", ".cpg")
_ALSO: Final = (".qix", ".sbn", ".sbx", ".qpj", ".qmd", ".xml", ".txt", ".pdf", ".fix", ".ain")
"""Endings of what may lie beside, and is left out."""

_SQLITE: Final = b"SQLite format 3\0"
_PACKAGES: Final = frozenset({b"GPKG", b"GP10", b"GP11"})
"""Application ids of a GeoPackage (OGC 12-128r18, requirement 2)."""
_ID_AT: Final = 68
"""Of the header (SQLite, "Database File Format", 1.3)."""

_KNOWN: Final = "expected GeoJSON, GeoPackage or a zipped Shapefile"
_CHUNK: Final = 1 << 20
_ENCRYPTED: Final = 0x1


def write_upload(content: bytes, folder: Path) -> tuple[Path, UploadFormat]:
    """Write a file into a folder that is ours; returns where it is read, and what it is.

    Raises:
        InvalidRequest: it is none of the formats, or not a harmless one.
    """
    if content[: len(_SQLITE)] == _SQLITE:
        return _geopackage(content, folder), "geopackage"
    if content[:2] == b"PK":
        return _shapefile(content, folder), "shapefile"
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        path = folder / f"{_STEM}.geojson"
        path.write_bytes(content)
        return path, "geojson"
    raise InvalidRequest(f"{_KNOWN}, came another kind of file ({len(content)} bytes)")


def path_within(folder: Path, form: UploadFormat) -> Path:
    """Say where a file that was written lies."""
    endings: Mapping[UploadFormat, str] = {
        "geojson": ".geojson",
        "geopackage": ".gpkg",
        "shapefile": ".shp",
    }
    return folder / f"{_STEM}{endings[form]}"


def _geopackage(content: bytes, folder: Path) -> Path:
    if content[_ID_AT : _ID_AT + 4] not in _PACKAGES:
        raise InvalidRequest(f"{_KNOWN}, came an SQLite file that is no GeoPackage")
    path = path_within(folder, "geopackage")
    path.write_bytes(content)
    check_stranger(path)
    return path


def _shapefile(content: bytes, folder: Path) -> Path:
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            parts = _parts(archive.infolist())
            left = MAX_UNPACKED
            for ending, part in parts.items():
                left -= _unpack(archive, part, folder / f"{_STEM}{ending}", most=left)
    except (
        *(BadZipFile, LargeZipFile, ZlibError, NotImplementedError, RuntimeError),
        *(EOFError, OSError, ValueError, struct.error),
    ) as error:
        reason = " ".join(str(error).split())[:160]
        raise InvalidRequest(f"expected a sound ZIP with a Shapefile: {reason}") from error
    return path_within(folder, "shapefile")


def _parts(entries: list[ZipInfo]) -> dict[str, ZipInfo]:
    """Find the parts of the one Shapefile in an archive, by their endings."""
    if len(entries) > MOST_PARTS:
        raise InvalidRequest(
            f"expected a Shapefile in the ZIP, came {len(entries)} entries, at most {MOST_PARTS}"
        )
    files = [one for one in entries if not one.is_dir() and not _is_litter(one.filename)]
    for one in files:
        _check_entry(one)
    stems = [PurePosixPath(one.filename).stem for one in files if _ending(one) == ".shp"]
    if len(stems) != 1:
        raise InvalidRequest(f"expected one Shapefile in the ZIP, came {len(stems)}")
    own = [one for one in files if PurePosixPath(one.filename).stem == stems[0]]
    parts = {_ending(one): one for one in own if _ending(one) in _TAKEN}
    missing = [ending for ending in _NEEDED if ending not in parts]
    if missing:
        raise InvalidRequest(f"expected a whole Shapefile in the ZIP: {', '.join(missing)} missing")
    return parts


def _check_entry(one: ZipInfo) -> None:
    name = one.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise InvalidRequest(f"expected plain names in the ZIP, came {name[:80]!r}")
    if stat.S_ISLNK(one.external_attr >> 16):
        raise InvalidRequest(f"expected files in the ZIP, came the link {name[:80]!r}")
    if one.flag_bits & _ENCRYPTED:
        raise InvalidRequest("expected a ZIP that is not encrypted")
    if _ending(one) not in (*_TAKEN, *_ALSO):
        raise InvalidRequest(f"expected a Shapefile alone in the ZIP, came {name[:80]!r}")


def _unpack(archive: ZipFile, part: ZipInfo, path: Path, *, most: int) -> int:
    """Write one part, counting what comes out: what the archive says of sizes may be a lie."""
    written = 0
    with archive.open(part) as source, path.open("wb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise InvalidRequest(f"expected at most {MAX_UNPACKED} bytes in the ZIP, came more")
            target.write(chunk)
    return written


def _ending(one: ZipInfo) -> str:
    return PurePosixPath(one.filename).suffix.lower()


def _is_litter(name: str) -> bool:
    """Tell what a Mac puts beside files."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name == ".DS_Store"
