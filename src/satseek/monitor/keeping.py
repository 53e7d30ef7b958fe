"""Findings → a database that loses none, and back, under a filter and page by page.

Does not know who found them nor what people may decide (see `reviewing`). Whatever was said to be
kept is on the disk; many processes may keep and decide at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from satseek.index.storing import Database
    from satseek.monitor.findings import Change, Finding, Kind, State, Step
    from satseek.monitor.tables import Part
    from satseek.types import GeoJSON

Order: TypeAlias = Literal["newest", "urgent"]
"""``newest``: kept last comes first; ``urgent``: the larger urgency comes first, then the older."""


class Listener(Protocol):
    """Whoever wants to know of changes, such as the outbox."""

    def __call__(self, db: Database, changes: Sequence[Change]) -> None:
        """Take changes in, within their transaction: what is written to ``db`` stands with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """Which findings are asked for; what is empty or None asks for nothing."""

    kinds: tuple[Kind, ...] = ()
    """Any of these jobs."""
    sources: tuple[str, ...] = ()
    """Any of these watches, runs or assessments."""
    collections: tuple[str, ...] = ()
    """Any of these collections."""
    states: tuple[State, ...] = ()
    """Any of these states."""
    labels: tuple[str, ...] = ()
    """Any of these labels."""
    flags: tuple[str, ...] = ()
    """All of these flags."""
    assignee: str | None = None
    """Who looks at it; empty: nobody."""
    area: GeoJSON | None = None
    """GeoJSON (Multi)Polygon on WGS 84 that the footprint shares a point with."""
    start: datetime | None = None
    """Seen at or after it."""
    end: datetime | None = None
    """First seen at or before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some findings, and where the next ones begin."""

    findings: tuple[Finding, ...]
    """In the order asked for."""
    next: str
    """Where the next page begins; empty: there is none."""


class Changing:
    """One transaction on the findings, durable as a whole when its block ends, or not at all."""

    db: Database
    """The database, for tables of other parts."""

    def keep(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """See `Findings.keep`."""
        raise NotImplementedError


class Findings:
    """The findings of one data folder; safe to share between threads and processes."""

    def __init__(
        self, folder: Path, *, parts: Sequence[Part] = (), listeners: Sequence[Listener] = ()
    ) -> None:
        """Open nothing yet.

        Args:
            folder: ``<data_dir>/monitor``; made when the first finding is kept.
            parts: Further tables that ``changing`` is used for and listeners need.
            listeners: Told of every change within its transaction, `keep`'s and people's alike.
        """
        raise NotImplementedError

    @contextmanager
    def changing(self) -> Iterator[Changing]:
        """Lend the database for one change of findings and whatever else stands or falls with it.

        Raises:
            Overloaded, DiskFull, DamagedData, SatseekError: as `index.storing.Store.transaction`.
        """
        raise NotImplementedError

    def keep(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """Write down what a source found; what people decided is never touched.

        A finding that is there already, by its id, takes over what its source says of it now, but
        for ``first_seen``, of which the earlier stays. One of which nothing is new stays as it is.
        ``state``, ``assignee``, ``revision`` and both moments are not looked at.

        Returns:
            What changed, in the order given: nothing, where all of it was kept before.

        Raises:
            InvalidRequest: a finding that cannot be; nothing was kept.
        """
        raise NotImplementedError

    def withdraw(self, *, kind: Kind, source: str, found: Iterable[str]) -> tuple[Change, ...]:
        """Flag as withdrawn what a whole run did not find again, unless people decided upon it."""
        raise NotImplementedError

    def get(self, finding_id: str) -> Finding:
        """Give one, also by the first digits of its id.

        Raises:
            FindingNotFound: there is none of that id.
            InvalidRequest: several begin so.
        """
        raise NotImplementedError

    def history(self, finding_id: str) -> tuple[Step, ...]:
        """Give every step of one, the oldest first; raises as ``get``."""
        raise NotImplementedError

    def page(
        self,
        where: FindingFilter | None = None,
        *,
        order: Order = "newest",
        after: str = "",
        limit: int = 100,
    ) -> Page:
        """Give some findings; what is kept meanwhile neither doubles nor hides any of them.

        Args:
            where: Which; None: all.
            order: In which order.
            after: ``next`` of the page before; empty: from the start.
            limit: How many at most, 1 to `MAX_PAGE`.

        Raises:
            InvalidFilter, InvalidRequest: what is asked cannot be.
        """
        raise NotImplementedError

    def all(self, where: FindingFilter | None = None, *, order: Order = "newest") -> Iterator[Finding]:
        """Give all of them, page by page."""
        raise NotImplementedError

    def counts(self, where: FindingFilter | None = None) -> Mapping[State, int]:
        """Count them by state; every state is there."""
        raise NotImplementedError

    def verify(self) -> list[str]:
        """Tell everything that is not as it was written, a line each; empty: all is well."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database; it opens again when used."""
        raise NotImplementedError
