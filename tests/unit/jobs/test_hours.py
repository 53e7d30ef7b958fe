"""A watch's hours: kept with it, told to the queue, and told again by whoever comes after."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from watchmaking import MINES

from satseek.errors import InvalidRequest, WatchNotFound
from satseek.jobs import hours
from satseek.jobs.queues import open_queue
from satseek.jobs.watching import opened_watches
from satseek.monitor.watch.watch import WatchedHours
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.jobs.protocol import JobQueue
    from satseek.monitor.watch.keeping import Watches

    Stores = tuple[Watches, JobQueue]

NIGHTLY = replace(MINES, hours=WatchedHours(cron="30 2 * * *"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def stores(settings: Settings) -> Iterator[Stores]:
    with opened_watches(settings) as watches, closing(open_queue(settings)) as queue:
        yield watches, queue


def asked(queue: JobQueue) -> list[tuple[str, str, str]]:
    return [(one.name, one.cron, one.asked_by) for one in queue.schedules()]


def test_what_is_paused_stays_so_until_it_is_resumed(stores: Stores) -> None:
    watches, queue = stores
    hours.set_up(NIGHTLY, who="ann", watches=watches, queue=queue)
    assert [("watch-mines", "30 2 * * *", "ann")] == asked(queue)
    hours.pause("mines", who="bob", watches=watches, queue=queue)
    later = replace(NIGHTLY, hours=WatchedHours(cron="0 4 * * *"), least_cells=2)
    changed = hours.set_up(later, who="ann", watches=watches, queue=queue)
    assert ({"mines"}, []) == (hours.waiting([changed], watches, queue), asked(queue))
    hours.resume("mines", who="bob", watches=watches, queue=queue)
    assert [("watch-mines", "0 4 * * *", "bob")] == asked(queue)
    hours.set_up(later, who="ann", watches=watches, queue=queue, paused=True)
    assert ({"mines"}, []) == (hours.waiting([changed], watches, queue), asked(queue))
    hours.set_up(later, who="ann", watches=watches, queue=queue, paused=False)
    assert (set(), 1) == (hours.waiting([changed], watches, queue), len(asked(queue)))
    hours.set_up(MINES, who="ann", watches=watches, queue=queue)
    assert [] == asked(queue)
    for turned in (hours.pause, hours.resume):
        with pytest.raises(InvalidRequest, match="no schedule to pause or resume"):
            turned("mines", who="ann", watches=watches, queue=queue)
    with pytest.raises(WatchNotFound):
        hours.pause("others", who="ann", watches=watches, queue=queue)


def test_a_watch_paused_by_a_former_release_stays_so(stores: Stores) -> None:
    """Nothing was written then: that nobody asks by its hours is all there is to tell it."""
    watches, queue = stores
    kept = watches.save(NIGHTLY)
    assert {"mines"} == hours.waiting([kept], watches, queue)
    hours.set_up(replace(NIGHTLY, least_cells=2), who="ann", watches=watches, queue=queue)
    assert ({"mines"}, []) == (hours.waiting([kept], watches, queue), asked(queue))


def test_the_next_worker_tells_what_the_dead_did_not(stores: Stores, settings: Settings) -> None:
    watches, queue = stores
    watches.save(NIGHTLY, who="ann")  # and the process died
    assert set() == hours.waiting([NIGHTLY], watches, queue)
    hours.settle_all(settings, queue)
    assert [("watch-mines", "30 2 * * *", "ann")] == asked(queue)
    watches.stand("mines", who="bob", paused=True)  # likewise
    hours.settle_all(settings, queue)
    assert [] == asked(queue)
    hours.resume("mines", who="ann", watches=watches, queue=queue)
    queue.remove_schedule("watch-mines")  # by hand: that is meant
    hours.settle_all(settings, queue)
    assert ([], {"mines"}) == (asked(queue), hours.waiting([NIGHTLY], watches, queue))


def test_what_is_removed_is_asked_for_no_more_whatever_the_queue_was_told(stores: Stores) -> None:
    watches, queue = stores
    hours.set_up(NIGHTLY, who="ann", watches=watches, queue=queue)
    watches.save(MINES, who="ann")  # without hours, and the process died
    assert 1 == len(asked(queue))
    hours.remove("mines", watches, queue)
    assert ([], []) == (asked(queue), watches.list())
    with pytest.raises(WatchNotFound):
        hours.remove("mines", watches, queue)


def test_a_worker_of_a_folder_without_watches_makes_no_file(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(open_queue(settings)) as queue:
        hours.settle_all(settings, queue)
    assert not (tmp_path / "monitor").exists()
