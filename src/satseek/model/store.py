"""Turns a model's name, as a person writes it, into a ``Bundle``, and keeps what may be named so.

Does not fetch anything: what is not on this machine is not found. A version never changes once it
is stored; whatever happens, it is there as a whole or not at all.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import (
    Conflict,
    DamagedData,
    InvalidRequest,
    ModelNotFound,
    SatseekError,
)
from satseek.model import durable
from satseek.model.activation import (
    HISTORY,
    earlier,
    here_and_now,
    read_history,
    standing,
    write_history,
)
from satseek.model.admitting import check_kept, gate_override
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.manifest import read_manifest, take_manifest
from satseek.model.naming import ACTIVE, STARTER, parse_reference
from satseek.model.reproving import with_own_report
from satseek.model.sealing import copy_bundle, move_out, seal
from satseek.model.staging import Staging, discard
from satseek.model.transport import Carried, read_carried, write_carried
from satseek.model.verifying import check_sizes, problems_of
from satseek.model.versions import (
    StoredVersion,
    fitting,
    is_shipped,
    name_on_card,
    ref_of,
    stored_version,
    version_folders,
)
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.model.activation import Activation
    from satseek.model.bundle import Bundle
    from satseek.model.transport import Progress
    from satseek.model.versions import Key
    from satseek.types import ModelCard

logger = logging.getLogger(__name__)


class ModelStore:
    """The models of one machine: a folder of ``NAME/VERSION/`` folders and what is in use."""

    def __init__(self, folder: Path) -> None:
        """Touch nothing yet; the folder is made when first written to."""
        self.folder = Path(folder)
        self._staging = Staging(self.folder)

    def find(self, name: str) -> Bundle:
        """Find a model: ``active``, ``starter``, ``NAME``, ``NAME@VERSION`` or a bundle's folder.

        ``NAME`` alone means its version that was activated last, or else its only one. Of a version
        the first four digits do.

        Raises:
            ModelNotFound: nothing of that name; the message lists what there is.
            InvalidRequest: several versions are meant; the message lists them.
            DamagedData: found, but incomplete.
        """
        if name == ACTIVE:
            return self.in_use()
        reference = parse_reference(name)
        if reference is not None:
            folders = fitting(reference, self.folder)
            if len(folders) > 1 and reference.version is None:
                folders = self._activated_last(folders) or folders
            if folders:
                return open_bundle(_only(folders)[1])
            if is_shipped(reference):
                return starter_bundle()
        if name and _is_folder(name):
            return open_bundle(Path(name))
        raise self._not_found(name)

    def versions(self) -> list[StoredVersion]:
        """Every version in the store, by name, then version; damaged ones are logged, not listed.

        The shipped model is not among them.
        """
        found = []
        for key, folder in version_folders(self.folder).items():
            try:
                found.append(stored_version(key, folder))
            except (SatseekError, OSError) as error:  # one that is removed meanwhile, too
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
            DamagedData: a file is missing, or the card's version is not that of the files; or the
                version is there, but damaged.
            InvalidName: the card's name cannot be a folder's.
            DiskFull: there is no room.
        """
        if not self._staging.owns(staged):
            with self.staging() as copy:
                copy_bundle(staged, copy)
                return self.add(copy)
        with durable.room_named(self.folder):
            card = seal(staged)
            kept = self._moved_in(staged, card)
            if kept is None:
                return open_bundle(self.folder / card.name / card.version)
            check_kept(kept, offered=staged)
            return open_bundle(kept)

    def activate(self, ref: str, *, force: bool = False) -> Activation:
        """Make a version the one in use, after reading every byte of it.

        Args:
            ref: ``NAME@VERSION``, ``NAME`` where it has one version, or ``starter``, which is
                checked before it is shipped and needs no report.
            force: Take a version without a passing report, too; that is logged and remembered.

        Raises:
            GateNotPassed: its report is missing, another's, or did not pass: says which checks.
            DamagedData: its bytes are not what was stored, whatever is forced.
            ModelNotFound, InvalidRequest: as in ``find``.
        """
        key, folder = self._stored_or_shipped(ref)
        problems = problems_of(folder)
        if problems:
            raise DamagedData(f"{ref}: not activated, {len(problems)} problems: {problems[0]}")
        override = gate_override(key[0], open_bundle(folder), force=force)
        entry = here_and_now(key, "activate", forced=bool(override), note=override)
        if override:
            logger.warning("activated in spite of its gate: who=%s why=%s", entry.who, override)
        with self._staging.writing():
            open_bundle(folder)  # it may have been removed in the meantime
            history = read_history(self._history)
            now = standing(history)
            if now and now[-1].ref == entry.ref:
                return now[-1]
            self._remember([*history, entry])
        return entry

    def rollback(self) -> Activation:
        """Go back to the version in use before; again goes further back, to ``starter`` at last.

        Versions that were removed or damaged are skipped; the note says which. Only sizes are
        compared, so that it takes no time.

        Raises:
            Conflict: there is nothing to go back to.
        """
        with self._staging.writing():
            history = read_history(self._history)
            now = standing(history)
            skipped = []
            for key in earlier(now):
                try:
                    bundle = open_bundle(self._stored_or_shipped(ref_of(key))[1])
                    check_sizes(bundle)
                except SatseekError as error:
                    skipped.append(f"skipped {ref_of(key)}: {error}")
                    continue
                now_there = (key[0], bundle.card.version)  # the shipped model may be a newer one
                entry = here_and_now(now_there, "rollback", note="; ".join(skipped))
                self._remember([*history, entry])
                return entry
        reasons = "".join(f"; {one}" for one in skipped)
        used = now[-1].ref if now else f"{STARTER}, as none was activated"
        raise Conflict(f"nothing to go back to from {used}{reasons}")

    def active(self) -> Activation | None:
        """What is in use; None: none was ever activated, so that it is ``starter``.

        Raises:
            DamagedData: the history is not readable.
        """
        now = standing(self.history())
        return now[-1] if now else None

    def in_use(self) -> Bundle:
        """Open the model in use.

        Raises:
            ModelNotFound, DamagedData: it is gone or damaged; says how to choose another.
        """
        active = self.active()
        try:
            return self.find(active.ref if active else STARTER)
        except (ModelNotFound, DamagedData) as error:
            raise type(error)(
                f"{error}; it is the active model: `satseek model rollback` takes the one before"
            ) from error

    def history(self) -> tuple[Activation, ...]:
        """Every activation and rollback, oldest first."""
        return read_history(self._history)

    def state_token(self) -> tuple[int, int, int]:
        """Something that changes whenever another model comes into use; costs one ``stat``."""
        try:
            found = self._history.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def remove(
        self, ref: str, *, in_use: Mapping[str, Sequence[str]] | None = None, force: bool = False
    ) -> str:
        """Take a version away, in one step.

        Args:
            ref: ``NAME@VERSION``, or ``NAME`` where it has one version.
            in_use: Who needs it, such as collections, by ``name@version`` as on the card.
            force: Remove what is needed, too; never the version that is active.

        Returns:
            ``NAME@VERSION``, written out.

        Raises:
            Conflict: it is active, or needed and not forced.
            ModelNotFound, InvalidRequest: as in ``find``.
        """
        waste = self._staging.waste()
        with self._staging.writing():
            key, folder = self._stored(ref)
            written, active = ref_of(key), self.active()
            if active is not None and active.ref == written:
                raise Conflict(f"{written}: is active; activate another or roll back first")
            users = (in_use or {}).get(name_on_card(folder) or written, ())
            if users and not force:
                raise Conflict(
                    f"{written}: is needed by {', '.join(users)}; end that first, or say --force"
                )
            move_out(folder, waste)
            if folder.parent != self.folder:
                with suppress(OSError):  # not the name's last version
                    folder.parent.rmdir()
        discard(waste)
        return written

    def verify(self, ref: str | None = None) -> list[str]:
        """Read every byte back and compare it with manifest, card and report; empty: all sound.

        Args:
            ref: One model; None: the shipped one, all stored ones and the history.
        """
        if ref is not None:
            return problems_of(self._stored_or_shipped(ref)[1])
        problems = problems_of(starter_bundle().folder)
        for key, folder in version_folders(self.folder).items():
            problems += problems_of(folder)
            if folder.name == key[1] and name_on_card(folder) != ref_of(key):
                problems.append(f"{folder}: holds {name_on_card(folder) or 'no readable card'}")
        try:
            self.in_use()
        except SatseekError as error:
            problems.append(str(error))
        return problems

    def export_bundle(self, ref: str, file: Path, *, progress: Progress | None = None) -> Carried:
        """Write a version to one file, with its digest beside it in ``FILE.sha256``.

        Args:
            ref: As in ``find``.
            file: Replaced where it is there.
            progress: Told bytes done and in all.

        Raises:
            DamagedData: the version is not what was stored.
            DiskFull, FolderNotFound: there is no room, or no such folder.
        """
        bundle = self.find(ref)
        card = bundle.card
        manifest = read_manifest(bundle.folder) or take_manifest(bundle.folder, model=card.ref)
        there = with_own_report(manifest, bundle.folder)
        return write_carried(bundle.folder, there, file, progress=progress)

    def import_bundle(self, file: Path, *, progress: Progress | None = None) -> Bundle:
        """Store the version that ``export_bundle`` wrote, once every byte of it is known.

        Raises:
            ModelNotFound: there is no such file.
            DamagedData: it is truncated, changed, or none of ours; the store is as before.
            DiskFull: there is no room.
        """
        with self.staging() as folder:
            manifest = read_carried(file, folder, progress=progress)
            card = open_bundle(folder).card
            if manifest.model != card.ref:
                raise DamagedData(f"{file}: expected {manifest.model}, found {card.name}")
            return self.add(folder)

    @property
    def _history(self) -> Path:
        return self.folder / HISTORY

    def _remember(self, history: Sequence[Activation]) -> None:
        """Write the history; called by the only writer, who sweeps what a killed one left."""
        write_history(history, self._history, by_way_of=self._staging.folder / HISTORY)

    def _moved_in(self, staged: Path, card: ModelCard) -> Path | None:
        """Make a sealed folder a version, in one step; return the one that is there, if any."""
        target = self.folder / card.name / card.version
        with self._staging.writing():
            there = version_folders(self.folder).get((card.name, card.version))
            if there is None:
                target.parent.mkdir(exist_ok=True)
                sync(self.folder)
                staged.replace(target)
                sync(target.parent)
        return there

    def _activated_last(self, folders: Mapping[Key, Path]) -> dict[Key, Path]:
        """The one of several versions that was activated last and not rolled back, if any."""
        for entry in reversed(standing(self.history())):
            key = (entry.name, entry.version)
            if key in folders:
                return {key: folders[key]}
        return {}

    def _stored(self, ref: str) -> tuple[Key, Path]:
        """The one version in the store that a text means.

        Raises:
            ModelNotFound, InvalidRequest: there is none, or several.
        """
        reference = parse_reference(ref)
        folders = fitting(reference, self.folder) if reference else {}
        if not folders:
            raise self._not_found(ref, expected="one of")
        return _only(folders)

    def _stored_or_shipped(self, ref: str) -> tuple[Key, Path]:
        """Name, version and folder of what may be activated."""
        reference = parse_reference(ref)
        if reference and not fitting(reference, self.folder) and is_shipped(reference):
            shipped = starter_bundle()
            return (STARTER, shipped.card.version), shipped.folder
        return self._stored(ref)

    def _not_found(self, name: str, *, expected: str = "a path or one of") -> ModelNotFound:
        there = ", ".join([STARTER, *(ref_of(key) for key in version_folders(self.folder))])
        return ModelNotFound(
            f"{name[:200]}: expected {expected}: {there} (models are kept in {self.folder})"
        )


def find_bundle(name: str, *, store: Path) -> Bundle:
    """Find a model as ``ModelStore.find`` does, in the store's folder."""
    return ModelStore(store).find(name)


def _only(folders: Mapping[Key, Path]) -> tuple[Key, Path]:
    if len(folders) > 1:
        raise InvalidRequest(f"several versions, choose one: {', '.join(map(ref_of, folders))}")
    return next(iter(folders.items()))


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # longer than any path
        return False
