"""The number of the layout that jobs have in a real Redis."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from redisserving import KEEPS, needs_redis, running_redis

from satseek.errors import Conflict, FormatTooNew
from satseek.jobs.rqueue.connecting import connect
from satseek.jobs.rqueue.queue import RqQueue
from satseek.jobs.rqueue.steps import LAYOUT
from satseek.settings import Settings
from satseek.upgrade.lowering import downgrade, planned
from satseek.upgrade.releases import release_named

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_redis

KEY = "satseek:jobs:layout"


def test_a_queue_is_numbered_and_refused_where_the_number_is_newer(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis", *KEEPS) as server:
        client = connect(server.url)
        with closing(RqQueue(server.url)) as queue:
            queue.submit("verify", {}, collection="county", asked_by="me")
        assert LAYOUT == int(client.get(KEY))
        client.set(KEY, LAYOUT + 1)
        with closing(RqQueue(server.url)) as queue:
            with pytest.raises(FormatTooNew, match="the queue's Redis: written by a newer satseek"):
                queue.submit("verify", {}, collection="county", asked_by="me")
            with pytest.raises(FormatTooNew):
                queue.examined()
            assert 1 == queue.counts()["queued"]
        client.delete(KEY)  # as a queue that 0.1.0 began
        with closing(RqQueue(server.url)) as queue:
            queue.submit("verify", {}, collection="county", asked_by="me")
            assert 2 == queue.counts()["queued"]
        client.connection_pool.disconnect()


def test_jobs_in_redis_that_a_former_release_does_not_know_go_only_if_told_to(
    tmp_path: Path,
) -> None:
    former = release_named("0.1.0")
    with running_redis(tmp_path / "redis", *KEEPS) as server:
        settings = Settings(data_dir=tmp_path, queue_url=SecretStr(server.url))
        with closing(RqQueue(server.url)) as queue:
            queue.submit("verify", {}, collection="county", asked_by="me")
            queue.submit("watch", {"watch": "mines"}, collection="county", asked_by="me")
            (line,) = planned(settings, former).losses.told()
            assert line.endswith("(watch county) is cancelled")
            with pytest.raises(Conflict, match="--drop goes on without"):
                downgrade(settings, former, drop=False, on_begin=lambda: None)
            queue.attend("somebody")
            with pytest.raises(Conflict, match="a worker takes the queue's jobs"):
                downgrade(settings, former, drop=True, on_begin=lambda: None)
            connect(server.url).delete("satseek:jobs:attended")
            downgrade(settings, former, drop=True, on_begin=lambda: None)
            assert {"watch": "cancelled", "verify": "queued"} == {
                one.task: one.state for one in queue.jobs()
            }
