"""What the STAC API tells, what it withholds, and how it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from standarddoors import Doors

SEARCH = "/stac/search"


def test_what_somebody_does_not_see_is_not_there(doors: Doors) -> None:
    seen = doors.staff.get("/stac/collections").json()["collections"]
    assert {"secret", "secret.chips"} <= {one["id"] for one in seen}
    for path in ("", "/items", "/items/x", "/queryables"):
        hidden = doors.client.get(f"/stac/collections/secret.chips{path}")
        absent = doors.client.get(f"/stac/collections/absent.chips{path}")
        assert (404, 404) == (hidden.status_code, absent.status_code)
        assert hidden.json()["detail"] == absent.json()["detail"].replace("absent", "secret")
    assert "secret" not in doors.client.get("/stac").text
    found = doors.client.get(SEARCH, params={"limit": 1000}).json()
    assert {"archive", "archive.chips", "county", "county.chips"} == {
        one["collection"] for one in found["features"]
    }
    assert [] == doors.client.get(SEARCH, params={"collections": "secret"}).json()["features"]
    asked = {"q": "water", "collections": ["secret.chips"]}
    assert [] == doors.client.post(SEARCH, json=asked).json()["features"]
    assert 3 == len(doors.staff.post(SEARCH, json=asked).json()["features"])


def test_nobody_gets_in_unrecognised(doors: Doors) -> None:
    for path in ("/stac", "/stac/collections", SEARCH, "/stac/queryables"):
        assert 401 == httpx.get(doors.url + path).status_code
    assert 401 == httpx.post(doors.url + SEARCH, json={}).status_code
    assert 200 == httpx.get(f"{doors.url}/stac/api").status_code  # as public as the documentation


def test_words_find_chips_best_first_over_pages(doors: Doors) -> None:
    asked = {"q": "a harbour", "collections": ["county.chips"], "limit": 5}
    first = doors.client.post(SEARCH, json=asked).json()
    following = next(one for one in first["links"] if one["rel"] == "next")
    assert {**asked, "cursor": following["body"]["cursor"]} == following["body"]
    second = doors.client.post(SEARCH, json=following["body"]).json()
    found = [one["properties"] for one in first["features"] + second["features"]]
    assert list(range(1, 11)) == [one["rank"] for one in found]
    assert sorted((one["cosine"] for one in found), reverse=True) == [
        one["cosine"] for one in found
    ]
    body = {"text": "a harbour", "collection": "county", "k": 10}
    hits = doors.client.post("/v1/search", json=body).json()["hits"]
    assert [one["chip"] for one in hits] == [
        one["id"] for one in first["features"] + second["features"]
    ]
    assert [one["scores"]["cosine"] for one in hits] == pytest.approx(
        [one["cosine"] for one in found]
    )


def test_words_find_only_what_the_filter_passes(doors: Doors) -> None:
    params = {"q": "water", "datetime": "../2024-12-31T00:00:00Z", "limit": 100}
    params |= {"collections": "county.chips,archive.chips", "filter-lang": "cql2-json"}
    params |= {"filter": '{"op": ">=", "args": [{"property": "valid_fraction"}, 1]}'}
    found = doors.client.get(SEARCH, params=params).json()["features"]
    dates = {one["properties"]["datetime"][:4] for one in found}
    assert ({"2021", "2024"}, 8 + 13) == (dates, len(found))
    assert {1.0} == {one["properties"]["valid_fraction"] for one in found}


def test_no_path_of_the_server_is_told(doors: Doors) -> None:
    for name in ("county", "county.chips", "archive.chips"):
        for path in ("", "/items", "/queryables"):
            text = doors.client.get(f"/stac/collections/{name}{path}").text
            assert "/nowhere" not in text
            assert "/tmp" not in text  # noqa: S108
            assert "never" not in text


def test_a_thumbnail_can_be_fetched(doors: Doors) -> None:
    item = doors.client.get("/stac/collections/county.chips/items?limit=1").json()["features"][0]
    shown = doors.client.get(item["assets"]["thumbnail"]["href"])
    assert (200, "image/jpeg") == (shown.status_code, shown.headers["content-type"])


def test_scenes_without_date_or_place_are_told_as_such(doors: Doors) -> None:
    above = "/stac/collections/archive/items"
    undated = doors.client.get(f"{above}/undated").json()["properties"]
    assert (None, "1800-01-01T00:00:00Z") == (undated["datetime"], undated["start_datetime"])
    unplaced = doors.client.get(f"{above}/unplaced").json()
    assert (None, False) == (unplaced["geometry"], "bbox" in unplaced)


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "1,2,3"},
        {"bbox": "1,2,3,x"},
        {"bbox": "0,5,1,4"},
        {"bbox": "0,nan,1,4"},
        {"datetime": "2024-05-01"},
        {"datetime": "2024-05-02T00:00:00Z/2024-05-01T00:00:00Z"},
        {"limit": "0"},
        {"limit": "many"},
        {"limit": "1" * 40},
        {"cursor": "made up"},
        {"cursor": "x" * 3000},
        {"filter": "a = "},
        {"filter": "(" * 60 + "a = 1" + ")" * 60},
        {"filter": "a = 1" + " AND a = 1" * 2000},
        {"filter": "unknown(a) = 1"},
        {"filter": "{}", "filter-lang": "cql2-json"},
        {"filter": '{"op": "not", "args": []}', "filter-lang": "cql2-json"},
        {"filter": "[" * 5000, "filter-lang": "cql2-json"},
        {"filter": "a = 1", "filter-lang": "sql"},
        {"filter": "a = 1", "filter-crs": "EPSG:4326"},
        {"filter": "S_INTERSECTS(geometry, POINT(1000 0))"},
        {"sortby": "nothing"},
        {"sortby": "id", "q": "water"},
        {"q": "x" * 1001},
        {"q": "water", "collections": "county"},
        {"intersects": "{}"},
        {"intersects": '{"type": "Point", "coordinates": ["a", 0]}'},
        {"intersects": '{"type": "Point", "coordinates": [0, 0]}', "bbox": "0,0,1,1"},
        {"misspelt": "1"},
    ],
    ids=lambda asked: json.dumps(asked)[:40],
)
def test_what_cannot_be_is_refused(doors: Doors, asked: dict[str, str]) -> None:
    answer = doors.client.get(SEARCH, params=asked)
    assert (400, "application/problem+json") == (
        answer.status_code,
        answer.headers["content-type"],
    ), answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"bbox": "0,0,1,1"}', 400),
        (b'{"ids": [1]}', 400),
        (b'{"sortby": [{"field": "id", "direction": "up"}]}', 400),
        (b'{"fields": null}', 400),
        (b'{"cursor": 1}', 400),
        (b'{"limit": true}', 400),
        (b'{"unknown": 1}', 400),
        (b'{"filter": {"op": "and", "args": [' + b'{"op":"not","args":[' * 40 + b"]" * 0, 400),
        (b'{"ids": ["' + b"x" * (1 << 20) + b'"]}', 413),
    ],
    ids=lambda one: str(one)[:40],
)
def test_bodies_that_cannot_be_are_refused(doors: Doors, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    assert status == doors.client.post(SEARCH, content=body, headers=headers).status_code


def test_a_cursor_belongs_to_its_search(doors: Doors) -> None:
    first = doors.client.get(SEARCH, params={"limit": 2, "collections": "archive"}).json()
    address = next(one["href"] for one in first["links"] if one["rel"] == "next")
    assert 200 == doors.client.get(address).status_code
    other = httpx.URL(address).copy_set_param("collections", "county")
    assert 400 == doors.client.get(other).status_code


def test_unknown_paths_and_methods_are_refused(doors: Doors) -> None:
    assert 404 == doors.client.get("/stac/nowhere").status_code
    refused = doors.client.delete(SEARCH)
    assert (405, "GET, HEAD, POST") == (refused.status_code, refused.headers["allow"])
    assert 415 == doors.client.post(SEARCH, content=b"{}").status_code
    head = doors.client.head("/stac/collections")
    assert (200, b"") == (head.status_code, head.content)


def test_links_are_made_with_the_address_that_people_use(doors: Doors) -> None:
    page = doors.client.get("/stac", headers={"host": "maps.example.org"}).json()
    assert {"http://maps.example.org/stac"} == {
        one["href"] for one in page["links"] if one["rel"] in {"self", "root"}
    }
