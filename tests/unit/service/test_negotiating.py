"""Accept headers → the media type answered with."""

from __future__ import annotations

import pytest

from satseek.service.negotiating import GEOJSON, JSON, preferred


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/geo+json", GEOJSON),
        ("APPLICATION/GEO+JSON", GEOJSON),
        ("application/geo+json, application/json;q=0.9", GEOJSON),
        ("application/geo+json;q=0.5, application/json", JSON),
        ("application/json;q=0, */*", GEOJSON),
        ("text/html", JSON),
        ("application/geo+json;q=nonsense, application/json;q=0.1", JSON),
        ("application/geo+json;q=0.1, text/html, */*;q=0.05", GEOJSON),
    ],
)
def test_preferred(accept: str, expected: str) -> None:
    assert preferred(accept, (JSON, GEOJSON)) == expected
