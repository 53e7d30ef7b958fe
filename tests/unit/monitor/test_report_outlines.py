"""The line on both images lies where the finding does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from reportmaking import gone_image, pixels_image, plain_pixels, square

from satseek.errors import UnreadableImage
from satseek.monitor.findings.surrounding import frame_around
from satseek.monitor.reports.outlining_images import CASING, LINE, outlined, outlined_chip

if TYPE_CHECKING:
    from satseek.types import GeoJSON

EDGE = 256


def test_the_outline_of_a_finding_lies_in_the_middle_of_what_is_kept_of_it() -> None:
    footprint = square(12.0, 60.0, 0.01)
    around = frame_around(footprint)
    assert around is not None
    image = pixels_image(plain_pixels(90, EDGE), alt="ground")

    shown = outlined(image, footprint=footprint, bounds=around.bounds).read()

    assert shown is not None
    rows, columns = np.nonzero((shown == LINE).all(axis=2))
    assert (rows.min() + rows.max()) / 2 == pytest.approx(EDGE / 2, abs=1.5)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(EDGE / 2, abs=1.5)
    # at 60 degrees north a degree of latitude is as long as two of longitude
    high, wide = np.ptp(rows), np.ptp(columns)
    assert high / wide == pytest.approx(2.0, rel=0.05)
    assert high == pytest.approx(EDGE / 2, rel=0.05)
    assert (shown == CASING).all(axis=2).any()
    assert (shown[EDGE // 2, EDGE // 2] == 90).all()


def test_what_was_kept_stays_as_it_was() -> None:
    pixels = plain_pixels(90, EDGE)
    image = pixels_image(pixels, alt="ground")

    outlined(image, footprint=square(12.0, 50.0, 0.01), bounds=(11.9, 49.9, 12.1, 50.1)).read()

    assert (pixels == 90).all()


def test_another_outline_is_another_image() -> None:
    image = pixels_image(plain_pixels(90), alt="ground")
    bounds = (11.9, 49.9, 12.1, 50.1)

    names = {
        image.identity,
        *(
            outlined(image, footprint=square(lon, 50.0, 0.01), bounds=bounds).identity
            for lon in (12.0, 12.01, 12.0)
        ),
    }

    assert 3 == len(names)


def test_gone_is_gone() -> None:
    bounds = (11.9, 49.9, 12.1, 50.1)
    image = outlined(gone_image(), footprint=square(12.0, 50.0, 0.01), bounds=bounds)

    with pytest.raises(UnreadableImage):
        image.read()


def test_a_parcel_lies_on_its_chip_where_it_lies_on_the_ground() -> None:
    chip = square(12.0, 60.0, 0.02)
    west, south, _, _ = _bounds(chip)
    # the north-western quarter, and more to the west, which the chip does not show
    parcel = _box(west - 0.02, south + 0.01, west + 0.01, south + 0.02)
    image = pixels_image(plain_pixels(90, EDGE), alt="ground")

    shown = outlined_chip(image, outline=parcel, chip=chip).read()

    assert shown is not None
    rows, columns = np.nonzero((shown == LINE).all(axis=2))
    assert (rows.max(), columns.max()) == pytest.approx((EDGE / 2, EDGE / 2), abs=2)
    assert (rows.min(), columns.min()) == pytest.approx((0, 0), abs=2)


def test_a_turned_chip_shows_its_parcel_whole() -> None:
    turned = _ring([(12.0, 60.0), (12.02, 60.002), (12.016, 60.012), (11.996, 60.01)])
    image = pixels_image(plain_pixels(90, EDGE), alt="ground")

    shown = outlined_chip(image, outline=turned, chip=turned).read()

    assert shown is not None
    on_edge = (shown[2:-2, 2:-2] == LINE).all(axis=2).any()
    assert not on_edge
    assert (shown[0] == LINE).all(axis=1).any()


def test_on_a_chip_across_the_antimeridian_nothing_is_drawn() -> None:
    image = pixels_image(plain_pixels(90, EDGE), alt="ground")
    halves = {"type": "MultiPolygon", "coordinates": [square(179.99, 0.0, 0.02)["coordinates"]]}

    assert image is outlined_chip(image, outline=square(0.0, 0.0, 1.0), chip=halves)
    assert image is outlined_chip(image, outline=square(0.0, 0.0, 1.0), chip=None)


def _bounds(shape: GeoJSON) -> tuple[float, float, float, float]:
    lons, lats = zip(*shape["coordinates"][0], strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def _box(west: float, south: float, east: float, north: float) -> GeoJSON:
    return _ring([(west, south), (east, south), (east, north), (west, north)])


def _ring(points: list[tuple[float, float]]) -> GeoJSON:
    return {"type": "Polygon", "coordinates": [[list(one) for one in [*points, points[0]]]]}
