"""The page in a real browser: what a person does and what they see."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import httpx
import serving
from selenium.webdriver.common.action_chains import ActionChains
from shipped import activate, store_variant

from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Browser

CHIPS = 3 * 2 * 2


def test_typed_words_give_thumbnails_and_footprints(page: Browser, server: serving.Server) -> None:
    page.search("a harbour with ships")
    found = httpx.get(
        f"{server.url}/v1/search", params={"text": "a harbour with ships", "k": 24}, timeout=60
    ).json()["hits"]
    assert page.chips() == [hit["chip"] for hit in found]
    assert page.wait(f"return document.querySelectorAll('path.footprint').length === {CHIPS}")
    first = page.one(".chip")
    assert first.find_element("css selector", ".rank").text == "1"
    shown = first.find_element("css selector", ".scores").text.split()
    assert shown[::2] == ["percentile", "cosine", "match"]
    assert shown[3] == f"{found[0]['scores']['cosine']:.3f}"
    assert found[0]["datetime"][:10] in first.text
    assert "confidence" not in page.driver.page_source


def test_nothing_leaves_this_machine(browser: Browser, server: serving.Server) -> None:
    browser.addresses()
    browser.complaints()
    browser.open(server.url)
    browser.search("a quarry")
    asked = browser.addresses()
    host = server.url.removeprefix("http://")
    assert len(asked) > 20
    assert {url for url in asked if url.split("/")[2] != host} == set()
    assert browser.complaints() == []


def test_a_card_lights_its_footprint_and_the_other_way_round(page: Browser) -> None:
    page.search("a quarry")
    page.wait(f"return document.querySelectorAll('path.footprint').length === {CHIPS}")
    ActionChains(page.driver).move_to_element(page.one(".chip .facts")).perform()
    assert page.wait("return document.querySelectorAll('path.footprint.lit').length === 1")
    assert page.one(".chip.lit").get_attribute("data-chip") == page.chips()[0]
    other = page.all("path.footprint:not(.lit)")[0]
    ActionChains(page.driver).move_to_element(other).click().perform()
    lit = page.wait("return document.querySelector('.chip.lit').dataset.chip")
    assert lit in page.chips()[1:]


def test_similar_looks_for_one_chip(page: Browser) -> None:
    page.search("a quarry")
    chosen = page.chips()[2]
    page.all("button[aria-label='Find similar chips']")[2].click()
    page.wait("return new URL(location).searchParams.has('like')")
    assert len(page.chips()) == CHIPS - 1
    assert chosen not in page.chips()
    assert page.one(".chip .scores").text.split()[::2] == ["percentile", "cosine"]
    assert "without match" in page.one(".status").text
    assert page.one(".token").text.startswith("like this")
    page.one(".token button").click()
    assert page.wait("return document.querySelector('.empty h2')?.textContent")


def test_more_and_less_like_this_refine_the_words(page: Browser) -> None:
    page.search("a quarry")
    liked, disliked = page.chips()[:2]
    page.all("button[aria-label='More like this']")[0].click()
    page.wait("return document.querySelectorAll('.token').length === 1")
    page.wait(f"return document.querySelectorAll('.chip').length === {CHIPS - 1}")
    position = page.chips().index(disliked)
    page.all("button[aria-label='Less like this']")[position].click()
    page.wait(f"return document.querySelectorAll('.chip').length === {CHIPS - 2}")
    assert {liked, disliked}.isdisjoint(page.chips())
    assert len(page.all(".token.not")) == 1


def _set_date(page: Browser, label: str, value: str) -> None:
    field = page.one(f"input[aria-label='{label}']")
    page.driver.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));",
        field,
        value,
    )


def test_dates_restrict_the_hits(page: Browser) -> None:
    _set_date(page, "From", "2024-08-01")
    _set_date(page, "To", "2024-08-31")
    page.search("a quarry")
    assert len(page.chips()) == CHIPS // 3
    assert all(chip.startswith("2024-08-17 scene.tif") for chip in page.chips())


def test_dates_without_any_chip_are_explained(page: Browser) -> None:
    _set_date(page, "From", "2030-01-01")
    page.one("input[aria-label='Words to look for']").send_keys("a quarry\n")
    told = page.wait("return document.querySelector('.empty p')?.textContent.includes('dates')")
    assert told
    assert page.chips() == []


def test_dates_in_the_wrong_order_are_told(page: Browser) -> None:
    _set_date(page, "From", "2025-01-01")
    _set_date(page, "To", "2024-01-01")
    page.one("input[aria-label='Words to look for']").send_keys("a quarry\n")
    assert page.notification().startswith("dates: expected")
    assert "dates: expected" in page.one(".empty").text


def test_nothing_typed_is_told(page: Browser) -> None:
    page.one("button.go").click()
    assert "Type what to look for" in page.notification()


def test_a_drawn_area_restricts_the_hits(page: Browser) -> None:
    page.search("a quarry")
    page.wait(f"return document.querySelectorAll('path.footprint').length === {CHIPS}")
    page.one(".leaflet-draw-draw-rectangle").click()
    box = page.driver.execute_script(
        "const box = document.querySelector('path.extent').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    left, top, width, height = (int(side) for side in box)
    drag = ActionChains(page.driver)
    drag.w3c_actions.pointer_action.move_to_location(left - 8, top - 8)
    drag.w3c_actions.pointer_action.pointer_down()
    drag.w3c_actions.pointer_action.move_to_location(left + width // 5, top + height // 2)
    drag.w3c_actions.pointer_action.move_to_location(left + width // 4, top + height + 8)
    drag.w3c_actions.pointer_action.pointer_up()
    drag.perform()
    page.wait("return document.querySelector('.token')?.textContent.includes('drawn area')")
    page.wait(f"return document.querySelectorAll('.chip').length === {CHIPS // 3}")
    assert all(chip.startswith("2024-05-03 scene.tif") for chip in page.chips())
    assert len(page.all("path.area")) == 1
    page.one(".token button").click()
    page.wait(f"return document.querySelectorAll('.chip').length === {CHIPS}")
    assert page.all("path.area") == []


def test_an_image_is_searched_with(page: Browser, tmp_path: Path, server: serving.Server) -> None:
    hits = httpx.get(f"{server.url}/v1/search", params={"text": "x", "k": 12}, timeout=60).json()
    wanted = hits["hits"][5]
    picture = tmp_path / "from my disk.jpg"
    thumbnail = f"{server.url}{wanted['thumbnail']}&size=1024"
    picture.write_bytes(httpx.get(thumbnail, timeout=60).content)
    page.one("input[type=file]").send_keys(str(picture))
    page.wait("return document.querySelector('.token')?.textContent.includes('from my disk.jpg')")
    page.wait_for_pictures()
    assert page.chips()[0] == wanted["chip"]


def test_a_file_that_is_no_image_is_told(page: Browser, tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_text("these are words")
    page.one("input[type=file]").send_keys(str(file))
    assert "notes.png" in page.notification()


def test_an_example_is_asked_by_a_click(page: Browser) -> None:
    page.one(".ask .word").click()
    page.wait_for_pictures()
    asked = page.wait("return new URL(location).searchParams.get('q')")
    assert page.one("input[aria-label='Words to look for']").get_attribute("value") == asked


def test_an_address_asks_again(browser: Browser, server: serving.Server) -> None:
    browser.open(f"{server.url}/?q=a+river&k=12&start=2025-01-01")
    browser.wait_for_pictures()
    assert all(chip.startswith("2025-02-11 scene.tif") for chip in browser.chips())


def test_a_hit_is_shown_large(page: Browser) -> None:
    page.search("a quarry")
    page.one(".chip .picture").click()
    assert page.wait("return document.querySelector('.detail img')?.naturalWidth > 0")
    scene = page.chips()[0].split("/")[0]
    assert page.wait(f"return document.querySelector('.detail').innerText.includes('{scene}')")
    address = page.one(".detail a").get_attribute("href")
    assert address is not None
    assert httpx.get(address, timeout=60).json()["id"] == page.chips()[0]


def test_hits_are_downloaded_as_geojson(page: Browser) -> None:
    page.search("a quarry")
    expected = page.chips()
    button = next(one for one in page.all(".status button") if "GeoJSON" in one.text)
    button.click()
    path = page.downloads / "hits.geojson"
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [feature["id"] for feature in content["features"]] == expected


def test_without_a_collection_the_page_says_how_to_make_one(
    browser: Browser, tmp_path: Path
) -> None:
    with serving.running_server(tmp_path / "data") as empty:
        browser.open(empty.url)
        assert browser.one(".empty h2").text == "No collection yet"
        assert "satseek index" in browser.one(".empty code").text


def test_images_without_georeference_are_found_but_not_mapped(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    serving.png(tmp_path / "plain" / "a.png", width=256, height=256)
    serving.index(tmp_path / "data", tmp_path / "plain", "plain")
    with serving.running_server(tmp_path / "data") as plain:
        browser.open(f"{plain.url}/?q=a+quarry")
        browser.wait_for_pictures()
        assert "no date" in browser.one(".chip").text
        assert browser.footprints() == 0
        assert "no georeference" in browser.one(".side .hint").text


def test_another_number_of_hits_is_asked_at_once(page: Browser) -> None:
    page.search("a quarry")
    page.one(".filters .slim .q-field__control").click()
    page.wait("return document.querySelectorAll('.q-menu .q-item').length === 4")
    page.one(".q-menu .q-item").click()
    assert page.wait("return new URL(location).searchParams.get('k') === '12'")


def test_an_address_keeps_liked_chips(browser: Browser, server: serving.Server) -> None:
    hit = httpx.get(f"{server.url}/v1/search", params={"text": "x", "k": 1}, timeout=60).json()
    chip = hit["hits"][0]["chip"]
    browser.open(f"{server.url}/?{httpx.QueryParams({'like': chip})}")
    browser.wait_for_pictures()
    assert len(browser.all(".token")) == 1
    assert chip not in browser.chips()


def test_another_model_is_shown_and_the_collection_keeps_its_own(
    browser: Browser, home: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(home / "data", tmp_path / "data")
    store = ModelStore(data / "models")
    other = store_variant(store, tmp_path / "other", mean=0.1)
    image = serving.png(tmp_path / "a.png", width=300, height=200)
    with serving.running_server(data) as server:
        browser.open(server.url)
        before = browser.one(".model").text
        assert before.startswith("satseek-starter@")
        browser.one("input[type=file]").send_keys(str(image))
        browser.wait_for_pictures()
        scores = browser.one(".chip .scores").text
        ref = activate(store, other)
        assert browser.wait(f"return document.querySelector('.model').innerText === '{ref}'")
        browser.open(server.url)
        browser.one("input[type=file]").send_keys(str(image))  # reduced for one, asked of the other
        browser.wait_for_pictures()
        assert browser.one(".chip .scores").text == scores
