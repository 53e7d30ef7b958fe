"""What an operator has to look after → figures that Prometheus reads.

Does not know how it was counted. What there is no figure of is left out, never shown as nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from satseek.service.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from satseek.jobs.overdue import Overdue
    from satseek.service.machine import Machine
    from satseek.service.upkeep import BackupSeen


class UpkeepFigures(Collector):
    """Shows what was counted last."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._seen = Upkeep()
        self._sees: Callable[[str], bool] = lambda _: True

    def show(self, seen: Upkeep, *, sees: Callable[[str], bool]) -> None:
        """Show this from now on, to somebody who sees some collections."""
        self._seen, self._sees = seen, sees

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the figures that there are."""
        return (one for one in self._all() if one.samples)

    def _all(self) -> Iterator[GaugeMetricFamily]:
        seen = self._seen
        yield from _machine(seen.machine)
        yield _one(
            "certificate_expires_timestamp_seconds",
            "When the certificate that the server shows expires.",
            _stamp(seen.certificate_expires),
        )
        yield _one(
            "job_wait_seconds",
            "Longest wait of a job whose turn it is; 0: none waits.",
            seen.job_wait_s,
        )
        yield _one("queue_attended", "1 while any worker takes jobs.", seen.attended)
        yield _each(
            "schedule_overdue_seconds",
            "Since a schedule should have asked for its job and has not; 0: it is in time.",
            "schedule",
            self._late(seen.schedules),
        )
        yield _each(
            "watch_overdue_seconds",
            "Since a watch should have been run by its hours and was not; 0: it is in time.",
            "watch",
            self._late(seen.watches),
        )
        yield from _findings(seen)
        yield from _letters(seen)
        yield from _backup(seen.backup)

    def _late(self, late: Iterable[Overdue]) -> dict[str, float]:
        return {
            one.name: one.seconds
            for one in late
            if not one.collection or self._sees(one.collection)
        }


def _findings(seen: Upkeep) -> Iterator[GaugeMetricFamily]:
    yield _each("findings", "Findings by state.", "state", seen.findings)
    since, known = seen.undecided_since, bool(seen.findings)
    waits = 0.0 if since is None else max(0.0, (seen.moment - since).total_seconds())
    yield _one(
        "finding_wait_seconds",
        "How long the oldest finding has waited for a decision; 0: none waits.",
        waits if known else None,
    )


def _letters(seen: Upkeep) -> Iterator[GaugeMetricFamily]:
    backlog = seen.backlog
    if backlog is None:
        return
    ages = {
        channel: max(0.0, (seen.moment - line.since).total_seconds())
        for channel, line in backlog.waiting.items()
    }
    lines = {channel: line.letters for channel, line in backlog.waiting.items()}
    yield _each("letters_waiting", "Letters about alerts that wait.", "channel", lines)
    yield _each(
        "letter_wait_seconds",
        "How long the first of a channel's letters has been tried, or waited.",
        "channel",
        ages,
    )
    yield _one("letters_dead", "Letters about alerts that were given up.", backlog.dead)
    yield _each(
        "channel_resting",
        "1 for a channel that fails again and again and is left alone for a while.",
        "channel",
        dict.fromkeys(sorted(backlog.resting), 1),
    )


def _backup(backup: BackupSeen | None) -> Iterator[GaugeMetricFamily]:
    if backup is None:
        return
    yield _one(
        "backup_finished_timestamp_seconds",
        "When the latest backup ended, whatever came of it.",
        _stamp(backup.finished),
    )
    yield _one(
        "backup_completed_timestamp_seconds",
        "When the latest backup ended that is whole.",
        _stamp(backup.completed),
    )
    yield _one("backup_failed", "1 where the latest backup is not whole.", backup.failed)
    yield _one("backup_added_bytes", "What the latest backup took.", backup.added_bytes)


def _machine(machine: Machine) -> Iterator[GaugeMetricFamily]:
    memory, disks, gpus = machine.memory, machine.disks, machine.gpus
    yield _one(
        "memory_limit_bytes",
        "Memory of the container where it is limited, else of the machine.",
        None if memory is None else memory.bytes,
    )
    yield _one(
        "memory_used_bytes",
        "Of that, what is taken and cannot be let go of at once.",
        None if memory is None else memory.used_bytes,
    )
    yield _each(
        "disk_bytes",
        "Size of the file system of the data folder, and of folders of it on others.",
        "folder",
        {name: room.bytes for name, room in disks.items()},
    )
    yield _each(
        "disk_free_bytes",
        "Of that, what may still be written.",
        "folder",
        {name: room.bytes - room.used_bytes for name, room in disks.items()},
    )
    yield _each(
        "gpu_memory_bytes",
        "Memory of a GPU.",
        "gpu",
        {name: room.bytes for name, room in gpus.items()},
    )
    yield _each(
        "gpu_memory_used_bytes",
        "Of that, what is taken, by anybody.",
        "gpu",
        {name: room.used_bytes for name, room in gpus.items()},
    )


def _one(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"satseek_{name}", text)
    if value is not None:
        family.add_metric((), float(value))
    return family


def _each(name: str, text: str, label: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"satseek_{name}", text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), float(value))
    return family


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
