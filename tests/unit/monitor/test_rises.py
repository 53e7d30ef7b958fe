"""How much nearer cells have come to a concept, as ``bench/monitoring/pairs.py`` measures it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from madeground import cell_at, collected, make_land, seen_on, square

from satseek.errors import ModelMismatch
from satseek.monitor.change.pairing import pair_up
from satseek.monitor.change.series import read_series
from satseek.monitor.change.shift import FEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index.pinned import Pinned
    from satseek.monitor.change.pairing import Pairs

SCRIPT = Path(__file__).parents[3] / "bench" / "monitoring" / "rises.py"
DAYS = ("2024-06-02", "2024-07-02")


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("bench_rises", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_cells_that_came_nearer_to_a_concept_rise(bench: Any, tmp_path: Path) -> None:
    land = make_land(400, changed=40, light=0.3)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index)
        rises = bench.rise_towards(index, pairs, land.centres)
        with pytest.raises(ModelMismatch):
            bench.rise_towards(index, pairs, land.centres[:, :-1])
    assert (4, 400) == rises.steps.shape == rises.percentiles.shape
    cosines = land.after @ land.centres.T - land.before @ land.centres.T
    for cover in range(4):
        told = _by_square(pairs, rises.percentiles[cover])
        became = land.changed & ((land.covers + 1) % 4 == cover)
        left = land.changed & (land.covers == cover)
        assert told[became].min() > 99
        assert told[left].max() < 5
        steps = _by_square(pairs, rises.steps[cover])
        assert cosines[:, cover] == pytest.approx(steps, abs=2e-3)
        assert abs(np.median(_by_square(pairs, rises.deviations[cover])[~land.changed])) < 0.2


def test_nothing_rises_where_nothing_changed(bench: Any, tmp_path: Path) -> None:
    land = make_land(100)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        rises = bench.rise_towards(index, _pairs(index), land.centres)
    assert 50 == pytest.approx(rises.percentiles.max(), abs=1)


def test_too_few_cells_tell_no_rise(bench: Any, tmp_path: Path) -> None:
    land = make_land(FEWEST - 1, light=0.5)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        rises = bench.rise_towards(index, _pairs(index), land.centres[:1])
    assert np.isnan(rises.percentiles).all()
    assert (rises.steps == 0).all()


def _pairs(index: Pinned) -> Pairs:
    return pair_up(index, *read_series(index).occasions)


def _by_square(pairs: Pairs, values: np.ndarray) -> np.ndarray:
    """Bring values from the order of names into that of ``madeground.square``."""
    places = {cell: at for at, cell in enumerate(pairs.cells)}
    return values[[places[cell_at(*place)] for place in square(len(pairs))]]
