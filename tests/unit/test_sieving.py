"""Which of a ranking are kept: one of each group, none too much like a better one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satseek.sieving import Sieve, deeper


def test_only_the_best_of_each_group_passes_over_all_parts() -> None:
    sieve = Sieve(duplicate_cosine=None)
    assert [True, True, False, True] == sieve.passing(["a", "b", "a", "c"], None).tolist()
    assert [False, True, True, True] == sieve.passing(["b", "d", None, None], None).tolist()


def test_equal_vectors_are_alike_at_a_bound_of_one_whatever_their_rounding() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(50, 768)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sieve = Sieve(duplicate_cosine=1.0)
    assert sieve.passing([None] * 50, vectors).all()
    assert not sieve.passing([None] * 50, vectors[::-1].copy()).any()


def test_a_chip_that_was_left_out_leaves_none_out() -> None:
    angles = np.radians([0, 10, 20])  # each like its neighbour only
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    sieve = Sieve(duplicate_cosine=float(np.cos(np.radians(15))))
    assert [True, False, True] == sieve.passing([None] * 3, vectors).tolist()
    sieve = Sieve(duplicate_cosine=float(np.cos(np.radians(15))))
    assert [True, False] == sieve.passing([None] * 2, vectors[:2]).tolist()
    assert [True] == sieve.passing([None], vectors[2:]).tolist()


@given(
    groups=st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=40),
    cut=st.integers(0, 40),
    bound=st.sampled_from([None, 0.2, 0.7, 0.95]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_parts_pass_as_the_whole_does(
    groups: list[str | None], cut: int, bound: float | None
) -> None:
    vectors = np.random.default_rng(len(groups)).normal(size=(len(groups), 3)).astype(np.float32)
    own = None if bound is None else vectors
    whole, parted = Sieve(duplicate_cosine=bound), Sieve(duplicate_cosine=bound)
    found = [
        parted.passing(groups[part], None if own is None else own[part])
        for part in (slice(cut), slice(cut, None))
    ]
    assert whole.passing(groups, own).tolist() == np.concatenate(found).tolist()


@pytest.mark.parametrize(
    ("depth", "kept", "expected"), [(40, 8, 160), (40, 1, 600), (40, 0, 600), (9000, 5, 10_000)]
)
def test_the_next_round_looks_as_deep_as_should_suffice(
    depth: int, kept: int, expected: int
) -> None:
    assert expected == deeper(depth, kept=kept, wanted=10, most=10_000)
