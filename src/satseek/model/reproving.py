"""Turns a stored version's new report into the one it carries, and its manifest with it.

Does not know how the report came about. Nothing that decides a vector changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.model import durable
from satseek.model.manifest import MANIFEST, Manifest, digest_of, manifest_text, read_manifest
from satseek.model.reports import REPORT, is_whole, write_report
from satseek.model.staging import Staging
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.model.store import ModelStore


def keeps_reports(store: ModelStore, bundle: Bundle) -> bool:
    """Whether a bundle is a version of the store, and not a folder or the shipped model."""
    inside = bundle.folder.resolve().is_relative_to(store.folder.resolve())
    return inside and (bundle.folder / MANIFEST).is_file()


def with_own_report(manifest: Manifest, folder: Path) -> Manifest:
    """The manifest, with the report that lies there now: a report answers for its own bytes.

    So a new report is one rename: the manifest may follow, or still hold the one before.
    """
    if not is_whole(folder):
        return manifest
    files = {**manifest.files, REPORT: digest_of(folder / REPORT)}
    return Manifest(model=manifest.model, files=files)


def replace_report(store: ModelStore, bundle: Bundle, report: GateReport) -> None:
    """Give a stored version a new report, in one step.

    Raises:
        InvalidRequest: the bundle is no version of the store, or the report is another's.
        DiskFull: there is no room.
    """
    model = bundle.card.ref
    manifest = read_manifest(bundle.folder) if keeps_reports(store, bundle) else None
    if manifest is None or report.model != model:
        raise InvalidRequest(f"{model}: expected a version of the store and a report of its own")
    with store.staging() as room:
        write_report(report, room)
        text = manifest_text(with_own_report(manifest, room))
        (room / MANIFEST).write_text(text, encoding="utf-8")
        durable.sync_tree(room)
        with Staging(store.folder).writing():
            for name in (REPORT, MANIFEST):  # once the report is there, it is done
                (room / name).replace(bundle.folder / name)
            sync(bundle.folder)
