"""The number of the layout that jobs have in a real Redis."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redisserving import KEEPS, needs_redis, running_redis

from satseek.errors import FormatTooNew
from satseek.jobs.rqueue.connecting import connect
from satseek.jobs.rqueue.queue import RqQueue
from satseek.jobs.rqueue.steps import LAYOUT

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
