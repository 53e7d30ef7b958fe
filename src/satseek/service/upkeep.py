"""A data folder, its queue and this machine → what an operator has to look after, as of now.

Does not know in which format it is read. Counted at most once in a few seconds, whoever asks; what
cannot be read has no figure, and takes none of the others with it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from satseek.backup.rules import NOTE
from satseek.errors import SatseekError
from satseek.jobs.overdue import late_schedules, late_watches
from satseek.jobs.queues import state_of
from satseek.service import machine
from satseek.service.access.expiring import expires
from satseek.service.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from satseek.jobs.overdue import Overdue
    from satseek.jobs.protocol import JobQueue
    from satseek.monitor.delivery.rows import Backlog
    from satseek.monitor.findings.finding import State
    from satseek.service.monitor.stores import Stores
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_SECONDS = 10.0
"""How long what was counted is told again: scrapes come every 15 s or more seldom, but several
Prometheus may ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSeen:
    """What the file says of backups."""

    finished: datetime | None = None
    """When the latest one ended, UTC; None: not said."""
    completed: datetime | None = None
    """When the latest one ended that is whole, UTC; None: not said."""
    failed: bool = False
    """Whether the latest one is not whole."""
    added_bytes: int | None = None
    """What the latest one took; None: not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What there is to look after."""

    queue_up: bool | None = None
    """Whether the queue's Redis answers; None: the queue is a file."""
    attended: bool | None = None
    """Whether any worker takes jobs; None: not to be had."""
    job_wait_s: float | None = None
    """Longest wait of a job whose turn it is; None: not to be had."""
    schedules: tuple[Overdue, ...] = ()
    """How late each schedule is."""
    watches: tuple[Overdue, ...] = ()
    """How late each watch is that has its hours."""
    findings: Mapping[State, int] = field(default_factory=dict)
    """Findings by state."""
    undecided_since: datetime | None = None
    """Since when the oldest finding has waited for a decision; None: none waits."""
    backlog: Backlog | None = None
    """Alerts that have not arrived; None: not to be had."""
    backup: BackupSeen | None = None
    """What is known of backups; None: nothing."""
    certificate_expires: datetime | None = None
    """When the certificate does; None: the server speaks HTTP."""
    machine: Machine = field(default_factory=Machine)
    """Memory, disks and GPUs."""
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When this was counted, UTC."""


class Upkeeping:
    """Looks after one data folder; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        jobs: JobQueue,
        stores: Stores | None,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        """Count nothing yet.

        Args:
            settings: Of this process.
            jobs: Its queue.
            stores: Its findings and watches; None: somebody else tells of the folder and the queue,
                and this tells of the machine alone.
            fresh_seconds: How long what was counted is told again.
        """
        self._settings, self._jobs, self._stores = settings, jobs, stores
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._counted: Upkeep | None = None
        self._at = 0.0
        self._said: set[str] = set()

    def take(self) -> Upkeep:
        """Give what there is to look after; of two who ask at once the second waits."""
        with self._lock:
            if self._counted is None or time.monotonic() - self._at >= self._fresh_seconds:
                self._counted = self._count(datetime.now(UTC))
                self._at = time.monotonic()
            return self._counted

    def _count(self, now: datetime) -> Upkeep:
        settings, jobs = self._settings, self._jobs
        state = state_of(jobs)
        cert = settings.tls_cert_file
        seen = Upkeep(
            queue_up=None if state is None else state == "up",
            certificate_expires=None if cert is None else self._of("tls", lambda: expires(cert)),
            machine=machine.look(settings.data_dir),
            moment=now,
        )
        if self._stores is None:
            return seen
        stores = self._stores
        away = state is not None and state != "up"  # one wait for what is away is enough
        schedules = () if away else tuple(self._of("schedules", jobs.schedules) or ())
        watches = lambda: tuple(late_watches(schedules, stores.watches.last_run, now))  # noqa: E731
        return replace(
            seen,
            attended=None if away else self._of("workers", jobs.is_attended),
            job_wait_s=None if away else self._of("jobs", jobs.wait_seconds),
            schedules=tuple(late_schedules(schedules, now)),
            watches=self._of("watches", watches) or (),
            findings=self._of("findings", stores.findings.counts) or {},
            undecided_since=self._of("findings", stores.findings.oldest_undecided),
            backlog=self._of("alerts", lambda: stores.outbox.backlog(now=now.timestamp())),
            backup=self._of("backup", lambda: read_backup(settings.data_dir)),
        )

    def _of(self, what: str, count: Callable[[], T]) -> T | None:
        """Count something; None where that cannot be, which is logged once until it can again."""
        try:
            found = count()
        except (SatseekError, OSError) as error:
            if what not in self._said:
                logger.warning("no figures of %s: %s", what, error)
            self._said.add(what)
            return None
        self._said.discard(what)
        return found


def read_backup(data_dir: Path) -> BackupSeen | None:
    """Read what came of the latest backup; None: none was made, or nobody can tell."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        told = json.loads((data_dir / NOTE).read_text(encoding="utf-8"))
        finished, whole = _moment(told.get("finished")), told.get("outcome") == "complete"
        added = told.get("bytes_added")
        return BackupSeen(
            finished=finished,
            completed=finished if whole else _moment(told.get("completed")),
            failed=not whole,
            added_bytes=None if added is None else int(added),
        )
    return None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
