"""pystac-client, unmodified, walks and searches the STAC API; its Items are valid STAC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from standarddoors import Doors

pystac_client = pytest.importorskip(
    "pystac_client", reason="pystac-client is not on this machine: pip install 'satseek[gis]'"
)

MADE = [f"{at % 3}/made, {at:02}" for at in range(12)]


@pytest.fixture(scope="module")
def client(doors: Doors) -> pystac_client.Client:
    headers = {"authorization": f"Bearer {doors.key}"}
    return pystac_client.Client.open(f"{doors.url}/stac", headers=headers)


def _ids(client: pystac_client.Client, **asked: object) -> list[str]:
    return [one["id"] for one in client.search(**asked).items_as_dicts()]


def test_it_walks_what_somebody_sees(client: pystac_client.Client) -> None:
    names = [one.id for one in client.get_collections()]
    assert ["archive", "archive.chips", "county", "county.chips"] == names
    county = client.get_collection("county.chips")
    assert 12 == len(list(county.get_items()))
    assert 18 == client.get_collection("archive").extent.spatial.bboxes[0][0] // 1 - 2


@pytest.mark.parametrize("name", ["county", "county.chips", "archive", "archive.chips"])
def test_what_it_finds_is_valid(client: pystac_client.Client, name: str) -> None:
    client.get_collection(name).validate()
    items = list(client.search(collections=[name], limit=7).items())
    for item in items:
        item.validate()
    assert len(items) == len({one.id for one in items})
    assert {"county": 3, "county.chips": 12, "archive": 14, "archive.chips": 56}[name] == len(items)


def test_it_gets_an_item_by_its_id(client: pystac_client.Client) -> None:
    item = client.get_collection("archive.chips").get_item("2/made, 05/3")
    assert ("2/made, 05", "landsat-8") == (item.properties["scene"], item.properties["platform"])
    (origin,) = [link.href for link in item.links if link.rel == "derived_from"]
    assert origin.endswith("/stac/collections/archive/items/2/made%2C%2005")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_filters_by_place_time_and_ids(client: pystac_client.Client, method: str) -> None:
    whole = {"collections": ["archive"], "method": method}
    assert {*MADE[:3], "unplaced"} == set(_ids(client, **whole, datetime="2021-04-01/2021-04-03"))
    assert ["0/made, 03"] == _ids(client, **whole, datetime="2021-04-04T00:00:00.25Z")
    assert ["0/made, 03", "undated"] == _ids(client, **whole, ids=["undated", "0/made, 03", "no"])
    box = client.get_collection("archive").get_item("0/made, 00").bbox
    inside = [box[0] + 0.001, box[1] + 0.001, box[2] - 0.001, box[3] - 0.001]
    assert ["0/made, 00"] == _ids(client, **whole, bbox=inside)
    point = {"type": "Point", "coordinates": [inside[0], inside[1]]}
    assert ["0/made, 00"] == _ids(client, **whole, intersects=point)
    chips = {"collections": ["archive.chips"], "method": method}
    assert ["0/made, 00/2"] == _ids(client, **chips, intersects=point)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("eo:cloud_cover < 10", [MADE[0], MADE[1]]),
        ("eo:cloud_cover BETWEEN 7.5 AND 15 AND platform = 'landsat-8'", [MADE[2]]),
        ("platform LIKE 'sentinel%' AND NOT eo:cloud_cover < 70", [MADE[10]]),
        ("CASEI(platform) = CASEI('LANDSAT-8') AND eo:cloud_cover > 60", [MADE[11]]),
        ("eo:cloud_cover IS NULL", ["undated", "unplaced"]),
        ("platform IN ('landsat-8') AND datetime < TIMESTAMP('2021-04-04T00:00:00Z')", [MADE[2]]),
        (
            "T_INTERSECTS(datetime, INTERVAL('2021-04-11T00:00:00Z', '..'))",
            [MADE[10], MADE[11]],
        ),
        ("id = 'undated' OR scene = 'unplaced'", ["undated", "unplaced"]),
        ("collection = 'elsewhere'", []),
        ("datetime > DATE('2021-04-11') AND geometry IS NOT NULL", [MADE[10], MADE[11]]),
        ("misspelt = 1", []),
    ],
)
def test_it_filters_by_conditions(
    client: pystac_client.Client, condition: str, expected: list[str]
) -> None:
    found = _ids(client, collections=["archive"], filter=condition)
    assert sorted(expected) == sorted(found)
    chips = _ids(client, collections=["archive.chips"], filter=condition, limit=3)
    if "id =" not in condition:
        assert sorted(f"{one}/{at}" for one in expected for at in range(4)) == sorted(chips)


def test_it_filters_chips_by_what_only_they_have(client: pystac_client.Client) -> None:
    condition = {
        "op": "and",
        "args": [
            {"op": ">=", "args": [{"property": "valid_fraction"}, 1]},
            {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 8]},
        ],
    }
    assert ["0/made, 00/3", "1/made, 01/3"] == _ids(
        client, collections=["archive", "archive.chips"], filter=condition
    )


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_it_sorts_over_pages(client: pystac_client.Client, limit: int) -> None:
    asked = {"collections": ["archive"], "limit": limit}
    latest = _ids(client, **asked, sortby=["-properties.datetime", "+id"])
    assert [*reversed(MADE), "unplaced", "undated"] == [
        *latest[:12],
        *latest[12:],
    ]
    clouds = _ids(client, **asked, sortby="-eo:cloud_cover,id")
    assert [*reversed(MADE), "undated", "unplaced"] == clouds


def test_fields_are_left_out(client: pystac_client.Client) -> None:
    search = client.search(collections=["archive"], fields=["-geometry", "-assets"], max_items=1)
    (item,) = search.items_as_dicts()
    assert ("geometry" in item, "assets" in item, "bbox" in item) == (False, False, True)
