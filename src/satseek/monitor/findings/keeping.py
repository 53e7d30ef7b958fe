"""Findings → a database that loses none, and back, under a filter and page by page.

Does not know who found them nor what people may decide (see `reviewing`). Whatever was said to be
kept is on the disk; many processes may keep and decide at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from satseek.errors import FindingNotFound, InvalidRequest
from satseek.monitor.findings import pages as keeping_pages
from satseek.monitor.findings import rows as keeping_rows
from satseek.monitor.findings.changes import Changing
from satseek.monitor.findings.checking import check_finding
from satseek.monitor.findings.finding import STATES
from satseek.monitor.findings.pages import MAX_PAGE, FindingFilter, Order, Page, passing
from satseek.monitor.tables import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.index.storing import Database
    from satseek.monitor.findings.finding import Change, Finding, Kind, State, Step
    from satseek.monitor.tables import Part

__all__ = ["Changing", "FindingFilter", "Findings", "Listener", "Order", "Page"]

SHORTEST = 4
"""Digits of an id that name a finding where no other begins so."""


class Listener(Protocol):
    """Whoever wants to know of changes, such as the outbox."""

    def __call__(self, db: Database, changes: Sequence[Change]) -> None:
        """Take changes in, within their transaction: what is written to ``db`` stands with them."""


class Findings:
    """The findings of one data folder; safe to share between threads and processes."""

    def __init__(
        self,
        folder: Path,
        *,
        parts: Sequence[Part] = (),
        listeners: Sequence[Listener] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open nothing yet.

        Args:
            folder: ``<data_dir>/monitor``; made when the first finding is kept.
            parts: Further tables that ``changing`` is used for and listeners need.
            listeners: Told of every change within its transaction, `keep`'s and people's alike.
            clock: What time it is, UTC.
        """
        self.folder = folder
        self._store = opened(folder, keeping_rows.PART, *parts)
        self._listeners, self._clock = tuple(listeners), clock

    @contextmanager
    def changing(self) -> Iterator[Changing]:
        """Lend the database for one change of findings and whatever else stands or falls with it.

        Raises:
            Overloaded, DiskFull, DamagedData, SatseekError: as `index.storing.Store.transaction`.
        """
        with self._store.transaction() as db:
            change = Changing(db, now=self._clock())
            yield change
            if change.made:
                for listener in self._listeners:
                    listener(db, change.made)

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Lend the database as it stands, with the tables of all parts, for reading alone.

        Raises:
            Overloaded, DamagedData, SatseekError: as `index.storing.Store.reading`.
        """
        with self._store.reading() as db:
            yield db

    def keep(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """Write down what a source found; what people decided is never touched.

        A finding that is there already, by its id, takes over what its source says of it now, but
        for ``first_seen``, of which the earlier stays, and pictures of the same chip and ground, of
        which the first stays. One of which nothing is new stays as it is.
        ``state``, ``assignee``, ``revision`` and both moments are not looked at.

        Returns:
            What changed, in the order given: nothing, where all of it was kept before.

        Raises:
            InvalidRequest: a finding that cannot be; nothing was kept.
        """
        given = [check_finding(one) for one in findings]  # others need not wait for that
        with self.changing() as change:
            return change.keep_checked(given)

    def withdraw(self, *, kind: Kind, source: str, found: Iterable[str]) -> tuple[Change, ...]:
        """Flag as withdrawn what a whole run did not find again, unless people decided upon it.

        Args:
            kind: Of the source.
            source: Which ran, over all that it is for.
            found: Ids of all that it found.
        """
        with self.changing() as change:
            return change.withdraw(kind=kind, source=source, found=found)

    def get(self, finding_id: str) -> Finding:
        """Give one, also by the first digits of its id.

        Raises:
            FindingNotFound: there is none of that id.
            InvalidRequest: several begin so.
        """
        if not self.is_there:
            raise FindingNotFound(f"no finding {finding_id[:64]!a}: none was kept yet")
        with self._store.reading() as db:
            return named(db, finding_id)

    def history(self, finding_id: str) -> tuple[Step, ...]:
        """Give every step of one, the oldest first; raises as ``get``."""
        if not self.is_there:
            raise FindingNotFound(f"no finding {finding_id[:64]!a}: none was kept yet")
        with self._store.reading() as db:
            return keeping_rows.steps(db, named(db, finding_id).id)

    def last_deed(self, finding_id: str) -> Step | None:
        """Give the last step of one, by its whole id, that a person took; None: nobody did."""
        if not self.is_there:
            return None
        with self._store.reading() as db:
            return keeping_rows.last_deed(db, finding_id)

    def page(
        self,
        where: FindingFilter | None = None,
        *,
        order: Order = "newest",
        after: str = "",
        limit: int = 100,
    ) -> Page:
        """Give some findings; of the newest, what is kept meanwhile neither doubles nor hides any.

        Args:
            where: Which; None: all.
            order: In which order.
            after: ``next`` of the page before; empty: from the start.
            limit: How many at most, 1 to 1,000.

        Raises:
            InvalidFilter, InvalidRequest: what is asked cannot be.
        """
        asked = passing(where)
        if not self.is_there:
            return Page(findings=(), next="")
        with self._store.reading() as db:
            return keeping_pages.page(db, asked, order=order, after=after, limit=limit)

    def all(
        self, where: FindingFilter | None = None, *, order: Order = "newest"
    ) -> Iterator[Finding]:
        """Give all of them, page by page; raises as ``page``."""
        place = ""
        while True:
            page = self.page(where, order=order, after=place, limit=MAX_PAGE)
            yield from page.findings
            place = page.next
            if not place:
                return

    def counts(self, where: FindingFilter | None = None) -> Mapping[State, int]:
        """Count them by state, every state named; raises as ``page``."""
        asked = passing(where)
        if not self.is_there:
            return dict.fromkeys(STATES, 0)
        with self._store.reading() as db:
            return keeping_pages.counts(db, asked)

    def oldest_undecided(self) -> datetime | None:
        """Say since when the oldest finding has waited for a decision, UTC; None: none waits."""
        if not self.is_there:
            return None
        with self._store.reading() as db:
            return keeping_rows.oldest_undecided(db)

    def verify(self) -> list[str]:
        """Tell everything that is not as it was written, a line each; empty: all is well."""
        from satseek.monitor.findings.verifying import verify  # noqa: PLC0415 (it reads pictures)

        if not self.is_there:
            return []
        with self._store.reading() as db:
            return verify(db, self.folder)

    def close(self) -> None:
        """Close the database; it opens again when used."""
        self._store.close()

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept: who only looks makes no file."""
        return self._store.path.is_file()


def named(db: Database, finding_id: str) -> Finding:
    """Give the finding of an id, or of its first digits; see `Findings.get`."""
    asked = finding_id if finding_id.isascii() else ""
    found = keeping_rows.find(db, asked)
    if found is not None:
        return found
    begins = keeping_rows.beginning(db, asked) if len(asked) >= SHORTEST else ()
    if not begins:
        raise FindingNotFound(f"no finding {finding_id[:64]!a}; `satseek findings list` shows all")
    if len(begins) > 1:
        raise InvalidRequest(f"several findings begin with {finding_id}: {', '.join(begins[:5])}")
    return named(db, begins[0])
