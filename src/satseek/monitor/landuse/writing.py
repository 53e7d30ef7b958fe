"""What a land-use run found → a folder of maps, tables and outlines that others open.

Does not know reports. Each file is there whole or not at all; the list of them says whether the run
was finished: what was killed is seen to be unfinished, and the next run clears up behind it.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from satseek.errors import InvalidRequest, SatseekError
from satseek.export.feature import Feature
from satseek.export.formats import FORMATS, write
from satseek.export.origin import Origin
from satseek.export.rasters import write_cog
from satseek.export.replacing import replaced
from satseek.index.schema import storage_errors
from satseek.monitor.landuse.maps import ClassMaps, colours_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.tables import Rows

LIST: Final = "land_use.json"
"""Names all files of a run, and says what it found once it is finished."""

CHANGES: Final = "changes"
"""Name of the files of patches that became something else."""

_CHUNK = 1 << 20

MEDIA_TYPES: Mapping[str, str] = {
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".xml": "application/xml",
}
"""Of the files of a run, by their ending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutFile:
    """One file of a run."""

    name: str
    """In the run's folder."""
    about: str
    """What it holds, in a few words."""
    media_type: str
    """IANA's, or what its specification says."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its content, as hex."""


class OutFolder:
    """The folder of one run; remembers what was written into it."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing.

        Raises:
            InvalidRequest: a file lies where it should be.
            DiskFull, SatseekError: it cannot be made.
        """
        if folder.exists() and not folder.is_dir():
            raise InvalidRequest(f"{folder}: expected a folder for the results, came a file")
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._former = _listed(folder)
        self._files: list[OutFile] = []
        self._list({"finished": False})

    @property
    def files(self) -> tuple[OutFile, ...]:
        """What was written so far."""
        return tuple(self._files)

    def add(self, name: str, about: str, *, make: Callable[[Path], object]) -> Path:
        """Write a file and remember it.

        Args:
            name: In the folder.
            about: What it holds.
            make: Writes it to the path that it is given, whole or not at all.
        """
        path = self.folder / name
        make(path)
        self.remember(name, about)
        return path

    def remember(self, name: str, about: str) -> None:
        """Take a file that was written beside another one into the list."""
        path = self.folder / name
        digest = sha256()
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
        self._files.append(
            OutFile(
                name=name,
                about=about,
                media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
                bytes=path.stat().st_size,
                sha256=digest.hexdigest(),
            )
        )
        self._list({"finished": False})

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Remove files of an earlier run that are not among those of this one, and say it is done.

        Args:
            summary: What was found, as JSON holds it.
        """
        for name in self._left:
            (self.folder / name).unlink(missing_ok=True)
        self._former = set()
        self._list({"finished": True, **summary})

    @property
    def _left(self) -> list[str]:
        """Files of an earlier run that were not written again."""
        return sorted(self._former - {one.name for one in self._files})

    def _list(self, told: Mapping[str, Any]) -> None:
        """Write the list, in which what is left of an earlier run stands until it is removed."""
        files: list[dict[str, Any]] = [asdict(one) for one in self._files]
        files += [{"name": name, "about": "of an earlier run"} for name in self._left]
        text = json.dumps({**told, "files": files}, ensure_ascii=False, indent=1)
        with replaced(self.folder / LIST) as draft:
            draft.write_text(text + "\n", encoding="utf-8")


def write_maps(
    found: LandUse, out: OutFolder, *, on_progress: Callable[[str, int, int], None]
) -> ClassMaps | None:
    """Write the class map of each date as COG; None where the cells lie too far apart for a map."""
    try:
        maps = ClassMaps.of(found)
    except InvalidRequest:
        return None
    colours = colours_of(found.labels, found.names)
    for at, date in enumerate(found.dates):
        on_progress(f"writing the map of {date}", at, len(found.dates))
        name = f"land_use_{date}.tif"
        make = partial(write_cog, maps.at(at), colours=colours)
        out.add(name, f"class map of {date}", make=make)
        out.remember(f"{name}.aux.xml", f"names of the classes of {name}")
    return maps


def write_rows(rows: Rows, path: Path) -> None:
    """Write a table as CSV (RFC 4180, UTF-8)."""
    with (
        replaced(path) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file)
        lines.writerow(rows.head)
        lines.writerows(rows.rows)


def write_changes(findings: Sequence[Finding], found: LandUse, out: OutFolder) -> None:
    """Write the outlines of what became something else: GeoJSON, and GeoPackage where it can be."""
    origin = Origin(
        layer=CHANGES,
        collection=found.collection,
        model=found.model,
        facts={"label_set": found.labels.name, "dates": ", ".join(found.dates)},
    )
    for kind in ("geojson", "gpkg"):
        if not FORMATS[kind].is_at_hand:
            continue
        out.add(
            f"{CHANGES}{FORMATS[kind].suffixes[0]}",
            "patches that became something else",
            make=partial(write, change_features(findings), origin=origin),
        )


def change_features(findings: Iterable[Finding]) -> list[Feature]:
    """Give one feature a patch that became something else."""
    return [
        Feature(
            id=one.id,
            geometry=one.footprint,
            properties={
                "before": one.before,
                "after": one.after,
                "date_before": one.properties["before_date"],
                "date_after": one.properties["after_date"],
                "first_seen": one.first_seen,
                "last_seen": one.last_seen,
                "seen": one.seen,
                "area_ha": round((one.area_m2 or 0.0) / 10_000, 4),
                "cells": len(one.cells),
                "percentile": one.scores.get("percentile"),
                "share": one.scores["share"],
                "chip_before": _chip(one, "before"),
                "chip_after": _chip(one, "after"),
            },
        )
        for one in findings
    ]


def _chip(finding: Finding, side: str) -> str | None:
    return next((one.chip_id for one in finding.evidence if one.side == side), None)


def _listed(folder: Path) -> set[str]:
    """Name the files of an earlier run, as its list has them; nothing else is ever removed."""
    try:
        read = json.loads((folder / LIST).read_text(encoding="utf-8"))
        names = [str(one["name"]) for one in read["files"]]
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SatseekError(
            f"{folder / LIST}: expected the list of an earlier run; name another folder"
        ) from error
    return {
        name for name in names if name and "/" not in name and "\\" not in name and name != ".."
    }
