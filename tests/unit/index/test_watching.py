"""Recall as it is seen of real searches."""

from __future__ import annotations

import numpy as np
import pytest

from satseek.index.protocol import Found
from satseek.index.watching import ENOUGH, WINDOW, Asked, RecallWatch, recall_of
from satseek.types import Filter


def asked(number: int = 0, kind: str = "text") -> Asked:
    query = np.full((1, 4), number, dtype=np.float32)
    return Asked(query=query, k=10, where=Filter(), kind=kind)  # type: ignore[arg-type]


def found(rows: list[int], cosines: list[float]) -> Found:
    return Found(
        rows=np.array([rows]), cosines=np.array([cosines], dtype=np.float32), plan="made up"
    )


@pytest.mark.parametrize(
    ("rows", "cosines", "expected"),
    [
        ([1, 2, 3], [0.9, 0.8, 0.7], 1.0),
        ([1, 2, 9], [0.9, 0.8, 0.6], 2 / 3),
        ([1, 2, 9], [0.9, 0.8, 0.7], 1.0),  # an equal cosine is as good
        ([1, -1, -1], [0.9, -np.inf, -np.inf], 1 / 3),
    ],
)
def test_recall_counts_what_is_as_near(
    rows: list[int], cosines: list[float], expected: float
) -> None:
    truth = found([1, 2, 3], [0.9, 0.8, 0.7])
    assert pytest.approx(expected) == recall_of(found(rows, cosines), truth)


def test_nothing_to_find_is_found() -> None:
    nothing = found([-1, -1], [-np.inf, -np.inf])
    assert 1.0 == recall_of(nothing, nothing)


def test_the_mean_is_of_the_newest_and_of_each_kind() -> None:
    watch = RecallWatch()
    for _ in range(WINDOW):
        watch.note(asked(), 0.0)
    for _ in range(WINDOW):
        watch.note(asked(), 1.0)
    watch.note(asked(kind="image"), 0.5)
    seen = watch.watched()
    assert (2 * WINDOW, WINDOW, 1.0) == (
        seen["text"].samples, seen["text"].recent, seen["text"].recall,
    )  # fmt: skip
    assert (1, 0.5) == (seen["image"].samples, seen["image"].recall)
    assert watch.verdict() is None


def test_a_fall_is_told_once_it_is_sure() -> None:
    watch = RecallWatch(promised=0.98)
    for number in range(ENOUGH - 1):
        watch.note(asked(number), 0.7 + 0.1 * (number % 3))
        assert watch.verdict() is None
    watch.note(asked(), 0.8)
    verdict = watch.verdict()
    assert verdict is not None
    assert ("text", 0.98, ENOUGH) == (verdict.kind, verdict.promised, verdict.watched.recent)


def test_chance_is_not_taken_for_a_fall() -> None:
    watch = RecallWatch(promised=0.98)
    for number in range(ENOUGH):
        watch.note(asked(), 0.5 if number == 7 else 1.0)
    assert 0.975 == watch.watched()["text"].recall
    assert watch.verdict() is None


def test_what_was_mended_is_watched_anew_and_its_queries_stay_known() -> None:
    watch = RecallWatch()
    for number in range(30):
        watch.note(asked(number), 0.1)
    watch.begin_anew()
    assert watch.verdict() is None
    assert {} == watch.watched()
    assert list(range(30)) == watch.queries()["text"][:, 0].tolist()
    watch.note(asked(), 1.0)
    assert (31, 1) == (watch.watched()["text"].samples, watch.watched()["text"].recent)
