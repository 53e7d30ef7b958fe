"""Land use, watches and damage in a real browser: asked for, read, and followed to what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from axing import grave_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Tab

    Tabs = Callable[..., Tab]

JOB_MS = 90_000
"""A job of a few seconds may take this long where everything else runs beside it."""


def _told(tab: Tab, path: str) -> Any:
    answer = httpx.get(f"{tab.url}/v1/{path}", timeout=60)
    answer.raise_for_status()
    return answer.json()


def _all_are_there(tab: Tab, selector: str) -> int:
    """Ask for the head of whatever links lead to; gives how many there are."""
    addresses = tab.page.eval_on_selector_all(selector, "links => links.map((one) => one.href)")
    assert [200] * len(addresses) == [httpx.get(one, timeout=60).status_code for one in addresses]
    return len(addresses)


def _narrow_dark_and_chinese(tabs: Tabs, address: str, ready: str) -> None:
    """What stands there by its address alone: within 400 px, in Chinese, with no grave fault."""
    query = "?" + address.partition("?")[2]
    tab = tabs(width=400, height=800, locale="zh-CN", color_scheme="dark").open(query)
    tab.page.wait_for_selector(ready)
    assert tab.page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]") == [
        400,
        800,
    ]
    wide = (
        "() => Math.max(...[...document.querySelectorAll('.view')].map((one) => one.scrollWidth))"
    )
    assert tab.page.evaluate(wide) <= 400
    assert grave_faults(tab.page, query) == []


def test_land_use_is_asked_for_and_read_on_map_matrix_and_chart(tab: Tab, tabs: Tabs) -> None:
    page = tab.open("?collection=county&view=landuse").page
    page.click("#landuse-new summary")
    tab.wait_count("#landuse-classes li", 8)  # the preset of planning practice
    assert "the whole collection" in tab.text("#landuse-ground")
    assert grave_faults(page, "asking for land use") == []
    maps = "**/v1/landuse/county/maps/2025-08/**"
    with page.expect_response(maps, timeout=JOB_MS):
        page.click("#landuse-order .primary")
        page.wait_for_selector(
            "#landuse-run h2", timeout=JOB_MS
        )  # opened as soon as the job is done
    run = _told(tab, "landuse/county")
    changes = _told(tab, "landuse/county/changes")["features"]
    period = run["flows"][-1]
    assert f"from {period['before']} to {period['after']}" in tab.text("#landuse-run .lead")
    tab.wait_count("path.outline.changed", len(changes))
    tab.shoot("landuse")

    page.focus("#landuse-at")
    page.keyboard.press("ArrowLeft")
    assert tab.text("#landuse-date") == run["dates"][0]
    assert f"date={run['dates'][0]}" in page.url
    first = run["areas"][0]["area_ha"][run["classes"][0]["name"]]
    shown = float(tab.text("#landuse-legend tbody td").replace(",", ""))
    assert abs(shown - first) < 0.06

    cell = page.locator(".matrix .moved button").first
    moved = [cell.get_attribute(f"data-{side}") for side in ("from", "to")]
    page.focus(".matrix .moved button")
    page.keyboard.press("Enter")
    of_cell = [
        one["id"]
        for one in changes
        if [one["properties"]["before"], one["properties"]["after"]] == moved
    ]
    tab.wait_count("path.outline.changed.lit", len(of_cell))
    page.click("#landuse-patches button")
    tab.wait_count("#landuse-patch .pair img", 2)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pair img')].every((one) => one.naturalWidth > 0)"
    )
    tab.shoot("change")
    assert tab.count("#landuse-chart polyline") == len(run["classes"])
    assert _all_are_there(tab, "#landuse-run .files a") == len(run["files"]) > 6
    assert grave_faults(page, "a run of land use") == []
    here = page.url
    page.click("#landuse-patch button")
    page.wait_for_function("() => location.search.includes('view=findings')")
    page.go_back()
    tab.wait_count("#landuse-patch .pair img", 2)
    page.go_back()
    tab.wait_count("#landuse-patch .pair img", 0)
    assert "patch=" not in page.url
    _narrow_dark_and_chinese(tabs, here, "#landuse-patch .pair img")


def test_a_watch_is_set_up_run_paused_changed_and_removed(tab: Tab, tabs: Tabs) -> None:
    page = tab.open("?collection=county&view=watches").page
    page.click("#watch-new summary")
    page.fill("#watch-form [name=name]", "homes")
    page.fill("#watch-form [name=label]", "new houses")
    page.fill("#watch-form [name=prompts]", "a residential area\nrows of houses")
    page.fill("#watch-form [name=negatives]", "farmland")
    page.select_option("#watch-form [name=when]", "night")
    elsewhere = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    permits = {"name": "permits.geojson", "mimeType": "", "buffer": json.dumps(elsewhere).encode()}
    page.set_input_files("#watch-form [name=permits]", permits)  # type: ignore[arg-type]
    page.wait_for_function(
        "() => document.getElementById('watch-polygons').textContent.startsWith('Permits: 1 ')"
    )
    page.fill("#watch-form [name=value]", "95")
    page.wait_for_function(
        "() => document.getElementById('watch-point').textContent.startsWith('One cell in 20 ')"
    )
    assert grave_faults(page, "setting up a watch") == []
    page.click("#watch-go")
    page.wait_for_selector("#watch h2")
    told = _told(tab, "watches/homes")
    assert told["operating_point"] == {"background_quantile": 0.95, "grow_quantile": 0.95}
    assert told["concept"]["negatives"] == ["farmland"]
    assert "It has not looked at anything yet" in tab.text("#watch .lead")

    page.click("#watch button:text('Run now')")
    page.wait_for_selector("[data-alert]", timeout=JOB_MS)
    alerts = _told(tab, "watches/homes/findings")["features"]
    assert tab.count("[data-alert]") == len(alerts) > 0
    tab.wait_count("path.outline.finding.outside", len(alerts))
    assert "outside a permit" in tab.text("#watch .lead")
    page.click("#watch-expected button")
    page.wait_for_selector("#watch-expected dl")
    assert "too few answers" in tab.text("#watch-expected")
    tab.shoot("watch")
    assert grave_faults(page, "a watch") == []
    _narrow_dark_and_chinese(tabs, page.url, "[data-alert]")

    page.click("[data-alert] button")
    page.wait_for_function("() => /view=findings.*finding=/.test(location.search)")
    page.go_back()
    page.click("#watch button:text('Pause')")
    page.wait_for_selector("#watch [data-state=paused]")
    assert _told(tab, "watches/homes")["paused"] is True
    page.click("#watch button:text('Change')")
    page.fill("#watch-form [name=label]", "new homes")
    page.click("#watch-go")
    page.wait_for_selector("#watch [data-state=paused]")
    now = _told(tab, "watches/homes")
    assert (now["concept"]["label"], now["version"], now["paused"]) == ("new homes", 2, True)
    assert now["ground"] == told["ground"]
    page.click("#watch button:text('Remove')")
    page.click("#watch button:text('Really remove?')")
    page.wait_for_selector("#watches .empty")
    assert _told(tab, "watches")["watches"] == []


def _parcels(tab: Tab) -> dict[str, Any]:
    """Four large parcels and one that is smaller than a cell, in two villages; a row is odd."""
    west, south, east, north = _told(tab, "collections/county")["extent"]
    wide, high = (east - west) / 2, (north - south) / 2
    rows: list[dict[str, Any]] = [_row("X", None)]
    for at, (x, y) in enumerate([(0.05, 0.05), (1.05, 0.05), (0.05, 1.05), (1.05, 1.05)]):
        box = (west + x * wide, south + y * high, west + (x + 0.9) * wide, south + (y + 0.9) * high)
        rows.append(_row(f"F{at}", box))
    rows.append(_row("F4", (west, south, west + wide / 20, south + high / 20)))
    return {"type": "FeatureCollection", "features": rows}


def _row(name: str, box: tuple[float, float, float, float] | None) -> dict[str, Any]:
    columns = {"parcel_id": name, "policy_id": f"P-{name}", "crop": "wheat", "village": name < "F2"}
    if box is None:
        return {"type": "Feature", "properties": columns, "geometry": None}
    left, bottom, right, top = box
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": columns, "geometry": shape}


def test_damage_to_parcels_is_told_by_lights_that_are_not_colours_alone(
    tab: Tab, tabs: Tabs
) -> None:
    page = tab.open("?collection=county&view=damage").page
    page.click("#damage-new summary")
    page.wait_for_selector("#damage-order [name=hazard] option", state="attached")
    rows = json.dumps(_parcels(tab)).encode()
    file = {"name": "flood 2025.geojson", "mimeType": "application/geo+json", "buffer": rows}
    page.set_input_files("#damage-order [name=file]", file)  # type: ignore[arg-type]
    page.wait_for_selector("#damage-parcels summary")
    assert tab.text("#damage-parcels").startswith("5 parcels")
    assert page.input_value("#damage-order [name=name]") == "flood-2025"
    page.fill("#damage-order [name=event]", "2025-08-20")
    assert grave_faults(page, "asking for damage") == []
    page.click("#damage-order .primary")
    page.wait_for_selector("#assessment h2", timeout=JOB_MS)
    told = _told(tab, "assessments/flood-2025")
    parcels = {one["id"]: one["properties"] for one in _parcels_told(tab)}
    counts = {
        light: int(page.inner_text(f"#damage-lights [data-light='{light}'] .count"))
        for light in told["lights"]
    }
    assert counts == told["lights"]
    tab.wait_count("path.outline.parcel", len(parcels))
    assert parcels["F4"]["light"] == "insufficient evidence"
    tab.shoot("damage")

    page.click("#damage-lights [data-light='insufficient evidence']")
    tab.wait_count("path.outline.parcel.insufficient", counts["insufficient evidence"])
    assert tab.count("path.outline.parcel") == counts["insufficient evidence"]
    page.focus("[data-parcel=F4]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-open=F4]")
    assert parcels["F4"]["reasons"][0]["en"] in tab.text("[data-open=F4] .remark")
    assert _all_are_there(tab, "[data-open=F4] a.button") == 2  # claim sheet: HTML, PDF
    tab.wait_count("[data-open=F4] .pair img", 2)
    assert grave_faults(page, "one parcel") == []
    here = page.url

    page.click("#damage-lights button")
    page.click("#parcels th:nth-child(4) button")
    shares = [
        parcels[one]["affected_share"] or 0.0
        for one in page.eval_on_selector_all("[data-parcel]", "all => all.map(o => o.innerText)")
    ]
    assert shares == sorted(shares, reverse=True)
    for table, count in (("tables/districts", 2), ("visits", told["visits"])):
        page.click(f"[data-table='{table}'] summary")
        tab.wait_count(f"[data-table='{table}'] tbody tr", count)
    page.click("[data-table='tables/problems'] summary")
    page.wait_for_selector("[data-table='tables/problems'] tbody tr")
    assert "left out" in tab.text("[data-table='tables/problems'] tbody")
    assert _all_are_there(tab, "#assessment .files a") == len(told["files"])
    _narrow_dark_and_chinese(tabs, here, "[data-open=F4] .pair img")


def _parcels_told(tab: Tab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _told(tab, "assessments/flood-2025/parcels")["features"]
    return found


def test_what_is_not_there_is_told_with_a_way_back(tab: Tab) -> None:
    page = tab.open("?collection=county&view=landuse&run=nowhere").page
    page.wait_for_selector("#landuse-run .empty")
    assert "nowhere" in tab.text("#landuse-run .empty")
    page.click("#landuse-run button")
    page.wait_for_selector("#landuse-all:not([hidden]) #landuse-runs > *")
    tab.complaints.clear()  # the browser's own line on the refused request
