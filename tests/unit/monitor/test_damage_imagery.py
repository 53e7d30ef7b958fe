from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import shapely

from satseek.errors import InvalidFilter, InvalidRequest, UnreadableImage, UnsafeReference
from satseek.imagery.reach import Reach
from satseek.monitor.damage.imagery import candidates_of, fitting_grid, is_period, read_period
from satseek.monitor.damage.parcels import Parcel
from satseek.types import Scene

SOUTH = (-70.0, -33.0)
NORTH = (15.0, 48.75)


def scene(crs: str | None, size: float, *, name: str = "a") -> Scene:
    lon_lat = crs == "EPSG:4326"
    left, top = (15.0, 48.75) if lon_lat else (500_000.0, 5_400_000.0)
    return Scene(
        id=name,
        path=f"/{name}.tif",
        width=1000,
        height=1000,
        bands=3,
        dtype="uint8",
        crs=crs,
        transform=(size, 0.0, left, 0.0, -size, top),
        nodata=None,
        datetime=None,
        digest="",
    )


def parcels(*hectares: float, at: tuple[float, float] = NORTH) -> list[Parcel]:
    lon, lat = at
    outline = json.loads(shapely.to_geojson(shapely.box(lon, lat, lon + 0.001, lat + 0.001)))
    return [
        Parcel(
            id=str(number),
            policy="",
            crop="",
            insured_ha=None,
            district="",
            geometry=outline,
            area_ha=one,
        )
        for number, one in enumerate(hectares)
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", (2024, 1, 1), (2024, 12, 31)),
        ("2024-02", (2024, 2, 1), (2024, 2, 29)),
        ("2024-06-02", (2024, 6, 2), (2024, 6, 2)),
        ("2024-06/2024-08-10", (2024, 6, 1), (2024, 8, 10)),
    ],
)
def test_periods_hold_their_days(
    text: str, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    found = read_period(text)
    assert found is not None
    assert datetime(*first, tzinfo=UTC) == found.start
    assert (last, (23, 59, 59)) == (found.end.timetuple()[:3], found.end.timetuple()[3:6])
    assert (found.start, found.end) == (found.filter().start, found.filter().end)


@pytest.mark.parametrize("text", ["./2024", "scenes", "https://a.b/2024", "2024-6", "202406"])
def test_what_is_no_period_is_a_source(text: str) -> None:
    assert read_period(text) is None
    assert not is_period(text)


@pytest.mark.parametrize("text", ["2024-13", "2024-02-30", "2025/2024"])
def test_days_that_there_are_not_are_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match="expected"):
        read_period(text)


def test_scenes_of_one_metric_crs_keep_their_pixels() -> None:
    found = fitting_grid([scene("EPSG:32633", 1.0)] * 2, parcels(8.0, 8.0))
    assert ("EPSG:32633", 1.0, 256, 128) == (
        found.crs,
        found.pixel_size,
        found.chip_px,
        found.stride_px,
    )


def test_scenes_of_several_crs_meet_in_the_zone_of_the_parcels() -> None:
    mixed = [scene("EPSG:4326", 1e-5), scene("EPSG:32633", 10.0)]
    assert ("EPSG:32633", 10.0) == _crs_and_size(mixed, parcels(8.0))
    assert "EPSG:32719" == fitting_grid(mixed, parcels(8.0, at=SOUTH)).crs
    mercator = [scene("EPSG:3857", 1.0)]
    assert "EPSG:32633" == fitting_grid(mercator, parcels(8.0)).crs
    assert "EPSG:3413" == fitting_grid(mixed, parcels(8.0, at=(10.0, 85.0))).crs


def _crs_and_size(scenes: list[Scene], own: list[Parcel]) -> tuple[str | None, float | None]:
    found = fitting_grid(scenes, own)
    return found.crs, found.pixel_size


@pytest.mark.parametrize(
    ("hectares", "edge"),
    [
        ((7.0, 7.0, 7.0, 7.0), 256),
        ((1.7, 9.0, 9.0, 9.0), 256),
        ((1.7, 1.7, 9.0, 9.0), 128),
        ((0.1,), 128),
    ],
)
def test_chips_are_as_large_as_most_parcels_allow(hectares: tuple[float, ...], edge: int) -> None:
    found = fitting_grid([scene("EPSG:32633", 1.0)], parcels(*hectares))
    assert (edge, edge // 2) == (found.chip_px, found.stride_px)


def test_what_is_asked_for_is_taken_as_it_is() -> None:
    found = fitting_grid(
        [scene("EPSG:32633", 1.0)],
        parcels(8.0),
        chip_px=100,
        stride_px=30,
        pixel_size=2.5,
        crs="EPSG:25833",
    )
    assert ("EPSG:25833", 2.5, 100, 30) == (
        found.crs,
        found.pixel_size,
        found.chip_px,
        found.stride_px,
    )


def test_imagery_without_a_place_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="expected georeferenced imagery"):
        fitting_grid([scene(None, 1.0)], parcels(8.0))


def test_parcels_on_both_sides_of_the_antimeridian_have_a_zone_of_it() -> None:
    mixed = [scene("EPSG:4326", 1e-5), scene("EPSG:32633", 10.0)]
    both = [*parcels(8.0, at=(179.9, -17.0)), *parcels(8.0, at=(-179.95, -17.0))]
    halves = shapely.MultiPolygon(
        [shapely.box(179.99, 1, 180, 1.01), shapely.box(-180, 1, -179.99, 1.01)]
    )
    (cut,) = parcels(8.0)
    cut = replace(cut, geometry=json.loads(shapely.to_geojson(halves)))

    assert fitting_grid(mixed, both).crs in {"EPSG:32760", "EPSG:32701"}
    assert fitting_grid(mixed, [cut]).crs in {"EPSG:32660", "EPSG:32601"}


def test_a_host_of_the_settings_leads_nowhere_but_where_they_say() -> None:
    address = "http://localhost:9/catalog.json"  # nobody answers at the port of discard

    with pytest.raises(UnsafeReference, match="not public"):
        list(candidates_of(address, reach=Reach(hosts=("localhost:9",))))
    with pytest.raises(UnreadableImage):
        list(candidates_of(address, reach=Reach(hosts=("elsewhere.example",))))
