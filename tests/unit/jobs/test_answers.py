"""What is kept of writes that may come twice."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from satseek.errors import IdempotencyConflict, InvalidRequest, SatseekError
from satseek.jobs import answers as kept_answers
from satseek.jobs.answers import BEGUN_SECONDS, KEEP_SECONDS, Answers, Kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWER = Kept(status=202, media_type="application/json", body=b'{"id": 1}', location="/v1/jobs/1")


class Clock:
    """Time that tests move."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Callable[[], Answers]:
    return lambda: Answers(tmp_path / "answers.sqlite", clock=clock)


def test_an_answer_outlives_its_process(opened: Callable[[], Answers]) -> None:
    first = opened()
    assert first.begin("ada", "k", "f") is None
    first.keep("ada", "k", ANSWER)
    assert ANSWER == opened().begin("ada", "k", "f")
    assert opened().begin("bob", "k", "f") is None


def test_another_request_is_told_apart(opened: Callable[[], Answers]) -> None:
    answers = opened()
    answers.begin("ada", "k", "f")
    with pytest.raises(InvalidRequest, match="another request"):
        answers.begin("ada", "k", "g")
    with pytest.raises(IdempotencyConflict):
        answers.begin("ada", "k", "f")


def test_what_was_refused_is_forgotten(opened: Callable[[], Answers]) -> None:
    answers = opened()
    answers.begin("ada", "k", "f")
    answers.forget("ada", "k")
    assert answers.begin("ada", "k", "g") is None
    answers.keep("ada", "k", ANSWER)
    answers.forget("ada", "k")  # only what has no answer
    assert ANSWER == answers.begin("ada", "k", "g")


def test_one_begun_by_a_process_that_died_may_be_done_again(
    opened: Callable[[], Answers], clock: Clock
) -> None:
    dead = opened()
    dead.begin("ada", "k", "f")
    clock.now += BEGUN_SECONDS - 1
    with pytest.raises(IdempotencyConflict):
        opened().begin("ada", "k", "f")
    clock.now += 2
    with pytest.raises(IdempotencyConflict):
        dead.begin("ada", "k", "f")  # its own is certain to end
    assert opened().begin("ada", "k", "f") is None
    dead.keep("ada", "k", ANSWER)  # came back late: the answer is the other's to give
    with pytest.raises(IdempotencyConflict):
        opened().begin("ada", "k", "f")


def test_answers_are_kept_for_a_day(opened: Callable[[], Answers], clock: Clock) -> None:
    answers = opened()
    answers.begin("ada", "k", "f")
    answers.keep("ada", "k", ANSWER)
    clock.now += KEEP_SECONDS + 1
    assert answers.begin("ada", "k", "g") is None


def test_no_more_than_so_many_are_kept(
    opened: Callable[[], Answers], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "MAX_KEPT", 3)
    answers = opened()
    for at in range(6):
        clock.now += 1
        answers.begin("ada", f"k{at}", "f")
        answers.keep("ada", f"k{at}", ANSWER)
    assert answers.begin("ada", "k0", "f") is None
    assert ANSWER == answers.begin("ada", "k5", "f")


def test_an_answer_that_cannot_be_kept_keeps_nobody_out(
    opened: Callable[[], Answers], tmp_path: Path
) -> None:
    answers = opened()
    answers.begin("ada", "k", "f")
    with sqlite3.connect(tmp_path / "answers.sqlite") as db:
        db.execute("ALTER TABLE answers RENAME TO away")
    with pytest.raises(SatseekError):
        answers.keep("ada", "k", ANSWER)
    with sqlite3.connect(tmp_path / "answers.sqlite") as db:
        db.execute("ALTER TABLE away RENAME TO answers")
    assert answers.begin("ada", "k", "f") is None
    with pytest.raises(IdempotencyConflict):
        answers.begin("ada", "k", "f")
