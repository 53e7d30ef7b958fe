"""What OGC API Features tells, in which coordinates, and how it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from rasterio.warp import transform_geom

if TYPE_CHECKING:
    from standarddoors import Doors

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CHIPS = "/ogc/collections/county.chips/items"


def _items(doors: Doors, path: str, **params: Any) -> dict[str, Any]:
    answer = doors.client.get(path, params=params)
    assert (200, "application/geo+json") == (
        answer.status_code,
        answer.headers["content-type"],
    ), answer.text
    content: dict[str, Any] = answer.json()
    return content


def test_every_link_of_the_landing_page_leads_somewhere(doors: Doors) -> None:
    links = doors.client.get("/ogc").json()["links"]
    assert {"self", "service-desc", "service-doc", "conformance", "data"} == {
        one["rel"] for one in links
    }
    for one in links:
        answer = doors.client.get(one["href"])
        kind = answer.headers["content-type"].removesuffix("; charset=utf-8")
        assert (200, one["type"]) == (answer.status_code, kind)


def test_the_classes_that_are_claimed(doors: Doors) -> None:
    claimed = doors.client.get("/ogc/conformance").json()["conformsTo"]
    part1 = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
    assert {f"{part1}core", f"{part1}geojson", f"{part1}oas30"} <= set(claimed)
    assert "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs" in claimed
    assert "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter" in claimed


@pytest.mark.parametrize("door", ["ogc", "stac"])
def test_the_document_is_openapi_3_0(doors: Doors, door: str) -> None:
    document = doors.client.get(f"/{door}/api").json()
    assert "3.0.3" == document["openapi"]
    assert f"{doors.url}/{door}" == document["servers"][0]["url"]
    items = document["paths"]["/collections/{collectionId}/items"]["get"]
    names = {one["name"] for one in items["parameters"]}
    assert {"collectionId", "limit", "bbox", "datetime", "filter", "cursor"} <= names
    (limit,) = [one for one in items["parameters"] if one["name"] == "limit"]
    assert (1, 1000) == (limit["schema"]["minimum"], limit["schema"]["maximum"])
    page = doors.client.get(f"/{door}/api.html").text
    assert all(path in page for path in document["paths"])


def test_a_collection_says_where_and_when_it_is(doors: Doors) -> None:
    shown = doors.client.get("/ogc/collections/county.chips").json()
    assert ("feature", CRS84) == (shown["itemType"], shown["storageCrs"])
    west, south, east, north = shown["extent"]["spatial"]["bbox"][0]
    assert 20 < west < east < 21
    assert 20 < south < north < 21
    interval = ["2024-05-03T00:00:00Z", "2025-02-11T00:00:00Z"]
    assert [interval] == shown["extent"]["temporal"]["interval"]
    assert {CRS84, f"{EPSG}4326", f"{EPSG}3857", f"{EPSG}4490"} <= set(shown["crs"])


def test_pages_lead_through_every_feature_once(doors: Doors) -> None:
    found, address = [], f"{CHIPS}?limit=5"
    while address:
        page = doors.client.get(address)
        content = page.json()
        assert 12 == content["numberMatched"]
        found += [one["id"] for one in content["features"]]
        following = [one["href"] for one in content["links"] if one["rel"] == "next"]
        assert bool(following) == ("link" in page.headers)
        address = following[0] if following else ""
    assert (12, 12) == (len(found), len(set(found)))


@pytest.mark.parametrize("code", [4326, 4490, 3857])
def test_coordinates_come_in_the_order_of_their_authority(doors: Doors, code: int) -> None:
    plain = _items(doors, CHIPS, limit=3)["features"]
    answer = doors.client.get(CHIPS, params={"limit": 3, "crs": f"{EPSG}{code}"})
    assert f"<{EPSG}{code}>" == answer.headers["content-crs"]
    for one, other in zip(plain, answer.json()["features"], strict=True):
        wanted = np.array(
            transform_geom("EPSG:4326", f"EPSG:{code}", one["geometry"])["coordinates"]
        )
        if code != 3857:
            wanted = wanted[..., ::-1]
        np.testing.assert_allclose(other["geometry"]["coordinates"], wanted, atol=0.001)


@pytest.mark.parametrize("code", [None, 4326, 4490, 3857])
def test_a_box_may_be_given_in_each_system(doors: Doors, code: int | None) -> None:
    systems = {} if code is None else {"crs": f"{EPSG}{code}", "bbox-crs": f"{EPSG}{code}"}
    first = _items(doors, CHIPS, limit=1, **systems)["features"][0]
    ring = np.array(first["geometry"]["coordinates"][0])
    middle, reach = ring[:-1].mean(axis=0), (ring.max(axis=0) - ring.min(axis=0)) / 10
    box = ",".join(f"{one:.7f}" for one in (*(middle - reach), *(middle + reach)))
    found = _items(doors, CHIPS, bbox=box, **systems)
    assert ([first["id"]], 1) == ([one["id"] for one in found["features"]], found["numberMatched"])


@pytest.mark.parametrize(
    ("box", "count"),
    [
        ("-180,-90,180,90", 12),
        ("-200,-90,200,90", 12),
        ("380,20,381,21", 12),
        ("20,0,20,21,21,100", 12),
        ("170,20,-170,21", 0),
        ("0,0,0,0", 0),
    ],
)
def test_boxes_that_maps_give_are_taken(doors: Doors, box: str, count: int) -> None:
    assert count == _items(doors, CHIPS, bbox=box)["numberMatched"]


def test_conditions_and_times_are_taken_together(doors: Doors) -> None:
    condition = "valid_fraction >= 0.75 AND platform = 'landsat-8'"
    found = _items(
        doors,
        "/ogc/collections/archive.chips/items",
        filter=condition,
        datetime="../2021-04-06T12:00:00Z",
    )
    assert ["2/made, 02/2", "2/made, 02/3", "2/made, 05/2", "2/made, 05/3"] == [
        one["id"] for one in found["features"]
    ]
    assert "numberMatched" not in found  # it would take looking at every chip
    chips = "/ogc/collections/archive.chips/items"
    assert 16 == _items(doors, chips, filter="platform = 'landsat-8'")["numberMatched"]


def test_words_find_nothing_without_words(doors: Doors) -> None:
    path = "/ogc/collections/county.search/items"
    assert [] == _items(doors, path)["features"]
    found = _items(doors, path, q="water", k=7, limit=4)
    assert (7, [1, 2, 3, 4]) == (
        found["numberMatched"],
        [one["properties"]["rank"] for one in found["features"]],
    )
    (following,) = [one["href"] for one in found["links"] if one["rel"] == "next"]
    rest = doors.client.get(following).json()["features"]
    assert [5, 6, 7] == [one["properties"]["rank"] for one in rest]


def test_a_saved_concept_is_a_live_collection(doors: Doors) -> None:
    path = "/ogc/collections/county.search/items"
    saved = doors.operator.put("/v1/concepts/harbours", json={"prompts": ["a harbour"]})
    assert saved.is_success, saved.text
    body = {"collection": "county", "concept": "harbours", "k": 5}
    hits = doors.client.post("/v1/search", json=body).raise_for_status().json()["hits"]
    found = _items(doors, path, concept="harbours", k=5)["features"]
    assert [one["chip"] for one in hits] == [one["id"] for one in found]
    best = _items(doors, path, concept="harbours", least=50)["features"]
    assert {True} == {one["properties"]["percentile"] >= 50 for one in best}
    assert 404 == doors.client.get(path, params={"concept": "unknown"}).status_code
    for asked in ({"least": "101"}, {"least": "x"}, {"least": "nan"}, {"concept": "x" * 200}):
        params = {"q": "water", **asked}
        assert 400 == doors.client.get(path, params=params).status_code


def test_a_feature_is_found_by_its_id(doors: Doors) -> None:
    path = "/ogc/collections/archive.chips/items"
    shown = _items(doors, f"{path}/2/made, 05/3", crs=f"{EPSG}3857")
    assert ("2/made, 05/3", "2/made, 05") == (shown["id"], shown["properties"]["scene"])
    (own,) = [one["href"] for one in shown["links"] if one["rel"] == "self"]
    assert 200 == doors.client.get(own).status_code
    assert 404 == doors.client.get(f"{path}/nothing").status_code


def test_queryables_name_what_scenes_have(doors: Doors) -> None:
    address = "/ogc/collections/archive.chips/queryables"
    schema = doors.client.get(address).json()
    assert f"{doors.url}{address}" == schema["$id"]
    kinds = {name: one.get("type") for name, one in schema["properties"].items()}
    assert ("number", "string", "number") == (
        kinds["eo:cloud_cover"],
        kinds["platform"],
        kinds["valid_fraction"],
    )
    assert "nested" not in kinds


def test_what_somebody_does_not_see_is_not_there(doors: Doors) -> None:
    assert "secret" in doors.staff.get("/ogc/collections").text
    assert "secret" not in doors.client.get("/ogc/collections").text
    for path in ("", "/items", "/items/x", "/queryables", "/items?q=water"):
        hidden = doors.client.get(f"/ogc/collections/secret.search{path}")
        absent = doors.client.get(f"/ogc/collections/absent.search{path}")
        assert (404, 404) == (hidden.status_code, absent.status_code)
        assert hidden.json()["detail"] == absent.json()["detail"].replace("absent", "secret")
    assert 401 == httpx.get(f"{doors.url}/ogc/collections").status_code
    assert 200 == httpx.get(f"{doors.url}/ogc/api").status_code


@pytest.mark.parametrize(
    "asked",
    [
        {"unknown": "1"},
        {"bbox": "1,2,3"},
        {"bbox": "0,91,1,92"},
        {"bbox": "1000,0,1001,1"},
        {"bbox": "0,0,1e9,1e9", "bbox-crs": f"{EPSG}3857"},
        {"bbox-crs": "EPSG:4326", "bbox": "0,0,1,1"},
        {"crs": f"{EPSG}27700"},
        {"datetime": "yesterday"},
        {"limit": "-1"},
        {"filter": "a ="},
        {"filter-lang": "cql2-json", "filter": '{"op": "like", "args": [1]}'},
        {"cursor": "WzAsICJ4IiwgInkiXQ"},
        {"f": "html"},
        [("limit", "1"), ("limit", "2")],
    ],
    ids=lambda asked: json.dumps(asked)[:40],
)
def test_what_cannot_be_is_refused(doors: Doors, asked: Any) -> None:
    answer = doors.client.get(CHIPS, params=asked)
    assert (400, "application/problem+json") == (
        answer.status_code,
        answer.headers["content-type"],
    ), answer.text


def test_unknown_parameters_are_refused_everywhere(doors: Doors) -> None:
    for path in ("", "/conformance", "/collections", "/collections/county", "/api"):
        assert 400 == doors.client.get(f"/ogc{path}?unknown=1").status_code
        assert 200 == doors.client.get(f"/ogc{path}?f=json").status_code
