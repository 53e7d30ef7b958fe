"""Concepts, areas in any CRS, Chinese words and several collections, through the real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import satseek

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from conftest import Desk  # type: ignore[import-not-found]

PNG = {"image": ("picture.png", b"", "image/png")}


def _search(client: httpx.Client, **asked: Any) -> Any:
    return client.post("/v1/search", json={"text": "a quarry", **asked})


def _chips(answer: Any) -> list[str]:
    return [hit["chip"] for hit in answer.json()["hits"]]


@pytest.fixture
def chips(desk: Desk) -> list[str]:
    return _chips(_search(desk.admin, collection="small", k=12))


def test_a_concept_is_saved_in_versions_and_asked(desk: Desk, chips: list[str]) -> None:
    asked = {
        "prompts": ["an open-pit mine", "采石场"],
        "negatives": ["bare field"],
        "notes": "露天",
    }
    for version in (1, 2):
        saved = desk.operator.put("/v1/concepts/pits", json=asked)
        assert [200, version] == [saved.status_code, saved.json()["version"]], saved.text
    liked = {**asked, "liked": [f"small/{chips[-1]}"], "least": 10}
    assert 3 == desk.operator.put("/v1/concepts/pits", json=liked).json()["version"]

    assert saved.json() == desk.reader.get("/v1/concepts/pits?version=2").json()
    versions = desk.reader.get("/v1/concepts/pits/versions").json()["versions"]
    assert [1, 2, 3] == [one["version"] for one in versions]
    assert "pits" in [one["name"] for one in desk.reader.get("/v1/concepts").json()["concepts"]]

    first = desk.reader.post("/v1/search", json={"collection": "small", "concept": "pits@2"}).json()
    newest = desk.reader.get("/v1/search?collection=small&concept=pits").json()
    assert ["pits@2", "pits@3"] == [first["concept"], newest["concept"]]
    assert "quarry" in first["translated"]
    assert [None, 0.0] == [first["weight"], min(newest["weight"], 0.0)]
    assert all(hit["scores"]["percentile"] >= 10 for hit in newest["hits"])
    ranks = [[h["chip"] for h in one["hits"]].index(chips[-1]) for one in (first, newest)
             if chips[-1] in [h["chip"] for h in one["hits"]]]  # fmt: skip
    assert ranks == sorted(ranks, reverse=True)  # what is liked does not fall

    gone = desk.operator.delete("/v1/concepts/pits")
    assert 204 == gone.status_code
    refused = desk.reader.get("/v1/concepts/pits")
    assert [404, "urn:satseek:problem:concept-not-found"] == [
        refused.status_code,
        refused.json()["type"],
    ]


def test_readers_change_no_concept(desk: Desk) -> None:
    asked = {"prompts": ["a mine"]}
    assert 403 == desk.reader.put("/v1/concepts/mine", json=asked).status_code
    assert 403 == desk.reader.delete("/v1/concepts/mine").status_code


def test_chips_of_a_collection_that_is_not_seen_are_not_told(desk: Desk) -> None:
    secret = _chips(_search(desk.admin, collection="secret", k=1))[0]
    asked = {"prompts": ["a mine"], "liked": [f"secret/{secret}"]}
    assert 404 == desk.guest.put("/v1/concepts/hidden", json=asked).status_code
    assert 200 == desk.admin.put("/v1/concepts/hidden", json=asked).status_code
    assert asked["liked"] == desk.operator.get("/v1/concepts/hidden").json()["liked"]
    assert [] == desk.reader.get("/v1/concepts/hidden").json()["liked"]
    answer = desk.reader.post(
        "/v1/search", json={"collection": "small", "concept": "hidden"}
    ).json()
    assert ["1 of 1 chips of hidden are not used: gone, or of other models"] == answer["warnings"]
    used = desk.admin.post("/v1/search", json={"collection": "small", "concept": "hidden"}).json()
    assert [[], True] == [used["warnings"], used["weight"] is not None]


@pytest.mark.parametrize(
    "asked",
    [{}, {"prompts": [""]}, {"liked": ["small"]}, {"prompts": ["a"], "least": 101}, {"more": 1}],
)
def test_what_is_no_concept_is_refused(asked: dict[str, Any], desk: Desk) -> None:
    assert 422 == desk.operator.put("/v1/concepts/none", json=asked).status_code
    assert 404 == desk.reader.get("/v1/concepts/none").status_code


def test_several_collections_are_asked_together(desk: Desk) -> None:
    both = _search(desk.admin, collections=["small", "secret"], k=20).json()
    assert ["small", "secret"] == [one["collection"] for one in both["sources"]]
    cosines = [hit["scores"]["cosine"] for hit in both["hits"]]
    assert sorted(cosines, reverse=True) == cosines
    assert {"small", "secret"} == {hit["collection"] for hit in both["hits"]}
    for hit in both["hits"]:
        assert f"/collections/{hit['collection']}/" in hit["thumbnail"]
    everything = desk.reader.get("/v1/search?text=a+quarry&collection=*&k=20").json()
    assert ["small"] == [one["collection"] for one in everything["sources"]]
    assert ["small"] == [
        one["collection"]
        for one in _search(desk.reader, collections=["", "small", ""]).json()["sources"]
    ]
    assert 404 == _search(desk.reader, collections=["small", "secret"]).status_code
    assert 422 == _search(desk.reader, collection="small", collections=["small"]).status_code
    liked = both["hits"][0]
    named = f"{liked['collection']}/{liked['chip']}"
    again = _search(desk.admin, collections=["small", "secret"], liked=[named], k=20).json()
    assert liked["chip"] not in [
        hit["chip"] for hit in again["hits"] if hit["collection"] == liked["collection"]
    ]


def test_areas_come_in_any_crs_and_form(desk: Desk) -> None:
    degrees = _chips(_search(desk.reader, bbox=[15.17, 52.30, 15.20, 52.40], k=50))
    assert 0 < len(degrees) < 12
    west, south, east, north = 511_600, 5_794_600, 513_600, 5_805_600
    metres = (
        f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    )
    asked = {"area": metres, "area_crs": "EPSG:32633", "k": 50}
    assert sorted(degrees) == sorted(_chips(_search(desk.reader, **asked)))
    named = _search(desk.reader, area=f"SRID=32633;{metres}", k=50)
    assert sorted(degrees) == sorted(_chips(named))
    params = {"text": "a quarry", "area": metres, "area_crs": "EPSG:32633", "k": "50"}
    assert sorted(degrees) == sorted(_chips(desk.reader.get("/v1/search", params=params)))
    form = desk.reader.post("/v1/search", data=params, files={"image": ("", b"")})
    assert sorted(degrees) == sorted(_chips(form)), form.text
    for wrong in ({"area": "a field"}, {"area": metres, "area_crs": "/etc/passwd"}):
        refused = _search(desk.reader, **wrong)
        assert [422, "urn:satseek:problem:invalid-filter"] == [
            refused.status_code,
            refused.json()["type"],
        ]


def test_a_cut_alone_gives_all_above_it(desk: Desk) -> None:
    whole = _search(desk.reader, collection="small", k=50).json()["hits"]
    above = [hit["chip"] for hit in whole if hit["scores"]["percentile"] >= 40]
    assert 2 < len(above) < len(whole)
    assert above == _chips(_search(desk.reader, collection="small", least=40))
    assert above[:2] == _chips(_search(desk.reader, collection="small", least=40, k=2))


def test_conditions_and_levels_are_passed_on(desk: Desk) -> None:
    assert [] == _chips(_search(desk.reader, where=["eo:cloud_cover<=20"]))
    assert [] == _chips(_search(desk.reader, where={"eo:cloud_cover": {"lte": 20}}))
    assert [] == _chips(_search(desk.reader, levels=[2]))
    assert _chips(_search(desk.reader, levels=[1]))
    assert 422 == _search(desk.reader, where=["cloudy"]).status_code
    address = "/v1/search?text=a&where=platform%3Da&level=1&least=50"
    assert [] == _chips(desk.reader.get(address))


def test_chinese_words_are_shown_translated_or_refused(desk: Desk) -> None:
    found = _search(desk.reader, text="水库旁的村庄").json()
    assert found["translated"].startswith("village beside reservoir")
    assert _search(desk.reader, text="a quarry").json()["translated"] is None
    refused = _search(desk.reader, text="火星蓝莓")
    assert [422, "urn:satseek:problem:untranslatable"] == [
        refused.status_code,
        refused.json()["type"],
    ]
    assert "火星" in refused.json()["detail"]


def test_labels_may_be_concepts_and_chinese(desk: Desk, chips: list[str]) -> None:
    concept = {"prompts": ["a harbour"], "liked": [f"small/{chips[0]}"], "negatives": ["a lake"]}
    assert 200 == desk.operator.put("/v1/concepts/ports", json=concept).status_code
    asked = {"collection": "small", "chip": chips[0], "labels": ["@ports", "采石场", "a forest"]}
    answer = desk.reader.post("/v1/classify", json=asked)
    assert 200 == answer.status_code, answer.text
    shown = answer.json()
    assert {"@ports", "采石场", "a forest", "none of these"} == {
        one["label"] for one in shown["labels"]
    }
    assert ["采石场"] == list(shown["translated"])
    assert pytest.approx(1) == sum(one["scores"]["share"] for one in shown["labels"])
    unknown = desk.reader.post("/v1/classify", json={**asked, "labels": ["@nobody"]})
    assert 404 == unknown.status_code


def test_the_client_and_a_folder_do_the_same(desk: Desk, tmp_path: Path) -> None:
    token = desk.operator.headers["authorization"].removeprefix("Bearer ")
    metres = (
        "POLYGON((511600 5794600, 513600 5794600, 513600 5805600, 511600 5805600, 511600 5794600))"
    )
    with (
        satseek.Client(desk.server.url, token=token) as client,
        satseek.open(desk.home / "data") as folder,
    ):
        for one in (client, folder):
            saved = one.save_concept("kilns", prompts=["a brick kiln"], notes=str(tmp_path))
            assert saved == one.concept("kilns")
            assert saved in one.concepts()
        asks: list[dict[str, Any]] = [
            {"text": "水库", "k": 3, "collection": "small"},
            {"concept": "kilns", "collections": ["small"], "k": 3},
            {"text": "a quarry", "area": metres, "area_crs": "EPSG:32633", "collection": "small"},
            {"text": "a quarry", "least": 50, "where": ["a!=1"], "collection": "small"},
            {"text": "a quarry", "where": {"a": {"in": ["x"]}}, "levels": [1], "collections": "*"},
        ]
        for asked in asks[:4]:
            theirs, mine = client.search(**asked), folder.search(**asked)
            assert [hit.chip for hit in theirs] == [hit.chip for hit in mine]
            assert [theirs.collections, theirs.translated, theirs.concept] == [
                mine.collections,
                mine.translated,
                mine.concept,
            ]
            assert (
                json.dumps(theirs.to_geojson()["features"][:1])[:20]
                == json.dumps(mine.to_geojson()["features"][:1])[:20]
            )
        assert [] == list(client.search(**asks[4]))
        client.remove_concept("kilns")
        assert "kilns" not in [one.name for one in folder.concepts()]
