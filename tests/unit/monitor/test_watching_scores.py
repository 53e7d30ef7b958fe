"""Scores of dates are made comparable, neighbours count, and sites are what they were before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from findingmaking import make_finding
from madeground import cell_at

from satseek.monitor.change.outlining import find_touching
from satseek.monitor.change.patches import Patch
from satseek.monitor.watch.holding_out import FOLDS, blocks_of
from satseek.monitor.watch.marks import latest_looks, mark_cells, patches_at, recent_seeds
from satseek.monitor.watch.scores import (
    Scored,
    beside_neighbours,
    looks_at_first,
    wanted_dates,
    without_steps,
)
from satseek.monitor.watch.sites import KnownSites, Site
from satseek.monitor.watch.thresholds import background_cut
from satseek.monitor.watch.watch import SightingRule, Watch, WatchedConcept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.watch.thresholds import Cut

NAN = float("nan")
DAYS = ("2024-05-03", "2024-06-02", "2024-07-04", "2024-08-05")


def truth(*rows: str) -> NDArray[np.bool_]:
    return np.array([[sign == "x" for sign in row] for row in rows])


def test_what_a_date_does_to_all_cells_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    ground = rng.normal(0, 1, 200).astype(np.float32)
    later = ground + 3
    later[:20] += 5  # what happened stays
    found = without_steps(np.stack([ground, later]))
    assert np.allclose(ground, found[0])
    assert np.allclose(0, found[1, 20:] - ground[20:], atol=1e-5)
    assert np.allclose(5, found[1, :20] - ground[:20], atol=1e-5)


def test_few_common_cells_tell_no_step() -> None:
    both = np.array([[1.0] * 29 + [NAN], [4.0] * 30], dtype=np.float32)
    assert np.array_equal(both, without_steps(both), equal_nan=True)


def test_a_cell_first_seen_later_is_compared_from_then_on() -> None:
    first = np.append(np.zeros(40), NAN)
    scores = np.array([first, np.append(np.full(40, 2.0), 7), np.append(np.full(40, 1.0), 6)])
    found = without_steps(scores.astype(np.float32))
    assert [5.0, 5.0] == found[1:, 40].tolist()


def test_neighbours_that_were_seen_count() -> None:
    cells = [cell_at(0, 0), cell_at(1, 0), cell_at(2, 0), cell_at(9, 9)]
    scores = np.array([[4.0, 0, NAN, 8]], dtype=np.float32)
    found = beside_neighbours(scores, find_touching(cells), weight=0.25)
    assert [3.0, 1.0, 8.0] == found[0, [0, 1, 3]].tolist()
    assert np.isnan(found[0, 2])
    assert scores is beside_neighbours(scores, find_touching(cells), weight=0)


def test_the_first_look_shows_the_ground_as_it_was() -> None:
    seen = truth("xx.", "xxx", ".xx", "xxx")
    assert truth("xx.", "..x", "...", "...").tolist() == looks_at_first(seen, DAYS, None).tolist()
    until = looks_at_first(truth("x..", "xx.", "xxx", "xxx"), DAYS, date(2024, 6, 2))
    assert truth("x..", "xx.", "..x", "...").tolist() == until.tolist()


def test_only_dates_that_matter_are_scored() -> None:
    seen = truth("xx", "xx", "xx", ".x", "xx")
    first = truth("xx", "..", "..", "..", "..")
    new = np.array([False, False, False, False, True])
    for of, dates in ((1, [0, 4]), (2, [0, 2, 3, 4]), (3, [0, 1, 2, 3, 4])):
        assert dates == np.flatnonzero(wanted_dates(seen, first, new=new, of=of)).tolist()
    nothing = wanted_dates(seen, first, new=np.zeros(5, dtype=np.bool_), of=3)
    assert [0] == np.flatnonzero(nothing).tolist()


def test_latest_looks_pass_over_dates_that_did_not_see_a_cell() -> None:
    seen = truth("xx", "x.", "xx", "x.")
    looks = {one: counts.tolist() for one, counts in latest_looks(3, seen, of=2)}
    assert {3: [True, False], 2: [True, True], 0: [False, True]} == looks


def watch(**changes: object) -> Watch:
    concept = WatchedConcept(label="mine", prompts=("a mine",))
    return Watch(name="mines", collection="made", concept=concept, **changes)  # type: ignore[arg-type]


def scored(*later: NDArray[np.float32]) -> Scored:
    """A row of 400 cells, of which the first ten look like it from the first day on."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, 400).astype(np.float32)
    first[:10] += 9
    scores = np.stack([first, *(first + rise for rise in later)]).astype(np.float32)
    seen = np.isfinite(scores)
    background = np.zeros(scores.shape, dtype=np.bool_)
    background[0] = True
    return Scored(
        cells=tuple(sorted(cell_at(column, 0) for column in range(400))),
        days=DAYS[: len(scores)],
        rows=np.where(seen, 0, -1),
        own=scores,
        scores=scores,
        background=background,
    )


