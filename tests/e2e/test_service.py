"""Every route of the real server, over real HTTP."""

from __future__ import annotations

import base64
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
import serving
from PIL import Image

from satseek.assemble import Assembly
from satseek.search.searching import search
from satseek.settings import Settings
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHIPS = 3 * 2 * 2
LOGGED_SECONDS = 20
WEST, EAST = 15.17, 15.20  # around the first scene alone


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one collection, ``small``, made by the real command."""
    home = tmp_path_factory.mktemp("service")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[serving.Server]:
    with serving.running_server(home / "data") as server:
        yield server


@pytest.fixture(scope="module")
def http(server: serving.Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    return serving.png(tmp_path / "picture.png").read_bytes()


def test_text_search_gives_ranked_hits_with_named_scores(http: httpx.Client) -> None:
    asked = {"collection": "small", "text": "a harbour", "k": 5}
    answer = http.post("/v1/search", json=asked).raise_for_status().json()
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    cosines = [hit["scores"]["cosine"] for hit in answer["hits"]]
    assert cosines == sorted(cosines, reverse=True)
    for hit in answer["hits"]:
        assert set(hit["scores"]) == {"cosine", "match", "percentile"}
        assert hit["datetime"].endswith("+00:00")
        assert hit["footprint"]["type"] == "Polygon"
    assert "confidence" not in json.dumps(answer)


def test_served_hits_are_those_of_the_use_case(http: httpx.Client, home: Path) -> None:
    texts = ["a harbour", "A  Harbour!", "dense forest", "an airport beside a river"]
    assembly = Assembly(Settings(**_settings_of(home)))
    index = assembly.matched("small").collection
    for text in texts:
        direct = search(Query(text=text, k=CHIPS), index=index, embedder=assembly.embedder)
        served = http.post("/v1/search", json={"text": text, "k": CHIPS}).json()
        assert [hit["chip"] for hit in served["hits"]] == [hit.chip.id for hit in direct.hits]
        for shown, hit in zip(served["hits"], direct.hits, strict=True):
            assert shown["scores"] == pytest.approx(dict(hit.scores), abs=1e-5)
    assembly.close()


def _settings_of(home: Path) -> dict[str, object]:
    model = os.environ.get("SATSEEK_MODEL")
    return {"data_dir": home / "data"} | ({"model": model} if model else {})


def test_get_search_is_the_same_as_post(http: httpx.Client) -> None:
    posted = http.post("/v1/search", json={"text": "a quarry", "k": 3}).json()
    got = http.get("/v1/search", params={"text": "a quarry", "k": 3}).json()
    assert got["hits"] == posted["hits"]


def test_geojson_comes_by_accept_header_or_by_parameter(http: httpx.Client) -> None:
    asked = {"text": "a quarry", "k": 3}
    by_header = http.get(
        "/v1/search", params=asked, headers={"accept": "application/geo+json"}
    ).raise_for_status()
    by_parameter = http.get("/v1/search", params=asked | {"f": "geojson"}).raise_for_status()
    for response in (by_header, by_parameter):
        assert response.headers["content-type"] == "application/geo+json"
        content = response.json()
        assert content["type"] == "FeatureCollection"
        assert content["collection"] == "small"
        for rank, feature in enumerate(content["features"], 1):
            assert feature["geometry"]["type"] == "Polygon"
            assert feature["properties"]["rank"] == rank
            assert -1 <= feature["properties"]["cosine"] <= 1


def test_filters_restrict_place_and_time(http: httpx.Client) -> None:
    box = [WEST, 52.3, EAST, 52.4]
    square = {
        "type": "Feature",
        "properties": {},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[WEST, 52.3], [EAST, 52.3], [EAST, 52.4], [WEST, 52.4], [WEST, 52.3]]],
        },
    }
    everywhere = http.post("/v1/search", json={"text": "x", "k": 100}).json()["hits"]
    in_box = http.post("/v1/search", json={"text": "x", "k": 100, "bbox": box}).json()["hits"]
    in_area = http.post("/v1/search", json={"text": "x", "k": 100, "area": square}).json()["hits"]
    day = {"text": "x", "k": 100, "start": "2024-08-17", "end": "2024-08-17"}
    on_day = http.get("/v1/search", params=day).json()["hits"]
    assert len(everywhere) == CHIPS
    assert [hit["chip"] for hit in in_box] == [hit["chip"] for hit in in_area]
    assert {hit["scene"] for hit in in_box} == {"2024-05-03 scene.tif"}
    assert {hit["scene"] for hit in on_day} == {"2024-08-17 scene.tif"}


def test_a_chip_finds_its_like_but_never_itself(http: httpx.Client) -> None:
    chip = http.get("/v1/search", params={"text": "x", "k": 1}).json()["hits"][0]["chip"]
    asked = {"liked": [chip], "k": 100}
    found = [hit["chip"] for hit in http.post("/v1/search", json=asked).json()["hits"]]
    assert len(found) == CHIPS - 1
    assert chip not in found


def test_an_image_finds_the_same_as_file_and_as_base64(http: httpx.Client) -> None:
    chip = http.get("/v1/search", params={"text": "x", "k": 1}).json()["hits"][0]
    image = http.get(f"{chip['thumbnail']}&size=1024").content
    encoded = base64.b64encode(image).decode()
    as_file = http.post(
        "/v1/search",
        files={"image": ("a.jpg", image)},
        data={"k": "4", "collection": "small", "bbox": "", "start": "2024-01-01"},
    )
    plain = http.post("/v1/search", json={"image": encoded, "k": 4, "start": "2024-01-01"})
    address = http.post(
        "/v1/search",
        json={"image": f"data:image/jpeg;base64,{encoded}", "k": 4, "start": "2024-01-01"},
    )
    hits = as_file.raise_for_status().json()["hits"]
    assert {name for hit in hits for name in hit["scores"]} == {"cosine", "percentile"}
    assert hits[0]["chip"] == chip["chip"]
    assert plain.json()["hits"] == hits
    assert address.json()["hits"] == hits


def test_classify_takes_form_json_and_chip(http: httpx.Client, picture: bytes) -> None:
    labels = ["a harbour", "a forest", "a quarry"]
    form = http.post(
        "/v1/classify", files={"image": ("a.png", picture)}, data={"labels": "\n".join(labels)}
    )
    encoded = base64.b64encode(picture).decode()
    posted = http.post("/v1/classify", json={"image": encoded, "labels": labels})
    answer = form.raise_for_status().json()
    assert posted.json() == answer
    assert {one["label"] for one in answer["labels"]} == {*labels, "none of these"}
    shares = [one["scores"]["share"] for one in answer["labels"]]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert answer["best"] == answer["labels"][0]["label"]

    chip = http.get("/v1/search", params={"text": "x", "k": 1}).json()["hits"][0]["chip"]
    asked = {"collection": "small", "chip": chip, "labels": labels, "distractors": []}
    of_chip = http.post("/v1/classify", json=asked).raise_for_status().json()
    assert {one["label"] for one in of_chip["labels"]} == set(labels)


def test_similarity_keeps_the_order_asked(http: httpx.Client, picture: bytes) -> None:
    texts = ["a harbour", "a forest", "a quarry"]
    form = http.post(
        "/v1/similarity", files={"image": ("a.png", picture)}, data={"text": "\n".join(texts)}
    )
    encoded = base64.b64encode(picture).decode()
    posted = http.post("/v1/similarity", json={"image": encoded, "text": texts})
    answer = form.raise_for_status().json()
    assert [one["label"] for one in answer["texts"]] == texts
    assert all(set(one["scores"]) == {"cosine", "match"} for one in answer["texts"])
    assert posted.json() == answer


def test_a_text_scores_the_same_alone_and_among_others(http: httpx.Client, picture: bytes) -> None:
    encoded = base64.b64encode(picture).decode()
    alone = http.post("/v1/similarity", json={"image": encoded, "text": ["a small harbour"]})
    long = "a very long sentence about a wide river with many bridges and boats"
    among = http.post("/v1/similarity", json={"image": encoded, "text": [long, "a small harbour"]})
    first = alone.json()["texts"][0]["scores"]["cosine"]
    assert among.json()["texts"][1]["scores"]["cosine"] == pytest.approx(first, abs=1e-5)


def test_collections_are_listed_and_shown(http: httpx.Client) -> None:
    (listed,) = http.get("/v1/collections").json()["collections"]
    assert listed["name"] == "small"
    assert listed["chips"] == CHIPS
    assert listed["scenes"] == 3
    assert listed["refusals"] == 1
    assert listed["searchable"]
    assert listed["start"][:10] == "2024-05-03"
    assert listed["end"][:10] == "2025-02-11"
    west, south, east, north = listed["extent"]
    assert west < east
    assert south < north
    details = http.get("/v1/collections/small").json()
    assert details.items() >= listed.items()
    assert details["grid"]["chip_px"] == 256
    assert details["recipe"]["name"]
    (refusal,) = http.get("/v1/collections/small/refusals").json()["refusals"]
    assert refusal["path"] == "broken.tif"
    assert refusal["reason"]


def test_a_chip_is_shown_as_feature_and_as_jpeg(http: httpx.Client) -> None:
    hit = http.get("/v1/search", params={"text": "x", "k": 1}).json()["hits"][0]
    feature = http.get(f"/v1/collections/small/chips/{quote(hit['chip'])}")
    assert feature.headers["content-type"] == "application/geo+json"
    assert feature.json()["id"] == hit["chip"]
    assert feature.json()["geometry"] == hit["footprint"]
    jpeg = http.get(hit["thumbnail"], params={"chip": hit["chip"], "size": 64})
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(jpeg.content)).size == (64, 64)
    assert "max-age" in jpeg.headers["cache-control"]
    again = http.get(
        hit["thumbnail"],
        params={"chip": hit["chip"], "size": 64},
        headers={"if-none-match": jpeg.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


def test_model_card_probes_and_metrics(http: httpx.Client) -> None:
    card = http.get("/v1/model").json()
    assert card["dim"] > 0
    assert "licences" in card
    assert http.get("/livez").json() == {"status": "live"}
    assert http.get("/readyz").json() == {"status": "ready", "model": _ref(card)}
    http.get("/v1/search", params={"text": "x", "k": 1}).raise_for_status()
    text = http.get("/metrics").text
    labels = 'door="http",method="GET",route="/v1/search",status="200"'
    assert f"satseek_requests_total{{{labels}}}" in text
    assert f'satseek_chips{{collection="small"}} {CHIPS}.0' in text
    assert "satseek_ready 1.0" in text
    named = f'name="{card["name"]}",version="{card["version"]}"'
    assert f"satseek_model_info{{{named}}} 1.0" in text
    assert 'satseek_model_swaps_total{outcome="done"} 1.0' in text
    assert 'satseek_model_swaps_total{outcome="refused"} 0.0' in text


def _ref(card: dict[str, str]) -> str:
    return f"{card['name']}@{card['version']}"


def test_the_api_describes_itself_without_outside_addresses(http: httpx.Client) -> None:
    openapi = http.get("/openapi.json").json()
    body = openapi["paths"]["/v1/search"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    listing = http.get("/docs").text
    for path in openapi["paths"]:
        assert path in listing
    assert "http://" not in listing.replace("http://127.0.0.1", "")
    assert "https://" not in listing


def test_every_answer_has_an_id_and_one_log_line(
    http: httpx.Client, server: serving.Server
) -> None:
    asked = {"text": "x", "k": 2}
    answer = http.get("/v1/search", params=asked, headers={"x-request-id": "my-own-1"})
    assert answer.headers["x-request-id"] == "my-own-1"
    other = http.get("/v1/search", params=asked, headers={"x-request-id": "not\tallowed"})
    assert other.headers["x-request-id"] != "not\tallowed"
    logged = _logged(server, "my-own-1")
    assert logged["status"] == 200
    assert logged["hits"] == 2
    assert logged["collection"] == "small"


def test_an_address_cannot_forge_a_log_line(http: httpx.Client, server: serving.Server) -> None:
    assert http.get("/v1/%0Aforged%20line").status_code == 404
    assert _logged(server, "forged")["path"] == "/v1/%0Aforged%20line"


def _logged(server: serving.Server, text: str) -> dict[str, Any]:
    """The one line that holds a text; it is written once the answer has been sent."""
    deadline = time.monotonic() + LOGGED_SECONDS
    while text not in server.lines() and time.monotonic() < deadline:
        time.sleep(0.01)
    (line,) = [line for line in server.lines().splitlines() if text in line]
    return dict(json.loads(line))
