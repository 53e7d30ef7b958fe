"""A data folder of this release → the same as a former release reads it.

Does not know why somebody goes back. What the former release does not look at stays where it is;
what it would fail at is named before anything is changed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import Conflict
from satseek.formats import unmark_folder
from satseek.index.reading import DATABASE
from satseek.jobs.presence import is_anybody_there
from satseek.jobs.protocol import FINAL
from satseek.jobs.queues import FILE as JOBS
from satseek.jobs.queues import open_queue
from satseek.jobs.working import FOLDER as JOBS_FOLDER
from satseek.upgrade.databases import is_open_elsewhere, write_number
from satseek.upgrade.stores import refuse_newer, stores_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.jobs.protocol import Job, LeasingQueue, Schedule
    from satseek.settings import Settings
    from satseek.upgrade.releases import Release
    from satseek.upgrade.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a former release cannot do, and would fail at."""

    jobs: tuple[Job, ...]
    """Jobs that wait, of tasks that it does not know: they are cancelled."""
    schedules: tuple[Schedule, ...]
    """Schedules of such tasks: they are removed."""

    def told(self) -> list[str]:
        """Say each, on one line."""
        return [
            *(f"job {one.id} ({one.task} {one.collection}) is cancelled" for one in self.jobs),
            *(
                f"schedule {one.name} ({one.cron} {one.timezone}: {one.task}) is removed"
                for one in self.schedules
            ),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """What came of it, or would."""

    changed: tuple[Store, ...]
    """Stores that are written back, as they are before."""
    beside: tuple[Store, ...]
    """Stores that the former release does not look at: they stay as they are."""
    damaged: tuple[str, ...]
    """What is damaged of others, one line each: they stay as they are."""
    losses: Losses
    """What goes."""


def planned(settings: Settings, release: Release) -> Lowered:
    """Find out what going back to a release takes; changes nothing.

    Raises:
        FolderNotFound: there is no data folder.
        FormatTooNew: a later release than this one has written it.
        Conflict: a store has a format that cannot be written back; says what to do.
        ServerUnreachable: the queue's Redis is away.
    """
    data_dir = settings.data_dir
    stores = stores_of(data_dir)
    refuse_newer(stores)
    looked_at = [one for one in stores if one.kind in release.newest]
    for one in looked_at:
        if one.format > release.newest[one.kind]:
            raise Conflict(
                f"{one.path}: its format {one.format} cannot be written back to "
                f"{release.newest[one.kind]}, which {release.version} reads: restore the backup "
                "made before the upgrade"
            )
    return Lowered(
        changed=tuple(one for one in looked_at if one.numbered and one.kind in release.unnumbered),
        beside=tuple(one for one in stores if one.kind not in release.newest),
        damaged=tuple(one.damage for one in stores if one.damage),
        losses=_losses(settings, release),
    )


def downgrade(
    settings: Settings, release: Release, *, drop: bool, on_begin: Callable[[], None]
) -> Lowered:
    """Write a data folder back as a former release wrote it; run again, it goes on.

    Args:
        settings: Of the data folder and the queue.
        release: Which.
        drop: Whether what is lost may be; what the other choice refuses is named by ``planned``.
        on_begin: Called once nothing stands against it, before anything is changed.

    Raises:
        Conflict: something would be lost and may not be, or a server or worker is at work.
        FolderNotFound, FormatTooNew, ServerUnreachable: as ``planned``.
    """
    plan = planned(settings, release)
    refuse_in_use(settings)
    told = plan.losses.told()
    if told and not drop:
        more = f" and {len(told) - 1} more" if told[1:] else ""
        raise Conflict(
            f"{release.version} does not know all that is asked for here: {told[0]}{more}; "
            "--check lists all, --drop goes on without them"
        )
    on_begin()
    if told:
        _drop(settings, plan.losses)
    for one in planned(settings, release).changed:  # what was written down to begin with, too
        if one.path.is_dir():
            unmark_folder(one.path)
        else:
            write_number(one.path, 0)
    return plan


def refuse_in_use(settings: Settings) -> None:
    """Refuse a data folder that a server or a worker of this machine has open.

    Raises:
        Conflict: one has, or a worker of any machine takes the jobs of the queue in Redis.
    """
    data_dir = settings.data_dir
    jobs = data_dir / JOBS_FOLDER
    if is_anybody_there(jobs):
        raise Conflict(f"{data_dir}: a worker is at work here; stop servers and workers first")
    if settings.queue_url is not None:
        with closing(open_queue(settings)) as queue:
            if queue.is_attended():
                raise Conflict(
                    "a worker takes the queue's jobs, or did some seconds ago; stop servers and "
                    "workers first"
                )
    files = [*jobs.glob("*.sqlite"), *(data_dir / "monitor").glob("*.sqlite")]
    files += sorted((data_dir / "collections").glob(f"*/{DATABASE}"))
    for path in files:
        if is_open_elsewhere(path):
            raise Conflict(f"{path}: somebody has it open; stop servers and workers first")


def _losses(settings: Settings, release: Release) -> Losses:
    if settings.queue_url is None and not _queue_file(settings).is_file():
        return Losses(jobs=(), schedules=())
    with closing(open_queue(settings)) as queue:
        jobs = [one for one in queue.jobs() if one.state not in FINAL]
        return Losses(
            jobs=tuple(one for one in jobs if one.task not in release.tasks),
            schedules=tuple(one for one in queue.schedules() if one.task not in release.tasks),
        )


def _drop(settings: Settings, losses: Losses) -> None:
    with closing(open_queue(settings)) as queue:
        _forget(queue, losses)


def _forget(queue: LeasingQueue, losses: Losses) -> None:
    for schedule in losses.schedules:  # first: it may ask for another job
        queue.remove_schedule(schedule.name)
    for job in losses.jobs:
        queue.cancel(job.id)


def _queue_file(settings: Settings) -> Path:
    return settings.data_dir / JOBS_FOLDER / JOBS
