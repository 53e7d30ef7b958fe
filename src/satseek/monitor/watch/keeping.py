"""Watches, the scenes that they have looked at, and what was answered → the room's database.

Does not know how a watch is run. What was acknowledged is on the disk, whoever else writes.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import Conflict, WatchNotFound
from satseek.monitor.delivery.rows import OUTBOX
from satseek.monitor.delivery.telling import subscribe
from satseek.monitor.holding import held
from satseek.monitor.tables import opened
from satseek.monitor.watch.rows import (
    PART,
    all_standing,
    all_watches,
    answer_of,
    forget,
    newest_row,
    stand,
)
from satseek.monitor.watch.texts import watch_of, watch_text
from satseek.monitor.watch.watch import check_chips, check_watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.index.storing import Database
    from satseek.monitor.watch.rows import Answer, Standing, Verdict
    from satseek.monitor.watch.watch import Watch


_TOLD = 20
"""So many names are told of watches that there are."""


def find_watch(name: str, among: Sequence[Watch], *, of: str = "") -> Watch:
    """Find a watch among those that somebody may know of, and tell of no others.

    Args:
        name: Its name.
        among: Which there are.
        of: What they are, told with what is not among them: ``" of collection 'a'"``.

    Raises:
        WatchNotFound: it is not among them; names those that are.
    """
    for one in among:
        if one.name == name:
            return one
    told = ", ".join(one.name for one in among[:_TOLD]) or "none yet"
    raise WatchNotFound(f"no watch {name[:80]!r}{of}; there are: {told}")


class Watches:
    """The watches of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; nothing is opened before it is used."""
        self.folder = folder
        self._store = opened(folder, OUTBOX, PART)

    def save(self, watch: Watch, *, who: str = "", paused: bool = False) -> Watch:
        """Keep a watch as the next version under its name; give it with version and date.

        One that is so already stays the version that it is.

        Args:
            watch: What it is to be.
            who: Who sets it up, so that its hours are theirs; empty: its hours stay as they are.
            paused: Whether its hours wait to be resumed, where somebody sets it up.

        Raises:
            InvalidName, InvalidRequest, InvalidFilter: it cannot be.
            Conflict: there is one of that name, of another collection.
            DiskFull: there is no room; nothing was saved.
        """
        checked = check_watch(watch)
        with self._store.transaction() as db:
            if who:
                stand(db, checked.name, who=who, paused=paused, now=datetime.now(UTC))
            row = newest_row(db, checked.name)
            version = 0 if row is None else int(row["version"])
            if row is not None and not row["removed"]:
                former = watch_of(row["body"])
                if former.collection != checked.collection:
                    raise Conflict(
                        f"watch {checked.name} is of collection {former.collection!r}, and its "
                        f"findings are; give the watch of {checked.collection!r} another name"
                    )
                if former == replace(checked, version=version, created=former.created):
                    return former
            saved = replace(checked, version=version + 1, created=datetime.now(UTC))
            values = (saved.name, saved.version, watch_text(saved))
            db.execute("INSERT INTO watches VALUES (?, ?, 0, ?)", values)
            subscribe(db, "watch", saved.name, saved.deliver)
        return saved

    def get(self, name: str) -> Watch:
        """Give the newest version of a watch.

        Raises:
            WatchNotFound: there is none of that name; names those that there are.
        """
        with self._reading() as db:
            row = None if db is None else newest_row(db, name)
            if row is not None and not row["removed"]:
                return watch_of(row["body"])
            there = [] if db is None else [one.name for one in all_watches(db)]
        told = ", ".join(there) or "none yet: add one with `satseek watch add FILE`"
        raise WatchNotFound(f"no watch {name[:80]!r}; there are: {told}")

    def list(self) -> list[Watch]:
        """Give the newest version of every watch, by name."""
        with self._reading() as db:
            return [] if db is None else all_watches(db)

    def stand(self, name: str, *, who: str, paused: bool) -> None:
        """Write down whether a watch's hours wait; raises WatchNotFound."""
        self.get(name)
        with self._store.transaction() as db:
            stand(db, name, who=who, paused=paused, now=datetime.now(UTC))

    def standing(self) -> dict[str, Standing]:
        """Give what was written so of each watch; nothing of those of which nobody said it."""
        with self._reading() as db:
            return {} if db is None else all_standing(db)

    def settle(self, name: str, standing: Standing) -> None:
        """Write down that the queue was told, if nobody has said otherwise meanwhile."""
        text = "UPDATE watches_standing SET settled = 1 WHERE watch = ? AND at = ?"
        with self._store.transaction() as db:
            db.execute(text, (name, standing.at))

    def remove(self, name: str) -> None:
        """Forget a watch, what it has looked at and been told; its findings stay.

        Raises:
            WatchNotFound: there is none of that name.
        """
        self.get(name)  # says which there are
        with self._store.transaction() as db:
            row = newest_row(db, name)
            if row is not None and not row["removed"]:
                db.execute("INSERT INTO watches VALUES (?, ?, 1, '')", (name, row["version"] + 1))
            forget(db, name)
            subscribe(db, "watch", name, ())

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Have a watch to oneself: no other process runs it meanwhile.

        The tables of watches are there from then on, for `rows.mark`.

        Raises:
            CollectionLocked: another does at this moment; a job waits for it.
        """
        with held(self.folder, "watch", name):
            with self._store.reading():
                pass
            yield

    def looked_at(self, name: str) -> dict[str, str]:
        """Give the scenes that a watch has looked at, and the digest of each as it was then."""
        text = "SELECT scene, digest FROM watches_scenes WHERE watch = ?"
        with self._reading() as db:
            rows = [] if db is None else db.execute(text, (name,)).fetchall()
        return {row["scene"]: row["digest"] for row in rows}

    def sightings(self, name: str) -> dict[str, set[str]]:
        """Give the days on which each finding of a watch was seen, by the finding's id."""
        text = "SELECT finding, day FROM watches_sightings WHERE watch = ?"
        found: dict[str, set[str]] = {}
        with self._reading() as db:
            for row in [] if db is None else db.execute(text, (name,)).fetchall():
                found.setdefault(row["finding"], set()).add(row["day"])
        return found

    def answer(self, name: str, chips: Iterable[str], verdict: Verdict, *, who: str) -> None:
        """Write down what somebody says of chips; what was said of them before is forgotten.

        Raises:
            WatchNotFound: there is no such watch.
            InvalidRequest: none is named as ``COLLECTION/CHIP``.
        """
        given = check_chips(chips)
        self.get(name)
        at = datetime.now(UTC).isoformat()
        with self._store.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO watches_answers VALUES (?, ?, ?, ?, ?)",
                [(name, chip, verdict, who, at) for chip in given],
            )

    def answers(self, name: str) -> tuple[Answer, ...]:
        """Give what was said of chips, in the order of saying."""
        text = "SELECT * FROM watches_answers WHERE watch = ? ORDER BY at, chip"
        with self._reading() as db:
            rows = [] if db is None else db.execute(text, (name,)).fetchall()
        return tuple(answer_of(row) for row in rows)

    def runs(self, name: str, *, limit: int = 20) -> tuple[Mapping[str, Any], ...]:
        """Give what the latest runs did, the newest first, as `write_run` was told."""
        text = "SELECT at, body FROM watches_runs WHERE watch = ? ORDER BY number DESC LIMIT ?"
        with self._reading() as db:
            rows = [] if db is None else db.execute(text, (name, limit)).fetchall()
        return tuple({"at": row["at"], **json.loads(row["body"])} for row in rows)

    def last_run(self, name: str) -> datetime | None:
        """Say when a watch was run last, to its end or until it was killed, UTC; None: never."""
        text = "SELECT at FROM watches_runs WHERE watch = ? ORDER BY number DESC LIMIT 1"
        with self._reading() as db:
            row = None if db is None else db.execute(text, (name,)).fetchone()
        return None if row is None else datetime.fromisoformat(row["at"])

    def look_again(self, name: str) -> None:
        """Have the next run look at all dates again: sites that are known stay what they are.

        Raises:
            WatchNotFound: there is no such watch.
        """
        self.get(name)
        with self._store.transaction() as db:
            db.execute("DELETE FROM watches_scenes WHERE watch = ?", (name,))

    def close(self) -> None:
        """Close the database; it opens again when used."""
        self._store.close()

    @contextmanager
    def _reading(self) -> Iterator[Database | None]:
        """Lend the database; None where nothing was kept yet: who only looks makes no file."""
        if not self._store.path.is_file():
            yield None
            return
        with self._store.reading() as db:
            yield db
