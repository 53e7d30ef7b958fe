"""What a job asks for → the scenes that may be there, if the settings allow it.

Does not know who asked. Of what came through a door a file must lie below one of
``reference_roots``, an address on one of ``stac_hosts``, and so must all that they lead to. What a
person at this machine's terminal named may lie anywhere, and lead to its own place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import FolderNotFound, UnsafeReference
from satseek.imagery.candidates import ItemScenes, find_candidates
from satseek.imagery.hosts import covering, place_of
from satseek.imagery.reach import Reach, is_bucket, is_remote
from satseek.imagery.stac_search import ApiSearch, SearchedItems
from satseek.jobs.asking import ByHand
from satseek.jobs.places import folder_under

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from satseek.imagery.candidates import Candidates
    from satseek.jobs.asking import ScenesAsked
    from satseek.monitor.damage.parcels_reading import Reading
    from satseek.monitor.damage.uploads import Upload, Uploads
    from satseek.settings import Settings

UPLOAD = "upload:"
"""What names an upload, by its id, where a file may be named as well."""


def candidates_for(asked: ScenesAsked, settings: Settings) -> Candidates:
    """List what may be scenes.

    Raises:
        UnsafeReference: no setting covers it; it does not say whether it exists elsewhere.
        FolderNotFound: it would be allowed, but is not there.
    """
    source = source_for(asked, settings)
    reach = reach_of(settings, allow=asked.allow if isinstance(asked, ByHand) else ())
    if is_by_hand(asked):
        reach = reach.and_named(source)
    if asked.search is None:
        return find_candidates(source, reach=reach)
    search = ApiSearch(
        address=source,
        collections=tuple(asked.search.collections),
        bbox=asked.search.bbox,
        datetime=asked.search.datetime,
        query=tuple(asked.search.query),
        ids=tuple(asked.search.ids),
        most=asked.search.max_items,
    )
    return ItemScenes(SearchedItems(search, reach), reach=reach)


def source_for(asked: ScenesAsked, settings: Settings) -> str:
    """Check what is named without reading it; returns its path or address.

    Raises:
        UnsafeReference: no setting covers it.
        FolderNotFound: it would be allowed, but is not there.
    """
    if is_bucket(asked.folder):
        raise UnsafeReference("folder: a bucket is not listed; name a STAC document of its scenes")
    if asked.search is None and not is_remote(asked.folder):
        return str(path_of(asked, asked.folder, settings))
    if is_by_hand(asked):
        return asked.folder
    what = "folder"
    try:
        covering(place_of(asked.folder, what=what), reach_of(settings).addresses, what=what)
    except UnsafeReference as error:
        raise UnsafeReference(
            "folder: expected an http(s) address on one of the server's `stac_hosts`"
            + ("" if settings.stac_hosts else ", which name none")
        ) from error
    return asked.folder


def path_of(asked: BaseModel, named: str, settings: Settings) -> Path:
    """Find a folder or file that a task names, or an upload: ``upload:ID``.

    Raises:
        NotFound: there is no such upload.
        UnsafeReference: it came through a door, and lies below no root.
        FolderNotFound: it is not there.
    """
    if named.startswith(UPLOAD):
        return uploads_of(settings).path_of(named)
    if not is_by_hand(asked):
        return folder_under(named, settings.reference_roots)
    path = Path(named)
    if not path.exists():
        raise FolderNotFound(f"no folder or file at {named[:200]!r}")
    return path


def upload_of(named: str, settings: Settings) -> Upload | None:
    """Give the upload that a task names, if what it names is one; raises NotFound."""
    return uploads_of(settings).get(named) if named.startswith(UPLOAD) else None


def reading_of(upload: Upload | None, said: Mapping[str, str | None]) -> Reading:
    """Say how a file of polygons is read: as asked, else as whoever sent it said.

    Args:
        upload: What was sent; None: a file that lies here.
        said: What is asked, by the names that `Reading` has; None: nothing; empty: as usual,
            whatever the sender said.
    """
    from satseek.monitor.damage.parcels_reading import Reading  # noqa: PLC0415 - slow to load

    sent = Reading() if upload is None else upload.reading
    own: dict[str, Any] = {name: one or None for name, one in said.items() if one is not None}
    return replace(sent, **own)


def uploads_of(settings: Settings) -> Uploads:
    """Give the files of polygons that were sent over a network."""
    from satseek.monitor.damage.uploads import Uploads  # noqa: PLC0415 - slow to load
    from satseek.monitor.tables import FOLDER  # noqa: PLC0415

    return Uploads(settings.data_dir / FOLDER)


def is_by_hand(asked: BaseModel) -> bool:
    """Tell whether a person at this machine's terminal asks."""
    return isinstance(asked, ByHand) and asked.here


def reach_of(settings: Settings, *, allow: tuple[str, ...] = ()) -> Reach:
    """Where the settings, and whoever asks by hand, let catalogs lead."""
    return Reach.of((*settings.reference_roots, *settings.stac_hosts, *allow))
