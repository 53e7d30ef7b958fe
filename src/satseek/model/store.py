"""Turns a model's name, as a person writes it, into a ``Bundle``, and keeps what may be named so.

Does not fetch anything: what is not on this machine is not found. A version never changes once it
is stored; whatever happens, it is there as a whole or not at all.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from satseek.errors import DamagedData, InvalidRequest, ModelNotFound, SatseekError
from satseek.model import durable
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.card import CARD, content_version, read_card
from satseek.model.manifest import MANIFEST, manifest_text, take_manifest
from satseek.model.naming import (
    STARTER,
    Reference,
    check_model_name,
    is_model_name,
    is_version,
    parse_reference,
)
from satseek.model.reports import read_report
from satseek.model.staging import Staging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.types import ModelCard

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of a model in the store."""

    name: str
    """The model's name: that of its folder."""
    version: str
    """12 hex digits."""
    folder: Path
    """Where its files lie."""
    card: ModelCard
    """What it is."""
    bytes: int
    """Size of its files."""
    report: GateReport | None
    """What it was checked for; None: it never was."""

    @property
    def ref(self) -> str:
        """``NAME@VERSION``."""
        return f"{self.name}@{self.version}"

    @property
    def gate(self) -> Literal["passed", "failed", "none"]:
        """Whether it has a report of exactly this version, and whether that passed."""
        if self.report is None or self.report.model != f"{self.card.name}@{self.card.version}":
            return "none"
        return "passed" if self.report.passed else "failed"


class ModelStore:
    """The models of one machine: a folder of ``NAME/VERSION/`` folders."""

    def __init__(self, folder: Path) -> None:
        """Touch nothing yet; the folder is made when first written to."""
        self.folder = Path(folder)
        self._staging = Staging(self.folder)

    def find(self, name: str) -> Bundle:
        """Find a model: ``starter``, ``NAME``, ``NAME@VERSION`` or a path to a bundle's folder.

        Raises:
            ModelNotFound: nothing of that name; the message lists what there is.
            InvalidRequest: several versions are meant.
            DamagedData: found, but incomplete.
        """
        if name == STARTER:
            return starter_bundle()
        reference = parse_reference(name)
        folder = self._folder_of(reference) if reference else None
        if folder is None and name and Path(name).is_dir():
            folder = Path(name)
        if folder is None:
            raise self._not_found(name)
        return open_bundle(folder)

    def versions(self) -> list[StoredVersion]:
        """Every version in the store, by name, then version; damaged ones are logged, not listed.

        The shipped model is not among them.
        """
        found = []
        for (name, version), folder in self._folders().items():
            try:
                found.append(_stored(name, version, folder))
            except SatseekError as error:
                logger.warning("model store: left out of the list: %s", error)
        return found

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder on the store's disk; it is gone afterwards, unless it was added.

        Raises:
            DiskFull: whatever was done inside failed because the disk is full.
        """
        with durable.room_named(self.folder), self._staging.room() as folder:
            yield folder

    def add(self, staged: Path) -> Bundle:
        """Store a whole bundle as a version; one that is there already is kept as it is.

        Args:
            staged: A folder of ``staging``, which is moved, or any other, which is copied.

        Raises:
            ModelNotFound: the folder holds no card.
            DamagedData: a file is missing, or the card's version is not that of the files.
            InvalidName: the card's name cannot be a folder's.
            DiskFull: there is no room.
        """
        if not self._staging.owns(staged):
            with self.staging() as copy:
                open_bundle(staged)
                for path in sorted(staged.iterdir()):
                    shutil.copyfile(path, copy / path.name)
                return self.add(copy)
        with durable.room_named(self.folder):
            card = _sealed(staged)
            return open_bundle(self._moved_in(staged, card))

    def _moved_in(self, staged: Path, card: ModelCard) -> Path:
        """Make a sealed folder a version, in one step, unless the version is there."""
        target = self.folder / card.name / card.version
        with self._staging.writing():
            there = self._folders().get((card.name, card.version))
            if there is not None:
                return there
            target.parent.mkdir(exist_ok=True)
            staged.replace(target)
            durable.sync(target.parent)
            durable.sync(self.folder)
        return target

    def _folders(self) -> dict[tuple[str, str], Path]:
        """Folder of every version, by name and version; also of those laid out without versions."""
        found = {}
        names = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        for named in names:
            if not is_model_name(named.name) or not named.is_dir():
                continue
            for folder in sorted(named.iterdir()):
                if is_version(folder.name) and folder.is_dir():
                    found[named.name, folder.name] = folder
            if (named / CARD).is_file():
                version = _version_on_card(named)
                found.setdefault((named.name, version), named)
        return found

    def _folder_of(self, reference: Reference) -> Path | None:
        """The folder that a reference means; None: there is none."""
        folders = {
            version: folder
            for (name, version), folder in self._folders().items()
            if name == reference.name and version.startswith(reference.version or "")
        }
        if not folders:
            return None
        if len(folders) > 1:
            meant = ", ".join(f"{reference.name}@{version}" for version in folders)
            raise InvalidRequest(f"{reference.name}: several versions, choose one: {meant}")
        return next(iter(folders.values()))

    def _not_found(self, name: str) -> ModelNotFound:
        there = ", ".join([STARTER, *(f"{one}@{version}" for one, version in self._folders())])
        return ModelNotFound(
            f"{name}: expected a path or one of: {there} (models are kept in {self.folder})"
        )


def find_bundle(name: str, *, store: Path) -> Bundle:
    """Find a model as ``ModelStore.find`` does, in the store's folder."""
    return ModelStore(store).find(name)


def stored_names(store: Path) -> list[str]:
    """Names that ``find_bundle`` knows: ``starter`` first, then the store's by name."""
    return [STARTER, *sorted({name for name, _ in ModelStore(store)._folders()})]  # noqa: SLF001


def _stored(name: str, version: str, folder: Path) -> StoredVersion:
    return StoredVersion(
        name=name,
        version=version,
        folder=folder,
        card=read_card(folder),
        bytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        report=read_report(folder),
    )


def _version_on_card(folder: Path) -> str:
    try:
        return read_card(folder).version
    except SatseekError as error:
        logger.warning("model store: %s", error)
        return ""


def _sealed(staged: Path) -> ModelCard:
    """Check that a folder is a whole bundle, write its manifest, wait for the disk."""
    card = open_bundle(staged).card
    check_model_name(card.name)
    version = content_version(
        staged, preprocessing=card.preprocessing, tokenization=card.tokenization
    )
    if version != card.version:
        raise DamagedData(
            f"{staged / CARD}: expected version {version}, that of the files, got {card.version}"
        )
    manifest = take_manifest(staged, model=f"{card.name}@{card.version}")
    (staged / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
    durable.sync_tree(staged)
    return card
