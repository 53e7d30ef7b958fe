from __future__ import annotations

import pytest

from satseek.imagery.ground import metres_per_pixel
from satseek.search.suiting import suits
from satseek.types import Scene


@pytest.mark.parametrize(
    ("text", "pixel_m", "named"),
    [
        ("cars", 10, "car"),
        ("cars", 0.3, None),
        ("Cars in a car park", 2, "car"),
        ("a car park", 2, None),
        ("parking lots", 10, "parking lot"),
        ("storage tanks", 30, "storage tank"),
        ("storage tanks", 10, None),
        ("ships in a port", 30, "ship"),
        ("a satellite image of swimming pools", 10, "swimming pool"),
        ("two boats, and ships", 10, "boat"),
        ("a stadium", 10, None),
        ("forest", 1_000, None),
        ("carpet of snow", 30, None),
        ("", 10, None),
        ("港口里的轮船", 30, "轮船"),
        ("停车场", 3, None),
        ("油罐", 30, "油罐"),
        ("湿地", 30, None),
    ],
)
def test_what_needs_finer_pixels_is_told(text: str, pixel_m: float, named: str | None) -> None:
    told = suits(text, pixel_m)
    if named is None:
        assert told is None
        return
    assert told is not None
    assert told.startswith(f"{named!r} takes pixels of ")
    assert f"these are of {pixel_m:g} m" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("crs", "transform", "expected"),
    [
        ("EPSG:32633", (10, 0, 5e5, 0, -10, 5.2e6), 10.0),
        ("EPSG:32633", (8, -6, 5e5, -6, -8, 5.2e6), 10.0),
        ("EPSG:4326", (1e-4, 0, 15, 0, -1e-4, 60), 7.86),
        ("EPSG:4326", (1e-4, 0, 179.9996, 0, -1e-4, 0), 11.12),
        ("EPSG:3857", (10, 0, 0, 0, -10, 8399737), 5.0),
        (None, (1, 0, 0, 0, 1, 0), None),
    ],
)
def test_pixels_are_measured_on_the_ground(
    crs: str | None, transform: tuple[float, ...], expected: float | None
) -> None:
    scene = Scene(
        id="a",
        path="/a.tif",
        width=8,
        height=8,
        bands=3,
        dtype="uint8",
        crs=crs,
        transform=transform,  # type: ignore[arg-type]
        nodata=None,
        datetime=None,
        digest="0",
    )
    assert metres_per_pixel(scene) == (expected and pytest.approx(expected, rel=0.01))