def cut_of(ground: Scored, quantile: float, grow_quantile: float) -> Cut:
    first = ground.at_first(ground.scores)
    return background_cut(first, own=first, quantile=quantile, grow_quantile=grow_quantile)


def rise(at: slice, by: float, seed: int) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).normal(0, 0.2, 400)
    found[at] += by
    return found.astype(np.float32)


def places(marks: NDArray[np.bool_]) -> list[int]:
    return np.flatnonzero(marks).tolist()


def test_only_what_rose_to_it_is_marked() -> None:
    ground = scored(rise(slice(200, 204), 9, seed=1), rise(slice(200, 204), 9, seed=2))
    cut = cut_of(ground, 0.97, 0.95)
    marked = mark_cells(ground, cut, watch=watch())
    assert [[], [200, 201, 202, 203], [200, 201, 202, 203]] == [places(one) for one in marked.seeds]
    every = mark_cells(ground, cut, watch=watch(existing="alert"))
    assert set(range(10)) <= set(places(every.seeds[0]))


def test_the_same_ground_again_is_quiet() -> None:
    ground = scored(np.zeros(400, dtype=np.float32), rise(slice(0), 0, seed=1))
    cut = cut_of(ground, 0.97, 0.95)
    marked = mark_cells(ground, cut, watch=watch())
    assert [0, 0, 0] == marked.seeds.sum(axis=1).tolist()


def test_what_must_be_seen_twice_is_lasting_from_the_second_time_on() -> None:
    ground = scored(rise(slice(200, 204), 9, seed=1), rise(slice(200, 202), 9, seed=2))
    cut = cut_of(ground, 0.97, 0.95)
    asked = watch(persistence=SightingRule(seen=2, of=2))
    marked = mark_cells(ground, cut, watch=asked)
    assert [[], [], [200, 201]] == [places(one) for one in marked.lasting]
    patches = [patches_at(at, ground, marked, watch=asked, footprints={}) for at in range(3)]
    assert [0, 0, 1] == [len(one) for one in patches]
    assert (200, 201) == tuple(ground.cells.index(cell) for cell in patches[2][0].cells)


def test_a_seed_among_the_latest_looks_does() -> None:
    ground = scored(rise(slice(200, 202), 9, seed=1), rise(slice(200, 202), 2.6, seed=2))
    cut = cut_of(ground, 0.97, 0.9)
    marked = mark_cells(ground, cut, watch=watch())
    for of, found in ((1, []), (2, [200, 201])):
        recent = recent_seeds(2, ground, marked, of=of)
        assert found == [at for at in places(recent) if 195 < at < 205]


def patch(*columns: int) -> Patch:
    cells = tuple(sorted(cell_at(column, 0) for column in columns))
    return Patch(
        cells=cells, places=(), peak=100.0, peak_cell=cells[0], mean=100.0, footprint=None,
        area_ha=1.0,
    )  # fmt: skip


def cells_of(*columns: int) -> tuple[str, ...]:
    return tuple(sorted(cell_at(column, 0) for column in columns))


def test_a_patch_beside_a_site_is_that_site() -> None:
    old = make_finding(cells=cells_of(3, 4), id="aaaa")
    late = make_finding(
        cells=cells_of(10), id="bbbb", first_seen=datetime(2024, 8, 5, tzinfo=UTC),
        last_seen=datetime(2024, 8, 5, tzinfo=UTC),
    )  # fmt: skip
    sites = KnownSites([late, old])
    assert [Site(known=old, cells=cells_of(5, 6))] == sites.among([patch(5, 6)])
    assert [Site(known=None, cells=cells_of(6, 7))] == sites.among([patch(6, 7)])
    both = sites.among([patch(5, 6, 7, 8, 9, 10)])
    assert [
        Site(known=old, cells=cells_of(5, 6, 7, 8, 9, 10)),
        Site(known=late, cells=cells_of(10)),
    ] == both
    sites.add(make_finding(cells=cells_of(20), id="cccc"))
    assert ["cccc"] == [one.known.id for one in sites.among([patch(21)]) if one.known]


@pytest.mark.parametrize("edge", [4, 10, 40])
def test_neighbouring_blocks_are_in_different_parts(edge: int) -> None:
    cells = [cell_at(column, row) for row in range(edge) for column in range(edge)]
    parts = blocks_of(cells).reshape(edge, edge)
    counts = np.bincount(parts.ravel(), minlength=FOLDS)
    assert counts.min() > 0
    assert counts.max() < 2.5 * counts.min()
    size = max(1, int(np.sqrt(edge * edge // 20)))
    blocks = parts[::size, ::size]
    for one, other in ((blocks[1:], blocks[:-1]), (blocks[:, 1:], blocks[:, :-1])):
        assert (one != other).mean() > 0.9
