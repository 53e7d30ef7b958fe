"""A data folder of an older release → the same in this release's formats, store by store.

Does not know what the formats are. Each store changes in one transaction, or by one file that
appears: killed at any moment, each of them has either the old format or the new one, and running it
again does the rest.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import CollectionLocked, Conflict, DamagedData, SatseekError
from satseek.formats import mark_folder
from satseek.index.collection import open_collection
from satseek.jobs.answers import opened_answers
from satseek.jobs.embedded import EmbeddedQueue
from satseek.monitor.tables import opened
from satseek.service.access.keys import KeyStore
from satseek.upgrade.databases import is_open_elsewhere
from satseek.upgrade.stores import PARTS, Store, refuse_newer, stores_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What came of it."""

    changed: tuple[Store, ...]
    """Stores that were changed, as they were before."""
    refused: tuple[str, ...]
    """Why others were not, one line each: somebody uses them. Run it again later."""
    damaged: tuple[str, ...]
    """What is damaged of others, one line each; they are as before."""
    failure: SatseekError | None
    """What ended it before all were done; None: nothing did. What is told was done by then."""
    stores: tuple[Store, ...]
    """All of them, as they are now."""


def upgrade(data_dir: Path, *, on_progress: Callable[[str, int, int], None]) -> Raised:
    """Bring every store of a data folder to the format of this release.

    Args:
        data_dir: The data folder.
        on_progress: Told which store comes next, how many are done, and how many there are.

    A store that is damaged, or would be after, stays as it is and keeps no other back; a disk
    without room ends it, and the store is as before.

    Raises:
        FolderNotFound: there is none.
        FormatTooNew: a later release has written something in it; nothing was changed.
    """
    stores = stores_of(data_dir)
    refuse_newer(stores)
    to_do = [one for one in stores if not one.is_current]
    damaged = [one.damage for one in stores if one.damage]
    changed, refused, failure = [], [], None
    for number, store in enumerate(to_do):
        on_progress(str(store.path.relative_to(data_dir)), number, len(to_do))
        try:
            _raise(store)
        except (CollectionLocked, _InUse) as error:
            refused.append(str(error))
        except DamagedData as error:
            damaged.append(str(error))
        except SatseekError as error:
            failure = error
            break
        else:
            changed.append(store)
    return Raised(
        changed=tuple(changed),
        refused=tuple(refused),
        damaged=tuple(damaged),
        failure=failure,
        stores=tuple(stores_of(data_dir)),
    )


class _InUse(Conflict):
    """Somebody has a store open that would not see it change under them."""


def _raise(store: Store) -> None:
    match store.kind:
        case "collection":
            open_collection(store.path, mode="write").close()
        case "audit" | "concepts":
            mark_folder(store.path, store.newest)
        case "keys":
            KeyStore(store.path.parent)
        case "answers":
            opened_answers(store.path)
        case "jobs":
            _raise_jobs(store.path)
        case _ if store.kind in PARTS:
            with (
                closing(opened(store.path.parent, PARTS[store.kind])) as database,
                database.reading(),
            ):
                pass
        case _:
            raise NotImplementedError(store.kind)  # its room wrote one format so far


def _raise_jobs(path: Path) -> None:
    if is_open_elsewhere(path):
        raise _InUse(f"{path}: a server or a worker has it open; stop it and upgrade again")
    with closing(EmbeddedQueue(path)) as queue:
        queue.counts()
