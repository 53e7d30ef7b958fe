from __future__ import annotations

import numpy as np
import pytest

from satseek.embed.caching import VectorCache

VECTOR = np.ones(4, dtype=np.float32)


def test_a_vector_put_is_found_by_both_halves_of_its_key() -> None:
    cache = VectorCache(2)
    cache.put(("v1", "river"), VECTOR)
    assert np.array_equal(VECTOR, cache.get(("v1", "river")))
    assert cache.get(("v2", "river")) is None


def test_the_one_unused_longest_goes_first() -> None:
    cache = VectorCache(2)
    for text in "ab":
        cache.put(("v", text), VECTOR)
    cache.get(("v", "a"))
    cache.put(("v", "c"), VECTOR)
    assert [cache.get(("v", text)) is not None for text in "abc"] == [True, False, True]
    assert len(cache) == 2


def test_what_is_kept_cannot_be_changed() -> None:
    cache = VectorCache(1)
    given = VECTOR.copy()
    kept = cache.put(("v", "a"), given)
    given[:] = 0
    assert VECTOR.tolist() == kept.tolist()
    with pytest.raises(ValueError, match="read-only"):
        kept[:] = 0
