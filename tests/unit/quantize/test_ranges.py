from __future__ import annotations

import numpy as np
import pytest

from satseek.quantize.ranges import METHODS, Histogram, Method
from satseek.quantize.rounding import Range


def _told(*parts: np.ndarray) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(part.astype(np.float32).reshape(-1, 1))
    return histogram


def _error(values: np.ndarray, chosen: Range) -> float:
    step, zero = chosen.step()
    whole = np.clip(np.rint(values / step) + zero, 0, 255)
    return float((((whole - zero) * step - values) ** 2).mean())


def test_minmax_is_what_was_seen() -> None:
    assert _told(np.array([-2.0, 3.0]), np.array([5.0])).range("minmax") == Range(low=-2, high=5)


def test_a_span_that_grows_forgets_nothing() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=4000)
    grown = _told(values / 50, values)
    assert grown._counts.sum() == 8000
    middle = grown.range("99.9")
    expected = np.quantile(np.concatenate([values / 50, values]), [0.0005, 0.9995])
    assert [middle.low, middle.high] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("method", ["99.9", "99.99"])
def test_percentiles_leave_an_outlier_out(method: Method) -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    values[0] = 50
    chosen = _told(values).range(method)
    assert -1 <= chosen.low <= -0.97
    assert 0.97 <= chosen.high <= 1.1


def test_least_error_beats_the_full_range_where_there_are_outliers() -> None:
    values = np.random.default_rng(0).normal(size=2_000_000)
    values[0] = 20
    errors = {method: _error(values, _told(values).range(method)) for method in METHODS}
    assert errors["mse"] <= min(errors.values()) * 1.05
    assert errors["mse"] < errors["minmax"] / 2


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stays_inside_what_was_seen(method: Method) -> None:
    chosen = _told(np.random.default_rng(0).normal(3, 1, 1000)).range(method)
    seen = _told(np.random.default_rng(0).normal(3, 1, 1000)).range("minmax")
    assert chosen.high <= seen.high
    assert min(chosen.low, 0) >= min(seen.low, 0)


def test_peaks_are_kept_by_channel() -> None:
    histogram = Histogram()
    histogram.add(np.array([[[1.0, -4.0], [2.0, 0.5]]], np.float32))
    histogram.add(np.array([[[-3.0, 1.0]]], np.float32))
    assert histogram.peaks is not None
    assert [3.0, 4.0] == histogram.peaks.tolist()
    assert 3 == histogram.rows


def test_a_tensor_of_zeros_has_a_range() -> None:
    chosen = _told(np.zeros(10)).range("mse")
    step, zero = chosen.step()
    assert (step > 0, int(zero)) == (True, 0)
