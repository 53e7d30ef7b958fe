from __future__ import annotations

import math
from time import process_time

import numpy as np
import pytest
import shapely

from satseek.errors import InvalidRequest
from satseek.monitor.damage.parcel_outlines import sound
from satseek.monitor.damage.parcels import RawParcel, check_parcels

SQUARE = shapely.box(15.0, 48.0, 15.001, 48.001)
"""About 74 m by 111 m: 0.83 ha."""

BOW_TIE = shapely.Polygon([(15.0, 48.0), (15.001, 48.001), (15.001, 48.0), (15.0, 48.001)])


def raw(row: int, shape: shapely.Geometry | None = SQUARE, **fields: object) -> RawParcel:
    return RawParcel(row=row, shape=shape, fields=fields)


def moved(by: float) -> shapely.Geometry:
    return shapely.transform(SQUARE, lambda points: points + np.array([by, 0]))


def test_sound_rows_become_parcels_with_their_measured_area() -> None:
    found = check_parcels(
        [raw(1, policy="P-1", crop="maize", insured_ha=0.83, district="North")], source="list.gpkg"
    )
    (parcel,) = found.parcels
    assert ("P-1", "P-1", "maize", "North") == (
        parcel.id,
        parcel.policy,
        parcel.crop,
        parcel.district,
    )
    assert pytest.approx(0.83, abs=0.01) == parcel.area_ha
    assert () == found.problems
    assert "list.gpkg" == found.source


def test_an_outline_that_crosses_itself_is_repaired_and_told() -> None:
    found = check_parcels([raw(1, BOW_TIE, policy="P-1")])
    (problem,) = found.problems
    assert ("repaired", 1, "P-1") == (problem.kind, problem.row, problem.id)
    assert "Self-intersection" in problem.what
    assert pytest.approx(0.415, abs=0.01) == found.parcels[0].area_ha


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "no outline"),
        (shapely.Point(15, 48), "a Point"),
        (shapely.LineString([(15, 48), (15.1, 48)]), "a LineString"),
        (shapely.Polygon([(15, 48), (15.1, 48), (15.2, 48)]), "without any area"),
        (shapely.box(500_000, 5_400_000, 500_100, 5_400_100), "tell its CRS"),
        (shapely.box(15, 91, 16, 92), "latitudes"),
    ],
)
def test_what_is_no_polygon_on_earth_is_left_out_and_named(
    shape: shapely.Geometry | None, said: str
) -> None:
    found = check_parcels([raw(1, policy="good"), raw(2, shape, policy="bad")])
    assert ["good"] == [one.id for one in found.parcels]
    (problem,) = found.problems
    assert ("left out", 2, "bad") == (problem.kind, problem.row, problem.id)
    assert said in problem.what


def test_a_second_row_is_a_duplicate_on_the_same_ground_and_another_parcel_elsewhere() -> None:
    found = check_parcels(
        [raw(1, policy="P"), raw(2, moved(0.00002), policy="P"), raw(3, moved(0.01), policy="P")]
    )
    assert ["P", "P#2"] == [one.id for one in found.parcels]
    assert ["P", "P"] == [one.policy for one in found.parcels]
    assert [("duplicate", 2), ("renamed", 3)] == [(one.kind, one.row) for one in found.problems]


def test_a_given_id_never_collides_with_one_that_was_made() -> None:
    found = check_parcels(
        [raw(1, id="P#2"), raw(2, moved(0.01), id="P"), raw(3, moved(0.02), id="P")]
    )
    assert ["P#2", "P", "P#3"] == [one.id for one in found.parcels]
    found = check_parcels(
        [raw(1, id="P"), raw(2, moved(0.01), id="P"), raw(3, moved(0.02), id="P#2")]
    )
    assert ["P", "P#2", "P#2#2"] == [one.id for one in found.parcels]


def test_two_policies_on_one_field_are_told_and_both_kept() -> None:
    found = check_parcels([raw(1, policy="A"), raw(2, moved(0.00002), policy="B")])
    assert ["A", "B"] == [one.id for one in found.parcels]
    (problem,) = found.problems
    assert ("overlap", 2, "B") == (problem.kind, problem.row, problem.id)
    assert "A (row 1)" in problem.what


@pytest.mark.parametrize(
    ("insured", "expected", "told"),
    [
        (0.85, 0.85, None),
        (2.0, 2.0, "insured 2 ha, the outline measures 0.83 ha"),
        ("much", None, "expected hectares, came 'much'"),
        (-1, None, "expected positive hectares, came '-1'"),
        (math.nan, None, None),
        (None, None, None),
    ],
)
def test_insured_areas_are_held_against_the_measured_ones(
    insured: object, expected: float | None, told: str | None
) -> None:
    found = check_parcels([raw(1, policy="P", insured_ha=insured)])
    assert expected == found.parcels[0].insured_ha
    assert ([] if told is None else [told]) == [one.what for one in found.problems]


def test_a_policy_number_that_a_table_made_a_float_stays_a_number() -> None:
    found = check_parcels([raw(1, policy=4711.0)])
    assert "4711" == found.parcels[0].policy


def test_rows_without_a_name_are_called_by_their_row() -> None:
    assert ["row-7"] == [one.id for one in check_parcels([raw(7)]).parcels]


def test_a_list_without_any_polygon_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"list\.csv: expected polygons, came none: row 1"):
        check_parcels([raw(1, None)], source="list.csv")


def test_heights_are_dropped_and_rings_turned() -> None:
    clockwise = shapely.Polygon([(15, 48, 300), (15, 48.001, 300), (15.001, 48, 300)])
    shape, said = sound(clockwise)
    assert "" == said
    assert shape is not None
    assert not shapely.has_z(shape)
    assert shapely.is_ccw(shapely.get_exterior_ring(shape))


def test_an_outline_around_the_earth_is_left_out_and_what_is_cut_at_the_antimeridian_is_not() -> (
    None
):
    around = shapely.Polygon([(179.99, 1), (-179.99, 1), (-179.99, 1.01), (179.99, 1.01)])
    cut = shapely.MultiPolygon(
        [shapely.box(179.99, 1, 180, 1.01), shapely.box(-180, 1, -179.99, 1.01)]
    )
    rows = [
        RawParcel(row=at, shape=shape, fields={"policy": f"P-{at}"})
        for at, shape in enumerate((around, cut), 1)
    ]

    found = check_parcels(rows)

    assert ["P-2"] == [one.id for one in found.parcels]
    assert 246.14 == pytest.approx(found.parcels[0].area_ha, rel=1e-3)
    (told,) = found.problems
    assert "cut it in two at the antimeridian" in told.what


def test_many_parcels_of_one_policy_are_told_apart_in_time() -> None:
    count = 600
    shapes = [
        shapely.box(at % 25 / 1e3, at // 25 / 1e3, at % 25 / 1e3 + 9e-4, at // 25 / 1e3 + 9e-4)
        for at in range(count)
    ]
    rows = [
        RawParcel(row=at, shape=shape, fields={"policy": "all"})
        for at, shape in enumerate([*shapes, shapes[0]], 1)
    ]
    began = process_time()

    found = check_parcels(rows)

    assert process_time() - began < 5  # pair by pair it took twenty seconds
    assert ["all", f"all#{count}"] == [found.parcels[0].id, found.parcels[-1].id]
    assert ["duplicate"] == [one.kind for one in found.problems if one.kind != "renamed"]
