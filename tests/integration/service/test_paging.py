"""Lists come page by page; who sees a collection sees it everywhere, who does not, nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shipped import make_collection

from satseek.assemble import Assembly, Layout
from satseek.settings import Settings

if TYPE_CHECKING:
    from conftest import Desk
    from httpx import Client

CHIPS = 12
FIRST_SCENE = "15.17,52.3,15.2,52.4"


def walk(client: Client, path: str, field: str) -> list[Any]:
    """Follow ``next`` to the end; the header says the same."""
    found: list[Any] = []
    step: str | None = path
    while step:
        answer = client.get(step).raise_for_status()
        page = answer.json()
        found += page[field]
        step = page["next"]
        said = answer.headers.get("link", "")
        assert (f'<{step}>; rel="next"' if step else "") == said
    return found


@pytest.mark.parametrize("limit", [1, 5, 6, 12, 1000])
def test_every_chip_comes_once(desk: Desk, limit: int) -> None:
    chips = walk(desk.reader, f"/v1/collections/small/chips?limit={limit}", "chips")
    assert CHIPS == len(chips) == len({chip["chip"] for chip in chips})
    shown = desk.reader.get(chips[0]["thumbnail"]).raise_for_status()
    assert "image/jpeg" == shown.headers["content-type"]


def test_filters_hold_on_every_page(desk: Desk) -> None:
    path = f"/v1/collections/small/chips?bbox={FIRST_SCENE}&limit=3"
    chips = walk(desk.reader, path, "chips")
    assert {"2024-05-03 scene.tif"} == {chip["scene"] for chip in chips}
    assert 4 == len(chips) == desk.reader.get(path).json()["matched"]
    dated = walk(
        desk.reader, "/v1/collections/small/chips?start=2024-08-01&end=2024-08-31", "chips"
    )
    assert {"2024-08-17 scene.tif"} == {chip["scene"] for chip in dated}


def test_geojson_has_links_and_counts(desk: Desk) -> None:
    path = "/v1/collections/small/chips?limit=5"
    answer = desk.reader.get(path, headers={"accept": "application/geo+json"}).raise_for_status()
    assert "application/geo+json" == answer.headers["content-type"]
    page = answer.json()
    assert (CHIPS, 5) == (page["numberMatched"], page["numberReturned"])
    (link,) = page["links"]
    following = desk.reader.get(link["href"] + "&f=geojson").raise_for_status().json()
    first, second = ({feature["id"] for feature in one["features"]} for one in (page, following))
    assert set() == first & second


def test_a_cursor_of_another_filter_or_list_is_refused(desk: Desk) -> None:
    page = desk.reader.get("/v1/collections/small/chips?limit=2").json()
    cursor = page["next"].partition("cursor=")[2]
    for path in (
        f"/v1/collections/small/chips?limit=2&start=2024-01-01&cursor={cursor}",
        f"/v1/collections/small/refusals?cursor={cursor}",
        f"/v1/collections?cursor={cursor}",
        "/v1/collections/small/chips?cursor=bm9uc2Vuc2U",
        "/v1/collections/small/chips?cursor=%C3%A4",
        "/v1/collections/small/chips?cursor=WzEsIDIsICJ4Il0",
    ):
        answer = desk.reader.get(path)
        assert 422 == answer.status_code, path
        assert answer.json()["detail"].startswith("cursor: ")


def test_a_cursor_from_before_a_change_is_refused(desk: Desk) -> None:
    assembly = Assembly(Settings(data_dir=desk.home / "data"))
    make_collection(assembly, "moving")
    page = desk.operator.get("/v1/collections/moving/chips?limit=1").raise_for_status().json()
    with assembly.writer("moving", Layout()) as target:
        target.remove(["moving-0-2"])
    answer = desk.operator.get(page["next"])
    assert 409 == answer.status_code
    assert "generation" in answer.json()["detail"]
    assert 2 == len(walk(desk.operator, "/v1/collections/moving/chips?limit=1", "chips"))
    desk.operator.delete("/v1/collections/moving").raise_for_status()


def test_collections_and_refusals_come_in_pages(desk: Desk) -> None:
    names = [one["name"] for one in walk(desk.operator, "/v1/collections?limit=1", "collections")]
    assert ["secret", "small"] == names
    refused = walk(desk.operator, "/v1/collections/small/refusals?limit=1", "refusals")
    assert ["broken.tif"] == [one["path"] for one in refused]


@pytest.mark.parametrize("limit", [0, -1, 1001, "many"])
def test_pages_have_a_size(desk: Desk, limit: object) -> None:
    assert 422 == desk.reader.get(f"/v1/collections?limit={limit}").status_code


def test_what_one_does_not_see_is_told_as_what_is_not_there(desk: Desk) -> None:
    assert ["small"] == [
        one["name"] for one in desk.reader.get("/v1/collections").json()["collections"]
    ]
    for path in (
        "/v1/collections/{}",
        "/v1/collections/{}/refusals",
        "/v1/collections/{}/chips",
        "/v1/collections/{}/chips/secret-0-1",
        "/v1/collections/{}/thumbnail?chip=secret-0-1",
        "/v1/search?text=a+harbour&collection={}",
    ):
        hidden, missing = (desk.reader.get(path.format(name)) for name in ("secret", "nowhere"))
        assert 404 == hidden.status_code == missing.status_code, path
        told = hidden.json()["detail"]
        assert missing.json()["detail"] == told.replace("secret", "nowhere")
        assert "there are: small" in told
    assert 200 == desk.operator.get("/v1/collections/secret").status_code


def test_a_collection_goes_by_who_may_change_it(desk: Desk) -> None:
    assembly = Assembly(Settings(data_dir=desk.home / "data"))
    make_collection(assembly, "going")
    assert 403 == desk.reader.delete("/v1/collections/going").status_code
    with assembly.writer("going", Layout()):
        answer = desk.operator.delete("/v1/collections/going")
        assert (409, "urn:satseek:problem:collection-locked") == (
            answer.status_code,
            answer.json()["type"],
        )
    assert 204 == desk.operator.delete("/v1/collections/going").status_code
    assert 404 == desk.operator.delete("/v1/collections/going").status_code
    assert not (desk.home / "data" / "collections" / "going").exists()
    assert [] == list((desk.home / "data" / "collections").glob(".removed-*"))
    assert 422 == desk.operator.delete("/v1/collections/.hidden").status_code
