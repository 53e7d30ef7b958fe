"""What a request asks to index → the scenes that may be there, if the settings allow it.

Does not know who asked. Nobody at a terminal names these: a file must lie below one of
``reference_roots``, an address on one of ``stac_hosts``, and so must all that they lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import UnsafeReference
from satseek.imagery.candidates import ItemScenes, find_candidates
from satseek.imagery.hosts import covering, place_of
from satseek.imagery.reach import Reach, is_bucket, is_remote
from satseek.imagery.stac_search import ApiSearch, SearchedItems
from satseek.jobs.places import folder_under

if TYPE_CHECKING:
    from satseek.imagery.candidates import Candidates
    from satseek.jobs.tasks import IndexTask
    from satseek.settings import Settings


def candidates_for(asked: IndexTask, settings: Settings) -> Candidates:
    """List what may be scenes.

    Raises:
        UnsafeReference: no setting covers it; it does not say whether it exists elsewhere.
        FolderNotFound: it would be allowed, but is not there.
    """
    reach = reach_of(settings)
    source = source_for(asked, settings)
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


def source_for(asked: IndexTask, settings: Settings) -> str:
    """Check what is named without reading it; returns its path or address.

    Raises:
        UnsafeReference: no setting covers it.
        FolderNotFound: it would be allowed, but is not there.
    """
    if is_bucket(asked.folder):
        raise UnsafeReference("folder: a bucket is not listed; name a STAC document of its scenes")
    if asked.search is None and not is_remote(asked.folder):
        return str(folder_under(asked.folder, settings.reference_roots))
    what = "folder"
    try:
        covering(place_of(asked.folder, what=what), reach_of(settings).addresses, what=what)
    except UnsafeReference as error:
        raise UnsafeReference(
            "folder: expected an http(s) address on one of the server's `stac_hosts`"
            + ("" if settings.stac_hosts else ", which name none")
        ) from error
    return asked.folder


def reach_of(settings: Settings) -> Reach:
    """Where the settings let catalogs lead."""
    return Reach.of((*settings.reference_roots, *settings.stac_hosts))
