"""What a run writes down → a folder of files that others open, with a list of them.

Does not know what is in them. Each file is there whole or not at all; the list says whether the run
was finished: what was killed is seen to be unfinished, and the next run clears up behind it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from satseek.errors import InvalidRequest, SatseekError
from satseek.export.replacing import replaced
from satseek.index.schema import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_CHUNK = 1 << 20

MEDIA_TYPES: Final[Mapping[str, str]] = {
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
    """In the run's folder; ``/`` parts folders."""
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

    def __init__(self, folder: Path, list_name: str) -> None:
        """Make the folder where it is missing.

        Args:
            folder: Where files go.
            list_name: Of the list of them in it, the same from run to run.

        Raises:
            InvalidRequest: a file lies where it should be.
            DiskFull, SatseekError: it cannot be made, or its list is none of a run.
        """
        if folder.exists() and not folder.is_dir():
            raise InvalidRequest(f"{folder}: expected a folder for the results, came a file")
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._place = folder / list_name
        self._former = _listed(self._place)
        self._files: dict[str, OutFile] = {}
        self._list({"finished": False})

    @property
    def files(self) -> tuple[OutFile, ...]:
        """What was written so far."""
        return tuple(self._files.values())

    def expect(self, names: Iterable[str]) -> None:
        """Take files into the list that are about to be written: many of them at once."""
        self._former |= set(names)
        self._list({"finished": False})

    def add(self, name: str, about: str, *, make: Callable[[Path], object]) -> Path:
        """Write a file and remember it.

        Args:
            name: In the folder; folders in it are made where they are missing.
            about: What it holds.
            make: Writes it to the path that it is given, whole or not at all.
        """
        path = self.folder / name
        with storage_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
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
        self._files[name] = OutFile(
            name=name,
            about=about,
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            bytes=path.stat().st_size,
            sha256=digest.hexdigest(),
        )
        if name not in self._former:  # else it is named already
            self._list({"finished": False})

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Remove files of an earlier run that are not among those of this one, and say it is done.

        Args:
            summary: What was found, as JSON holds it.
        """
        for name in self._left:
            _remove(self.folder, name)
        self._former = set()
        self._list({"finished": True, **summary})

    @property
    def _left(self) -> list[str]:
        """Files of an earlier run that were not written again, or not yet."""
        return sorted(self._former - self._files.keys())

    def _list(self, told: Mapping[str, Any]) -> None:
        """Write the list, in which what is left of an earlier run stands until it is removed."""
        files: list[dict[str, Any]] = [asdict(one) for one in self._files.values()]
        files += [{"name": name, "about": "of an earlier run"} for name in self._left]
        text = json.dumps({**told, "files": files}, ensure_ascii=False, indent=1)
        with replaced(self._place) as draft:
            draft.write_text(text + "\n", encoding="utf-8")


def _remove(folder: Path, name: str) -> None:
    """Remove a file, and the folders in which it was the last; links lead nowhere."""
    path = folder / name
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        return
    path.unlink(missing_ok=True)
    with suppress(OSError):  # something else lies there
        while path.parent != folder:
            path = path.parent
            path.rmdir()


def _listed(place: Path) -> set[str]:
    """Name the files of an earlier run, as its list has them; nothing else is ever removed."""
    try:
        read = json.loads(place.read_text(encoding="utf-8"))
        names = [str(one["name"]) for one in read["files"]]
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SatseekError(
            f"{place}: expected the list of an earlier run; name another folder"
        ) from error
    return {name for name in names if _is_within(name)}


def _is_within(name: str) -> bool:
    return "\\" not in name and all(part not in ("", ".", "..") for part in name.split("/"))
