"""Turns a folder with a model in it into one that may become a version, and a version into waste.

Does not know where versions are kept.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from satseek.errors import DamagedData
from satseek.model import durable
from satseek.model.bundle import open_bundle
from satseek.model.card import CARD, content_version
from satseek.model.manifest import MANIFEST, manifest_text, take_manifest
from satseek.model.naming import check_model_name
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import ModelCard


def seal(folder: Path) -> ModelCard:
    """Check that a folder is a whole bundle, write its manifest, wait for the disk.

    Raises:
        ModelNotFound: the folder holds no card.
        DamagedData: a file is missing or no plain one, or the card's version is another's.
        InvalidName: the card's name cannot be a folder's.
    """
    card = open_bundle(folder).card
    check_model_name(card.name)
    with ThreadPoolExecutor(1) as beside:  # version and manifest are two digests: at once
        version = beside.submit(
            content_version,
            folder,
            preprocessing=card.preprocessing,
            tokenization=card.tokenization,
        )
        manifest = take_manifest(folder, model=card.ref)
    if version.result() != card.version:
        raise DamagedData(
            f"{folder / CARD}: expected version {version.result()}, that of the files, got "
            f"{card.version}"
        )
    (folder / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
    durable.sync_tree(folder)
    return card


def copy_bundle(source: Path, target: Path) -> None:
    """Copy a bundle's files, without its manifest, into an empty folder.

    Raises:
        DiskFull: there is no room for them.
    """
    open_bundle(source)
    files = [path for path in sorted(source.iterdir()) if path.name != MANIFEST]
    durable.check_room(target, sum(path.stat().st_size for path in files))
    for path in files:
        shutil.copyfile(path, target / path.name)


def move_out(folder: Path, target: Path) -> None:
    """Move a version's folder away in one step.

    Where versions lie inside it, as with a model laid out before there were any, its card goes
    first, which makes it no model, and then its other files.
    """
    if not any(path.is_dir() for path in folder.iterdir()):
        folder.replace(target)
    else:
        target.mkdir()
        for path in sorted(folder.iterdir(), key=lambda path: path.name != CARD):
            if path.is_file():
                path.replace(target / path.name)
    sync(folder.parent)
