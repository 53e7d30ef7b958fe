from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from satseek.monitor.damage.neighbours import MOST, Controls, contrasts
from satseek.monitor.damage.parcels import Parcel, shapes_of_parcels


def parcel(at: float, crop: str = "", hectares: float = 1.0) -> Parcel:
    shape = shapely.box(15 + at, 48.0, 15.001 + at, 48.001)
    return Parcel(
        id=f"{at:g}",
        policy="",
        crop=crop,
        insured_ha=None,
        district="",
        geometry=json.loads(shapely.to_geojson(shape)),
        area_ha=hectares,
    )


def compared(parcels: list[Parcel], changes: list[float], controls: list[int], least: int = 2):  # noqa: ANN201
    given = Controls(
        places=np.array(controls, dtype=np.int64),
        changes=np.array(changes),
        hectares=np.array([one.area_ha for one in parcels]),
    )
    return contrasts(parcels, shapes_of_parcels(parcels), given, least=least)


def test_a_parcel_is_held_against_neighbours_by_their_area() -> None:
    parcels = [parcel(0.0), parcel(0.01, hectares=3.0), parcel(0.02)]
    found = compared(parcels, [0.9, 0.2, 0.1], [1, 2])[0]
    assert found is not None
    assert pytest.approx(0.175) == found.neighbours
    assert pytest.approx(0.725) == found.difference
    assert (2, "") == (found.count, found.crop)


def test_the_same_crop_counts_where_enough_grow_it() -> None:
    crops = ["maize", "wheat", "Maize", "maize", "wheat"]
    parcels = [parcel(at / 100, crop) for at, crop in enumerate(crops)]
    changes = [0.9, 0.5, 0.1, 0.3, 0.7]
    found = compared(parcels, changes, [1, 2, 3, 4])[0]
    assert found is not None
    assert ("maize", 2) == (found.crop, found.count)
    assert pytest.approx(0.2) == found.neighbours
    found = compared(parcels, changes, [1, 2, 3, 4], least=3)[0]
    assert found is not None
    assert ("", 4) == (found.crop, found.count)
    assert pytest.approx(0.4) == found.neighbours


def test_nobody_is_a_neighbour_of_himself_nor_across_the_country() -> None:
    parcels = [parcel(0.0), parcel(0.01), parcel(3.0)]
    assert [None, None, None] == compared(parcels, [0.1, 0.1, 0.1], [0, 1, 2])
    near = compared(parcels, [0.1, 0.2, 0.1], [0, 1, 2], least=1)
    assert [1, 1] == [one.count for one in near[:2]]
    assert near[2] is None


def test_the_nearest_are_taken_of_many() -> None:
    parcels = [parcel(0.0), *(parcel(at / 1000) for at in range(60, 20, -1))]
    changes = [0.5, *(at / 100 for at in range(60, 20, -1))]
    found = compared(parcels, changes, list(range(1, 41)))[0]
    assert found is not None
    assert MOST == found.count
    assert pytest.approx(np.mean([at / 100 for at in range(21, 41)])) == found.neighbours


def test_what_is_not_known_is_not_compared() -> None:
    parcels = [parcel(0.0), parcel(0.01), parcel(0.02)]
    found = compared(parcels, [np.nan, 0.0, 0.0], [1, 2], least=1)
    assert found[0] is None
    assert found[1] is not None
