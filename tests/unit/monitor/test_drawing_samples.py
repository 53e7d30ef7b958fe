"""Samples: the same for the same seed, never twice the same place, and as large as is asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from satseek.errors import InvalidRequest
from satseek.monitor.samples.drawing import Place, SamplingFrame, Unit, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import GeoJSON

UNITS: tuple[Unit, ...] = ("cell", "point")


def square(at: int) -> GeoJSON:
    box = shapely.box(at * 0.01, 50.0, at * 0.01 + 0.01, 50.01)
    return {"type": "Polygon", "coordinates": [list(box.exterior.coords)]}


def frame(strata: Sequence[str], *, reverse: bool = False) -> SamplingFrame:
    order = range(len(strata))[:: -1 if reverse else 1]
    return SamplingFrame(
        cells=[f"cell {at}" for at in order],
        strata=[strata[at] for at in order],
        mapped=[strata[at] for at in order],
        areas_m2=np.array([100.0 + at for at in order]),
        footprints=[square(at) for at in order],
        chips=[(f"before/cell {at}", f"after/cell {at}") for at in order],
    )


STRATA = ["forest"] * 80 + ["mine"] * 5 + ["field"] * 40


def ids(places: Sequence[Place]) -> list[str]:
    return [one.id for one in places]


@pytest.mark.parametrize("unit", UNITS)
def test_a_seed_gives_one_sample_in_whatever_order_cells_come(unit: Unit) -> None:
    sizes = {"forest": 20, "mine": 5}
    one = draw(frame(STRATA), sizes, seed=3, unit=unit)
    assert one == draw(frame(STRATA, reverse=True), sizes, seed=3, unit=unit)
    assert set(ids(one)) != set(ids(draw(frame(STRATA), sizes, seed=4, unit=unit)))
    assert {"forest": 20, "mine": 5} == Counter(place.stratum for place in one)


def test_places_of_a_seed_never_change() -> None:
    """What was drawn by an earlier version is drawn by every later one."""
    found = draw(frame(STRATA), {"forest": 3, "mine": 1}, seed=0)
    assert ["cell 41", "cell 76", "cell 67", "cell 84"] == ids(found)


@pytest.mark.parametrize("unit", UNITS)
def test_a_larger_sample_is_the_smaller_one_and_more(unit: Unit) -> None:
    small = draw(frame(STRATA), {"forest": 7}, seed=1, unit=unit)
    more = draw(frame(STRATA), {"forest": 9}, seed=1, unit=unit, drawn={"forest": 7})
    assert (*small, *more) == draw(frame(STRATA), {"forest": 16}, seed=1, unit=unit)
    assert 16 == len({*ids(small), *ids(more)})
    assert list(range(7, 16)) == [one.turn for one in more]


def test_every_cell_is_as_likely_as_any_other() -> None:
    fields = frame(STRATA)
    counts = Counter(
        name for seed in range(400) for name in ids(draw(fields, {"field": 10}, seed=seed))
    )
    assert 40 == len(counts)
    # each is drawn in a quarter of 400 samples: 100 ± 8.7, of 40 cells the furthest 3.5 of that off
    assert 70 < min(counts.values()) <= max(counts.values()) < 130


def test_a_whole_stratum_can_be_drawn_and_nothing_beyond_it() -> None:
    assert {f"cell {at}" for at in range(80, 85)} == set(
        ids(draw(frame(STRATA), {"mine": 5}, seed=0))
    )
    with pytest.raises(InvalidRequest, match=r"has 5 cells, of which 3 were drawn: .* most 2 more"):
        draw(frame(STRATA), {"mine": 3}, seed=0, drawn={"mine": 3})


def test_points_lie_in_their_cells_and_are_spread_by_area() -> None:
    found = draw(frame(STRATA), {"forest": 1_000}, seed=0, unit="point")
    assert 1_000 == len(set(ids(found)))
    for one in found[:50]:
        assert one.point is not None
        assert one.footprint is not None
        assert shapely.geometry.shape(one.footprint).covers(shapely.Point(one.point))
    counts = Counter(one.cell for one in found)
    halves = [sum(counts[f"cell {at}"] for at in range(first, first + 40)) for first in (0, 40)]
    # areas 100…139 and 140…179: 4,780 and 6,380 of 11,160
    assert pytest.approx(1_000 * 4_780 / 11_160, abs=3 * 15.6) == halves[0]
    north = np.array([one.point[1] for one in found if one.point])
    assert pytest.approx(50.005, abs=0.0003) == north.mean()


def test_points_have_no_end_and_cells_have() -> None:
    one, other = (frame(STRATA).counted(unit=unit) for unit in UNITS)
    assert [("field", 40), ("forest", 80), ("mine", 5)] == [(s.name, s.cells) for s in one]
    assert [None] * 3 == [s.cells for s in other]
    assert [s.area_m2 for s in one] == [s.area_m2 for s in other]
    assert (
        pytest.approx({"field": 8_180, "forest": 11_160, "mine": 910}) == frame(STRATA).mapped_m2()
    )


def test_a_frame_is_known_again_whatever_its_order() -> None:
    assert frame(STRATA).digest == frame(STRATA, reverse=True).digest
    assert frame(STRATA).digest != frame([*STRATA[:-1], "mine"]).digest
    assert pytest.approx(40 / 139.5 - 0.5 / 139.5, abs=0.01) == frame(STRATA).unevenness()


@pytest.mark.parametrize(
    ("sizes", "seed", "said"),
    [
        ({"sea": 1}, 0, "'sea': expected one of field, forest, mine"),
        ({"mine": -1}, 0, "0 or more to draw"),
        ({"mine": 6}, 0, "at most 5 more"),
        ({"mine": 1}, -1, "seed"),
    ],
)
def test_what_cannot_be_drawn_is_refused(sizes: dict[str, int], seed: int, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        draw(frame(STRATA), sizes, seed=seed)


def test_points_need_a_place_on_earth() -> None:
    groundless = SamplingFrame(
        cells=["a"], strata=["x"], mapped=["x"], areas_m2=np.ones(1), footprints=[None], chips=[()]
    )
    assert ["a"] == ids(draw(groundless, {"x": 1}, seed=0))
    with pytest.raises(InvalidRequest, match="no place on Earth"):
        draw(groundless, {"x": 1}, seed=0, unit="point")


@pytest.mark.parametrize(
    ("cells", "areas", "said"),
    [
        (["a", "a"], [1.0, 1.0], "'a' came 2 times"),
        (["a", "b"], [1.0, 0.0], "positive area"),
        (["a", "b"], [1.0, np.nan], "positive area"),
        (["a"], [1.0, 1.0], "as much of everything"),
    ],
)
def test_frames_that_cannot_be_are_refused(cells: list[str], areas: list[float], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        SamplingFrame(
            cells=cells,
            strata=["x", "x"],
            mapped=["x", "x"],
            areas_m2=np.array(areas),
            footprints=[None, None],
            chips=[(), ()],
        )
