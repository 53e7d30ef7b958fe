from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satseek.errors import DamagedData
from satseek.index.halves import check_units, from_halves, to_halves, unit
from satseek.index.ranking import Shortlist, best, exact_cosines, padded, scan


def units(seed: int, n: int, dim: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def no_names(_rows: np.ndarray) -> list[str]:
    raise AssertionError("names are asked only where cosines are equal")


def test_every_finite_half_is_widened_exactly() -> None:
    halves = np.arange(65_536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].reshape(-1, 64)
    widened = from_halves(finite)
    assert widened.dtype == np.float32
    assert np.array_equal(widened.view(np.uint32), finite.astype(np.float32).view(np.uint32))


def test_units_come_back_at_length_one() -> None:
    vectors = units(0, 50, 96)
    back = unit(from_halves(to_halves(vectors)), source="here")
    assert np.linalg.norm(back, axis=1) == pytest.approx(np.ones(50), abs=1e-7)
    assert (back * vectors).sum(axis=1) == pytest.approx(np.ones(50), abs=1e-6)


@pytest.mark.parametrize("factor", [0.0, 0.9, 1.1, 1e4])
def test_stored_vectors_of_another_length_are_damage(factor: float) -> None:
    stored = units(0, 3, 8)
    stored[1] *= np.float32(factor)
    with pytest.raises(DamagedData, match=r"^here: "):
        check_units(stored, source="here")


def test_the_same_vector_has_the_same_cosine_wherever_it_lies() -> None:
    vectors = np.repeat(units(1, 1, 100), 3_001, axis=0)
    assert len(np.unique(exact_cosines(units(2, 1, 100)[0], vectors))) == 1


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 99), n=st.integers(0, 300), k=st.integers(1, 40), at_once=st.integers(1, 90)
)
def test_a_scan_loses_none_of_the_best(seed: int, n: int, k: int, at_once: int) -> None:
    vectors = from_halves(to_halves(units(seed, n, 8)))
    queries = units(seed + 1, 3, 8)
    rows = np.arange(n, dtype=np.int64)
    blocks = ((rows[at : at + at_once], vectors[at : at + at_once]) for at in range(0, n, at_once))
    for query, found in zip(queries, scan(queries, blocks, k), strict=True):
        cosines = exact_cosines(query, vectors)
        expected = set(np.argsort(-cosines, kind="stable")[:k].tolist())
        kept = best(found, cosines[found], k=k, names=lambda rows: [f"{row:05d}" for row in rows])
        assert expected == set(kept[0].tolist())


def test_a_shortlist_forgets_what_cannot_win() -> None:
    shortlist = Shortlist(2)
    for start in range(0, 1_000, 100):
        rows = np.arange(start, start + 100)
        shortlist.offer(rows, np.linspace(-1, 0.9, 100, dtype=np.float32))
    assert shortlist.rows.size < 100


def test_best_asks_for_names_only_where_cosines_are_equal() -> None:
    rows = np.array([5, 6, 7])
    found, cosines = best(rows, np.array([0.1, 0.3, 0.2], np.float32), k=2, names=no_names)
    assert found.tolist() == [6, 7]
    assert cosines.tolist() == pytest.approx([0.3, 0.2])


def test_best_cuts_ties_by_name() -> None:
    names = {5: "c", 6: "a", 7: "b"}
    same = np.full(3, 0.5, np.float32)
    found, _ = best(np.array([5, 6, 7]), same, k=2, names=lambda rows: [names[row] for row in rows])
    assert found.tolist() == [6, 7]


def test_short_answers_are_padded() -> None:
    rows, cosines = padded([(np.array([3]), np.array([0.5], np.float32))], 2)
    assert rows.tolist() == [[3, -1]]
    assert cosines.tolist() == [[0.5, -np.inf]]
