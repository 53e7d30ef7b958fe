"""Runs → folders of the data folder, each whole or not at all, and back.

Does not know what a run is of. The latest run of a name is kept, and replaced in one step: who
reads meanwhile finds the former one or the new one.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import Conflict, InvalidName, NotFound
from satseek.index.checks import check_name
from satseek.model.durable import make_folder, replace_text, room_named
from satseek.model.locking import locked
from satseek.monitor.holding import held
from satseek.monitor.runs.drafting import ARRAYS, FILES, TABLES, Outcome, drafted
from satseek.monitor.runs.run import RESERVED, run_of, run_text
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.monitor.runs.drafting import Row
    from satseek.monitor.runs.run import KeptFile, KeptRun, RunKind

FOLDER = "runs"
"""Of the room's folder."""

FACTS = "run.json"
"""Of a run's folder: what names the folder that is in force; it appears last."""

LEFT_SECONDS = 86_400
"""A draft that is older was left behind by a process that was killed."""

_DRAFT, _WHOLE = "draft-", "run-"


class Runs:
    """The runs of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; nothing is made before something is kept."""
        self.folder = folder / FOLDER

    def check_free(self, kind: RunKind, name: str, collection: str) -> None:
        """Refuse a name that a run of another collection has, whose findings go by it.

        Raises:
            InvalidName: no run may be called so.
            Conflict: one of another collection is.
        """
        check_name(name, "run")
        if name in RESERVED[kind]:
            raise InvalidName(f"run name: {name!r} is none; choose another one")
        try:
            former = self.get(kind, name)
        except NotFound:
            return
        if former.collection != collection:
            raise Conflict(f"a run of another collection is called {name!r}; choose another name")

    @contextmanager
    def held(self, kind: RunKind, name: str) -> Iterator[None]:
        """Have a name to oneself: of two runs of it the one that ends last is the newer one.

        Raises:
            InvalidName: no run may be called so.
            CollectionLocked: another process runs it at this moment; a job waits for it.
        """
        with held(self.folder.parent, kind, name):
            yield

    def keep(self, outcome: Outcome, files: Path, names: Iterable[str]) -> KeptRun:
        """Keep a run in place of the former one of its name.

        Args:
            outcome: What it found.
            files: Folder of what it left.
            names: Of the files in it that are kept as well; ``/`` parts folders.

        Raises:
            InvalidName, Conflict: as ``check_free``.
            DiskFull: there is no room; the former run stays.
        """
        self.check_free(outcome.kind, outcome.name, outcome.collection)
        place, stamp = self.folder / outcome.kind / outcome.name, secrets.token_hex(6)
        with room_named(self.folder.parent):
            make_folder(place)
            draft = place / f"{_DRAFT}{stamp}"
            try:
                run = drafted(outcome, files, names, draft, stamp=stamp)
                with locked(place / ".lock"):
                    draft.rename(place / f"{_WHOLE}{stamp}")
                    sync(place)
                    replace_text(place / FACTS, run_text(run), by_way_of=place / f".{stamp}")
                    _sweep(place, keep=stamp)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return run

    def all(self, kind: RunKind) -> list[KeptRun]:
        """Give the runs of a kind, by name."""
        try:
            names = sorted(one.name for one in (self.folder / kind).iterdir() if one.is_dir())
        except FileNotFoundError:
            return []
        found = (self._read(kind, name) for name in names)
        return [run for run in found if run is not None]

    def get(self, kind: RunKind, name: str) -> KeptRun:
        """Give the latest run of a name.

        Raises:
            NotFound: there is none.
        """
        check_name(name, "run")
        run = self._read(kind, name)
        if run is None:
            raise NotFound(f"no run {name[:64]!r} is kept")
        return run

    def remove(self, run: KeptRun) -> None:
        """Forget a run; findings of its name stay.

        Raises:
            NotFound: it has gone meanwhile.
        """
        place = self.folder / run.kind / run.name
        self.get(run.kind, run.name)
        with locked(place / ".lock"):
            (place / FACTS).unlink(missing_ok=True)
            sync(place)
            _sweep(place, keep="")

    def rows(
        self,
        run: KeptRun,
        table: str,
        *,
        after: int = 0,
        limit: int = 100,
        passes: Callable[[Row], bool] = lambda _: True,
    ) -> tuple[list[Row], int | None]:
        """Read some rows of a table.

        Args:
            run: Whose.
            table: Its name.
            after: Where to go on, as it was given before; 0: at the beginning.
            limit: At most so many.
            passes: Which of them.

        Returns:
            Rows, and where to go on; None: there are no more.

        Raises:
            NotFound: the run has no such table, or was made again meanwhile.
        """
        found: list[Row] = []
        try:
            with (self._of(run) / TABLES / f"{table}.jsonl").open("rb") as file:
                file.seek(after)
                while line := file.readline():
                    row = json.loads(line)
                    if not passes(row):
                        continue
                    if len(found) == limit:
                        return found, file.tell() - len(line)
                    found.append(row)
        except FileNotFoundError as error:
            raise self._gone(run, table) from error
        return found, None

    def array(self, run: KeptRun, name: str) -> NDArray[np.uint8]:
        """Lend a raster that a run left, read as it is used; raises NotFound."""
        try:
            path = self._of(run) / ARRAYS / f"{name}.npy"
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except FileNotFoundError as error:
            raise self._gone(run, name) from error

    def path_of(self, run: KeptRun, name: str) -> tuple[KeptFile, Path]:
        """Find a file that a run left.

        Raises:
            NotFound: it left none of that name, or was made again meanwhile.
        """
        for one in run.files:
            path = self._of(run) / FILES / one.name
            if one.name == name and path.is_file():
                return one, path
        raise self._gone(run, name)

    def _read(self, kind: RunKind, name: str) -> KeptRun | None:
        try:
            return run_of((self.folder / kind / name / FACTS).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _of(self, run: KeptRun) -> Path:
        return self.folder / run.kind / run.name / f"{_WHOLE}{run.stamp}"

    def _gone(self, run: KeptRun, name: str) -> NotFound:
        there = ", ".join(one.name for one in run.files[:20]) or "none"
        return NotFound(f"run {run.name} left no {name[:100]!r}; its files: {there}")


def _sweep(place: Path, *, keep: str) -> None:
    """Clear away former runs, and drafts of processes that were killed."""
    oldest = time.time() - LEFT_SECONDS
    for one in place.iterdir():
        former = one.name.startswith(_WHOLE) and one.name != f"{_WHOLE}{keep}"
        try:
            left = one.name.startswith(_DRAFT) and one.stat().st_mtime < oldest
        except FileNotFoundError:
            continue
        if former or left:
            shutil.rmtree(one, ignore_errors=True)
