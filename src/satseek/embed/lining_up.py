"""Turns rows of many callers into batches: a bounded line, in an order that is fair.

Does not know what rows are, nor who computes them. Not safe to share between threads: its owner
locks it.
"""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import Abandoned, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.embed.patience import Patience
    from satseek.types import Features


@dataclass(slots=True, eq=False, kw_only=True)
class Ticket:
    """What one caller waits for."""

    rows: NDArray[Any]
    """What is to be computed, at least one row."""
    patience: Patience
    """How long the caller waits."""
    since: float = field(default_factory=time.monotonic)
    """When it came."""
    taken: int = 0
    """Rows that are in batches, or were."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set once all rows are computed, or never will be."""
    _parts: dict[int, Features] = field(default_factory=dict)
    _computed: int = 0
    _error: BaseException | None = None

    @property
    def left(self) -> int:
        """Rows that are in no batch yet."""
        return len(self.rows) - self.taken

    def deliver(self, start: int, features: Features) -> None:
        """Take the features of the rows from ``start`` on."""
        self._parts[start] = features
        self._computed += len(features)
        if self._computed == len(self.rows):
            self.over.set()

    def fail(self, error: BaseException) -> None:
        """End it; what is over stays as it is."""
        if not self.over.is_set():
            self._error = error
            self.over.set()

    def features(self) -> Features:
        """Features of all rows, in their order; raises what it failed with."""
        if self._error is not None:
            raise _own(self._error) from self._error
        parts = [self._parts[start] for start in sorted(self._parts)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one ticket in a batch."""

    ticket: Ticket
    """Whose."""
    start: int
    """The first one's place among the ticket's rows."""
    count: int
    """How many."""

    @property
    def rows(self) -> NDArray[Any]:
        """The rows themselves."""
        return self.ticket.rows[self.start : self.start + self.count]


class Line:
    """Tickets that wait, those who came first in front."""

    def __init__(self, most_rows: int) -> None:
        """Be empty; no more than ``most_rows`` rows wait, unless one ticket alone has more."""
        self.most_rows = most_rows
        self.rows = 0
        """Rows that wait."""
        self._tickets: list[Ticket] = []

    def __len__(self) -> int:
        """Tickets that wait."""
        return len(self._tickets)

    @property
    def since(self) -> float:
        """When the ticket that waits longest came; the line must not be empty."""
        return min(ticket.since for ticket in self._tickets)

    def has_room(self, rows: int) -> bool:
        """Tell whether so many more rows may wait."""
        return not self.rows or self.rows + rows <= self.most_rows

    def join(self, ticket: Ticket) -> None:
        """Stand at the end."""
        self._tickets.append(ticket)
        self.rows += ticket.left

    def leave(self, ticket: Ticket) -> None:
        """Go, wherever it stands; who does not stand in line may go, too."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            self.rows -= ticket.left

    def take(self, most: int) -> list[Part]:
        """Take the next batch of at most so many rows; empty where nobody waits any more.

        Whoever fits into one batch comes whole, in the order of arrival. Who has more rows gets a
        share of each batch, and then stands at the end again: others never wait for all of it. What
        is left of the batch is filled in order.
        """
        self._send_away()
        counts = self._shared_out(most)
        return [self._taken(one, count, large=one.left > most) for one, count in counts.items()]

    def _shared_out(self, most: int) -> dict[Ticket, int]:
        """Say how many rows of each ticket go into the next batch, in its order."""
        share = max(1, most // max(1, len(self._tickets)))
        counts: dict[Ticket, int] = {}
        room = most
        for longest in (share, most):
            for ticket in self._tickets:
                had = counts.get(ticket, 0)
                wanted = ticket.left - had if ticket.left <= most else longest - had
                count = min(room, wanted, ticket.left - had)
                if count:
                    counts[ticket] = had + count
                    room -= count
        return counts

    def _taken(self, ticket: Ticket, count: int, *, large: bool) -> Part:
        part = Part(ticket=ticket, start=ticket.taken, count=count)
        ticket.taken += count
        self.rows -= count
        if large or not ticket.left:
            self._tickets.remove(ticket)
        if large and ticket.left:
            self._tickets.append(ticket)
        return part

    def _send_away(self) -> None:
        """Fail those whom nobody waits for, before they cost anything."""
        for ticket in tuple(self._tickets):
            try:
                ticket.patience.check()
            except (Abandoned, DeadlineExceeded) as error:
                self.leave(ticket)
                ticket.fail(error)


def rows_of(batch: Sequence[Part]) -> NDArray[Any]:
    """All rows of a batch, one after the other; copied only where several tickets share it."""
    return batch[0].rows if len(batch) == 1 else np.concatenate([part.rows for part in batch])


def _own(error: BaseException) -> BaseException:
    """Copy an error that several threads raise: each adds its own traceback."""
    try:
        return copy.copy(error).with_traceback(None)
    except Exception:  # noqa: BLE001 - whatever the constructor of a runtime's error wants
        return error
