"""The whole story in a real browser, outside network blocked, with pictures kept for the guide."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Tab

DEAF_MS = 100
"""After a corner Leaflet.draw takes no click for 50 ms of the page's own clock."""


def test_from_the_first_visit_to_a_file_in_the_gis(tab: Tab, tmp_path: Path) -> None:
    page = tab.open().page
    assert tab.count(".example") == 3
    tab.shoot("welcome")

    page.click(".example")  # storage tanks
    page.wait_for_selector(".card")
    tab.settle()
    assert page.input_value("#words") == "storage tanks"
    page.hover(".card:nth-child(3)")
    tab.wait_count("path.footprint.lit", 1)
    tab.shoot("hits")

    _draw_the_east(tab)
    everywhere = httpx.get(f"{tab.url}/v1/collections/county", timeout=60).json()["extent"]
    middle = (everywhere[0] + everywhere[2]) / 2
    tab.page.wait_for_selector(".token")
    tab.settle()
    assert all(_east_of(tab, chip) > middle for chip in tab.chips())

    page.hover(".card")
    with page.expect_response("**/v1/search"):
        page.locator("button[aria-label='More like this']").first.click()
    tab.settle()
    assert tab.count(".token") == 2
    tab.shoot("refine")

    with page.expect_response("**/heat/**"):
        page.click("#layer-heat")
    assert page.is_visible(".heat-legend")
    tab.shoot("heat")

    file = _download(tab, "gpkg", tmp_path)
    assert file.read_bytes().startswith(b"SQLite format 3")
    hits = json.loads(_download(tab, "geojson", tmp_path).read_text(encoding="utf-8"))
    assert [one["id"] for one in hits["features"]] == tab.chips()

    with page.expect_response("**/scenes/tiles/**start=2024-06-02**"):
        page.click("[data-view=compare]")
    page.focus(".swipe input")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('.swipe input').value") == "501"
    assert (tab.text("#swipe-before"), tab.text("#swipe-after")) == ("2024-06-02", "2025-08-27")
    tab.shoot("compare")
    page.click("[data-view=search]")
    assert not page.is_visible(".swipe-line")


def _draw_the_east(tab: Tab) -> None:
    tab.page.click("#draw-polygon")
    box = tab.page.locator("path.extent").bounding_box()
    assert box is not None
    left, right = box["x"] + 0.6 * box["width"], box["x"] + box["width"] - 4
    top, bottom = box["y"] + 40, box["y"] + box["height"] - 4
    corners = [(left, top), (right, top + 90), (right, bottom), (left + 10, bottom), (left, top)]
    for count, (x, y) in enumerate(corners, 1):
        tab.page.mouse.move(x, y, steps=3)
        tab.page.mouse.click(x, y)
        if count < len(corners):
            tab.wait_count(".leaflet-editing-icon", count)
            tab.page.evaluate(f"new Promise((done) => setTimeout(done, {DEAF_MS}))")


def _east_of(tab: Tab, chip: str) -> float:
    """Largest longitude of a chip."""
    path = f"{tab.url}/v1/collections/county/chips/{chip}"
    ring = httpx.get(path, timeout=60).json()["geometry"]["coordinates"][0]
    return float(max(point[0] for point in ring))


def _download(tab: Tab, name: str, folder: Path) -> Path:
    tab.page.click("#status .small")
    tab.page.select_option("#download select", name)
    with tab.page.expect_download() as download:
        tab.page.click("#download .primary")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    tab.page.wait_for_selector("#download", state="hidden")
    return path


def test_the_collection_is_classified_with_own_labels(tab: Tab) -> None:
    page = tab.open().page
    page.click("[data-view=classes]")
    page.fill("#labels", "farmland\na river\na residential area\nopen water")
    with page.expect_response("**/classes/**/*.png**"):
        page.click("#classify .primary")
    rows = page.locator("#classes tbody tr").all_inner_texts()
    assert [row.split("\t")[0].strip() for row in rows] == [
        "farmland",
        "a river",
        "a residential area",
        "open water",
        "none of these",
    ]
    hectares = [float(row.split("\t")[3].replace(",", "")) for row in rows]
    told = httpx.get(f"{tab.url}/v1/collections/county", timeout=60).json()
    assert told["chips"] > 0
    assert 400 < sum(hectares) < 700  # a county of 2.56 km and what its cells overhang
    assert tab.count(".legend li") >= 2
    tab.shoot("classes")


def test_a_folder_is_indexed_as_a_job_and_can_be_searched(tab: Tab) -> None:
    page = tab.open().page
    page.click("[data-view=collections]")
    page.wait_for_selector("[data-collection=small]")
    page.click("[data-collection=small] summary")
    page.wait_for_selector("[data-collection=small] li")
    assert "broken.tif" in tab.text("[data-collection=small] li")
    page.fill("#index [name=folder]", "scenes")
    page.fill("#index [name=collection]", "again")
    tab.shoot("collections")
    page.click("#index .primary")
    page.wait_for_selector(".job[data-state=done]")
    assert "Index into again" in tab.text(".job h3")
    page.wait_for_selector("#collection option[value=again]", state="attached")
    page.select_option("#collection", "again")
    page.click("[data-view=search]")
    tab.search("a quarry")
    assert len(tab.chips()) == 12
    page.goto("about:blank")  # nothing asks for its tiles any more
    httpx.delete(f"{tab.url}/v1/collections/again", timeout=60).raise_for_status()


