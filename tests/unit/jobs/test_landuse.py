"""What a job says of a land-use run: districts as they are asked, and as their sender said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import shapely

from satseek.jobs import landuse
from satseek.jobs.landuse import LanduseTask
from satseek.monitor.damage.parcels_reading import Reading
from satseek.monitor.damage.uploads import Uploads
from satseek.monitor.tables import FOLDER
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

UTM = "EPSG:32633"
BOX = (500_000.0, 5_316_000.0, 501_000.0, 5_317_000.0)
"""Metres: a square kilometre at 15° east, 48° north."""


def sent(data_dir: Path) -> str:
    """Send a district that has two names, in metres of which its file says nothing."""
    feature = {
        "type": "Feature",
        "properties": {"Gemarkung": "Auen", "village": "Au"},
        "geometry": shapely.geometry.mapping(shapely.box(*BOX)),
    }
    content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    reading = Reading(district_column="Gemarkung", crs=UTM)
    return Uploads(data_dir / FOLDER).add(content, name="a.geojson", by="x", reading=reading).id


@pytest.mark.parametrize(
    ("fields", "name"),
    [({}, "Auen"), ({"district_column": "village"}, "Au"), ({"district_column": ""}, "Au")],
)
def test_districts_that_were_sent_are_read_as_they_were_sent(
    tmp_path: Path, fields: dict[str, str], name: str
) -> None:
    named = {"collection": "c", "districts": f"upload:{sent(tmp_path)}", **fields}
    asked = LanduseTask.model_validate(named)
    (district,) = landuse._checked(asked, Settings(data_dir=tmp_path)).districts
    assert name == district.name
    assert pytest.approx(100, rel=0.01) == district.area_ha
    west, south, *_ = shapely.from_geojson(json.dumps(district.geometry)).bounds
    assert pytest.approx((15, 48), abs=0.01) == (west, south)


def test_a_layer_of_the_file_is_asked_for_beside_what_was_sent(tmp_path: Path) -> None:
    ref = f"upload:{sent(tmp_path)}"
    named = {"collection": "c", "districts": ref, "districts_layer": "towns"}
    said = landuse._said(LanduseTask.model_validate(named), Settings(data_dir=tmp_path))
    assert ("Gemarkung", UTM, "towns") == (
        said.district_column,
        said.districts_crs,
        said.districts_layer,
    )
