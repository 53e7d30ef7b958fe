"""How long somebody waits, and who is told once nobody does."""

from __future__ import annotations

import threading
import time

import anyio
import pytest
from anyio import to_thread

from satseek.embed.patience import Patience, current_patience, waiting
from satseek.errors import Abandoned, DeadlineExceeded


def test_nobody_hurries_outside_of_a_request() -> None:
    assert current_patience().left() is None
    current_patience().check()


def test_time_runs_out() -> None:
    patience = Patience(0.3)
    patience.check()
    left = patience.left()
    assert left is not None
    assert 0 < left <= 0.3
    time.sleep(left)
    assert patience.left() == 0
    with pytest.raises(DeadlineExceeded):
        patience.check()


def test_giving_up_tells_everybody_once() -> None:
    patience, told = Patience(), []
    patience.on_give_up(lambda: told.append("first"))
    forget = patience.on_give_up(lambda: told.append("never"))
    forget()
    forget()
    assert not patience.given_up
    patience.give_up()
    patience.give_up()
    patience.on_give_up(lambda: told.append("late"))
    assert ["first", "late"] == told
    with pytest.raises(Abandoned):
        patience.check()


def test_a_patience_follows_work_into_its_thread() -> None:
    async def asked() -> tuple[Patience, Patience, Patience]:
        with waiting(Patience(5)) as patience:
            found = await to_thread.run_sync(current_patience)
        return patience, found, current_patience()

    opened, found, after = anyio.run(asked)
    assert opened is found
    assert after.deadline is None


def test_two_requests_at_once_have_their_own() -> None:
    seen: list[bool] = []
    both = threading.Barrier(2)

    def ask() -> None:
        with waiting(Patience(5)) as patience:
            both.wait(5)
            seen.append(current_patience() is patience)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [True, True] == seen