def test_a_waiting_job_is_cancelled(tab: Tab) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    asked = {"task": "verify", "collection": "county", "not_before": later}
    httpx.post(f"{tab.url}/v1/jobs", json=asked, timeout=60).raise_for_status()
    page = tab.open().page
    page.click("[data-view=jobs]")
    page.wait_for_selector(".job:first-child[data-state=queued]")
    assert "waits until " in tab.text(".job .quiet")
    page.focus(".job:first-child button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".job:first-child[data-state=cancelled]")
    assert tab.text(".job .badge") == "cancelled"
    assert tab.text(".job h3") == "Verify county"
    assert tab.text("#jobs-said") == "Verify county: cancelled"


def test_a_folder_is_classified_now_and_again_and_its_table_taken(tab: Tab, tmp_path: Path) -> None:
    page = tab.open().page
    page.click("[data-view=jobs]")
    page.click("#order-box summary")
    page.select_option("#order [name=task]", "classify")
    page.fill("#order [name=folder]", "scenes")
    page.fill("#order [name=labels]", "a harbour\na forest\n")
    page.click("#order-go")
    page.wait_for_selector(".job:first-child[data-state=done]:has-text('Classify scenes')")
    with page.expect_download() as download:
        page.click(".job:first-child li a")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert "a harbour" in path.read_text(encoding="utf-8")
    page.click(".job:first-child summary")
    page.wait_for_function(
        "() => document.querySelector('.job .log').textContent.includes('classified')"
    )

    page.click("#order-box summary")
    page.select_option("#order [name=task]", "compact")
    page.select_option("#order [name=collection]", "county")
    page.select_option("#order [name=when]", "week")
    page.fill("#order [name=schedule]", "sundays")
    page.click("#order-go")
    page.wait_for_selector("[data-schedule=sundays]")
    page.click(".toast .round")
    assert "Compact county · next " in tab.text("[data-schedule=sundays] .quiet")
    assert "30 2 * * 0" in tab.text("[data-schedule=sundays] code")
    tab.shoot("jobs")
    page.click("[data-schedule=sundays] .round")
    page.wait_for_selector("[data-schedule=sundays]", state="detached")


def test_a_folder_that_may_not_be_named_is_told(tab: Tab) -> None:
    page = tab.open().page
    page.click("[data-view=collections]")
    page.fill("#index [name=folder]", "/etc")
    page.fill("#index [name=collection]", "etc")
    page.click("#index .primary")
    assert "reference_roots" in tab.text(".toast")
    assert len(tab.complaints) == 1  # the browser's own line on the refused request
    tab.complaints.clear()


def test_a_question_is_saved_as_a_concept_and_asked_again(tab: Tab) -> None:
    page = tab.open("?collection=small").page
    tab.search("a quarry")
    page.hover(".card")
    with page.expect_response("**/v1/search"):
        page.locator("button[aria-label='More like this']").first.click()
    tab.settle()
    hits = tab.chips()
    page.click("#status [aria-label='Save as a concept']")
    page.fill("#download input", "pits")
    page.click("#download .primary")
    assert "Saved as pits, version " in tab.text(".toast")
    page.click("[data-view=saved]")
    assert "1 liked" in tab.text("[data-concept=pits]")
    with page.expect_response("**/v1/search"):
        page.click("[data-concept=pits] button:not(.round)")
    tab.settle()
    assert tab.text(".token") == "@pits"
    assert set(hits) < set(tab.chips())  # saved chips may be found again
    page.click("[data-view=saved]")
    page.click("[data-concept=pits] .round")
    page.wait_for_selector("#concepts .empty")


def test_words_in_chinese_show_what_they_were_taken_for(tabs: Callable[..., Tab]) -> None:
    tab = tabs(locale="zh-CN", color_scheme="dark").open()
    tab.page.click(".example")
    tab.page.wait_for_selector(".card")
    tab.settle()
    assert tab.text(".remark") == "查询译为：storage tanks"
    tab.shoot("chinese")


def test_the_card_of_a_model_says_its_licences(tab: Tab) -> None:
    page = tab.open().page
    page.click("[data-view=models]")
    page.wait_for_selector("[data-model=starter] .badge")
    page.click("[data-model=starter] button")
    page.wait_for_selector("#keys[open]")
    assert "licence: weights" in tab.text("#keys")
    tab.shoot("models")


def test_tablets_are_held_either_way(tabs: Callable[..., Tab]) -> None:
    for name, (width, height) in {"tablet": (1024, 768), "upright": (768, 1024)}.items():
        tab = tabs(width=width, height=height, has_touch=True).open("?q=a+river")
        tab.settle()
        body = tab.page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]")
        assert body == [width, height]
        tab.page.touchscreen.tap(*_middle(tab, ".card .acts button:nth-child(2)"))
        tab.wait_count(".token", 1)
        tab.settle()
        tab.shoot(name)


def _middle(tab: Tab, selector: str) -> tuple[float, float]:
    box = tab.page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
