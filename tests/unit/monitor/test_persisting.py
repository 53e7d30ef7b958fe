"""n of the last m dates that saw a cell: clouds neither confirm nor deny."""

from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.monitor.change.persisting import persist


def _dates(text: str) -> tuple[np.ndarray, np.ndarray]:
    """One cell: ``x`` marked, ``-`` not, ``?`` not seen."""
    marked = np.array([[letter == "x"] for letter in text])
    return marked, np.array([[letter != "?"] for letter in text])


@pytest.mark.parametrize(
    ("text", "confirmed", "first", "count"),
    [
        ("x", ".", -1, 0),
        ("xx", ".C", 0, 2),
        ("x-x", "..C", 0, 2),
        ("x--x", "....", -1, 0),
        ("x??x", "...C", 0, 2),
        ("x?-?x", "....C", 0, 2),
        ("x?-?-x", "......", -1, 0),
        ("-x-xx-", "...CC.", 1, 3),
        ("xx---xx", ".C....C", 0, 4),
        ("x----xx", "......C", 5, 2),
        ("????", "....", -1, 0),
    ],
)
def test_two_of_the_last_three(text: str, confirmed: str, first: int, count: int) -> None:
    marked, seen = _dates(text)
    found = persist(marked, seen, n=2, m=3)
    assert confirmed == "".join("C" if one else "." for one in found.confirmed[:, 0])
    assert (first, count) == (found.first[0], found.counts[0])


def test_one_of_one_confirms_at_once() -> None:
    marked, seen = _dates("-x-x")
    found = persist(marked, seen, n=1, m=1)
    assert [False, True, False, True] == found.confirmed[:, 0].tolist()
    assert (1, 2) == (found.first[0], found.counts[0])


def test_a_mark_where_nothing_was_seen_is_none() -> None:
    marked, seen = np.ones((4, 1), dtype=bool), np.array([[True], [False], [True], [False]])
    found = persist(marked, seen, n=2, m=3)
    assert [False, False, True, False] == found.confirmed[:, 0].tolist()
    assert (0, 2) == (found.first[0], found.counts[0])


def test_cells_do_not_mix() -> None:
    marked = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 0]], dtype=bool)
    found = persist(marked, np.ones_like(marked), n=2, m=2)
    assert [0, 1, -1, -1] == found.first.tolist()
    assert [2, 2, 0, 0] == found.counts.tolist()
    assert [(1, 0), (2, 1)] == [tuple(at) for at in np.argwhere(found.confirmed).tolist()]


def test_no_dates_and_no_cells_give_nothing() -> None:
    for shape in ((0, 3), (3, 0)):
        found = persist(np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool))
        assert (shape, [-1] * shape[1]) == (found.confirmed.shape, found.first.tolist())


@pytest.mark.parametrize(("n", "m"), [(0, 3), (4, 3), (-1, -1)])
def test_n_of_m_that_cannot_be_is_refused(n: int, m: int) -> None:
    marked = np.zeros((2, 2), dtype=bool)
    with pytest.raises(InvalidRequest, match="1 <= n <= m"):
        persist(marked, marked, n=n, m=m)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="dates, cells"):
        persist(np.zeros((2, 2), dtype=bool), np.zeros((2, 3), dtype=bool))
