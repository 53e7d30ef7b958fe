"""Turns rows that many threads want computed into few calls of one tower.

Does not know which tower it is, but by name. One thread at a time owns the line; callers wait in
their own threads, for as long as their patience lasts.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from satseek.embed.lining_up import Ticket, rows_of
from satseek.embed.patience import current_patience
from satseek.errors import Abandoned, DamagedData, DeadlineExceeded, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from satseek.embed.lining_up import Line, Part
    from satseek.embed.pacing import Pace
    from satseek.types import Features

TowerName: TypeAlias = Literal["image", "text"]

COMPANY = 1.5
"""Callers in a batch, on average of the last ones, from which on company is waited for."""

FORGET = 0.25
"""How much the last batch counts in that average."""

LONGEST_RETRY_S = 60
"""Nobody is sent away for longer."""

_ABANDONED = "the client went away before its answer was computed"
_LATE = "the answer was not ready within the time of the request; ask again, or for less at once"


class BatchObserver(Protocol):
    """Who is told what happens; called by many threads, and must not block."""

    def on_batch(self, tower: TowerName, rows: int, waited_s: float, engine_s: float) -> None:
        """``rows`` were computed in one call; the first of them had waited so long for it."""

    def on_queue(self, tower: TowerName, rows: int) -> None:
        """So many rows wait now."""


class Unobserved:
    """Nobody is told."""

    def on_batch(self, tower: TowerName, rows: int, waited_s: float, engine_s: float) -> None:
        """Forget it."""

    def on_queue(self, tower: TowerName, rows: int) -> None:
        """Forget it."""


class SharedTower:
    """One tower, its line, and the threads that take from it: one at a time owns the line."""

    def __init__(
        self,
        name: TowerName,
        call: Callable[[Any], Features],
        line: Line,
        pace: Pace,
        *,
        delay_s: float,
        lanes: int,
        observer: BatchObserver,
    ) -> None:
        self._name = name
        self._call = call
        self._line = line
        self._pace = pace
        self._delay_s = delay_s
        self._observer = observer
        self._changed = threading.Condition()  # guards line, pace and what follows
        self._owning = threading.Lock()
        self._running = 0
        self._together = 1.0
        self._closed = False
        self._lanes = lanes
        self._threads: list[threading.Thread] = []

    def features(self, rows: NDArray[Any]) -> Features:
        """Wait in line, in the thread of whoever asks."""
        patience = current_patience()
        patience.check()
        ticket = Ticket(rows=rows, patience=patience)
        self._join(ticket)
        forget = patience.on_give_up(lambda: self._leave(ticket, Abandoned(_ABANDONED)))
        try:
            ticket.over.wait(patience.left())
        finally:
            forget()
            if not ticket.over.is_set():
                self._leave(ticket, DeadlineExceeded(_LATE))
        return ticket.features()

    def waiting(self) -> int:
        """Rows in line."""
        with self._changed:
            return self._line.rows

    def wait_s(self) -> float:
        """Foretell how long the rows in line take."""
        with self._changed:
            return self._pace.seconds(self._line.rows)

    def refusal(self, rows: int) -> Overloaded | None:
        """What so many more rows would be refused with now; None: they would be taken."""
        with self._changed:
            if self._closed:
                return Overloaded("this model is being put away; try again soon")
            if self._line.has_room(rows):
                return None
            refusal = Overloaded(
                f"{self._line.rows} {self._name}s wait for the model already, "
                f"{self._line.most_rows} may; try again soon"
            )
            seconds = math.ceil(self._pace.seconds(self._line.rows))
            refusal.retry_after_s = min(max(seconds, 1), LONGEST_RETRY_S)
            return refusal

    def stop(self) -> None:
        """Take nothing more; threads end once the line is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for the threads to end, until ``deadline`` on the monotonic clock at most."""
        with self._changed:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _join(self, ticket: Ticket) -> None:
        with self._changed:
            refusal = self.refusal(ticket.left)
            if refusal is not None:
                raise refusal
            if not self._threads:  # before anybody stands in line: there may be no thread left
                self._start()
            self._line.join(ticket)
            self._line_changed()

    def _leave(self, ticket: Ticket, error: Abandoned | DeadlineExceeded) -> None:
        with self._changed:
            self._line.leave(ticket)
            ticket.fail(error)
            self._line_changed()

    def _line_changed(self) -> None:
        self._observer.on_queue(self._name, self._line.rows)
        self._changed.notify_all()

    def _start(self) -> None:
        for number in range(self._lanes):
            name = f"satseek-{self._name}-{number}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        """Outermost loop of a thread: own the line until there is a batch, then compute it."""
        while self._turn():
            pass

    def _turn(self) -> bool:
        with self._owning:
            batch = self._gathered()
        if not batch:
            return False
        started = time.monotonic()
        rows = sum(part.count for part in batch)
        waited_s = started - min(part.ticket.since for part in batch)
        try:
            features = self._computed(rows_of(batch))
        except BaseException as error:  # noqa: BLE001 - raised again in the callers' threads
            self._fail(batch, error)
        else:
            self._deliver(batch, features, time.monotonic() - started)
        self._observer.on_batch(self._name, rows, waited_s, time.monotonic() - started)
        return True

    def _computed(self, rows: NDArray[Any]) -> Features:
        features = self._call(rows)
        if len(features) != len(rows):
            raise DamagedData(f"expected {len(rows)} rows from the model, came {len(features)}")
        return features

    def _gathered(self) -> list[Part]:
        """Wait for a batch that should be computed now; empty: there will be none any more."""
        with self._changed:
            batch: list[Part] = []
            while not batch and not (self._closed and not len(self._line)):
                if not len(self._line) or (self._running and not self._fills()):
                    self._changed.wait()  # what gathers while the engine runs goes next
                elif not self._running and (delay_s := self._delay()) > 0:
                    self._changed.wait(delay_s)
                else:
                    batch = self._line.take(self._pace.next_rows())
            self._running += bool(batch)
            self._observer.on_queue(self._name, self._line.rows)
        return batch

    def _fills(self) -> bool:
        return self._line.rows >= self._pace.best_rows()

    def _delay(self) -> float:
        """Seconds that company is still worth waiting for: no longer than it saves."""
        if self._closed or self._fills() or len(self._line) >= self._together:
            return 0.0
        if self._together < COMPANY:
            return 0.0
        saved_s = self._pace.saved_s()
        longest_s = self._delay_s if saved_s is None else min(self._delay_s, saved_s)
        return self._line.since + longest_s - time.monotonic()

    def _deliver(self, batch: Sequence[Part], features: Features, seconds: float) -> None:
        with self._changed:
            at = 0
            for part in batch:
                own = features if len(batch) == 1 else features[at : at + part.count].copy()
                part.ticket.deliver(part.start, own)
                at += part.count
            # Calls at once share the machine: what one alone would have taken.
            self._pace.note(at, seconds / self._running)
            self._ended(len(batch))

    def _fail(self, batch: Sequence[Part], error: BaseException) -> None:
        with self._changed:
            for part in batch:
                self._line.leave(part.ticket)
                part.ticket.fail(error)
            self._ended(len(batch))

    def _ended(self, callers: int) -> None:
        self._running -= 1
        self._together += FORGET * (callers - self._together)
        self._changed.notify_all()
