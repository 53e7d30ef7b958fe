"""Land use, watches and damage in a real browser: asked for, read, followed to what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from axing import grave_faults
from findingkeeping import keep_findings

from satseek.export.feature import Feature
from satseek.jobs.watching import opened_watches
from satseek.monitor.runs.drafting import Outcome
from satseek.monitor.runs.features import feature_rows
from satseek.monitor.runs.keeping import Runs
from satseek.monitor.watch.files import read_watch
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    body = tab.page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]")
    assert body == [400, 800]

    wide = (
        "() => Math.max(...[...document.querySelectorAll('.view')].map((one) => one.scrollWidth))"
    )
    assert tab.page.evaluate(wide) <= 400
    assert grave_faults(tab.page, query) == []


def test_land_use_is_asked_for_and_opens_once_it_is_done(tab: Tab) -> None:
    page = tab.open("?collection=small&view=landuse").page
    page.click("#landuse-new summary")
    tab.wait_count("#landuse-classes li", 8)  # the preset of planning practice
    assert "the whole collection" in tab.text("#landuse-ground")
    assert grave_faults(page, "asking for land use") == []
    page.fill("#landuse-order [name=name]", "asked")
    page.click("#landuse-order .primary")
    with page.expect_response("**/v1/landuse/asked/maps/**", timeout=JOB_MS):
        page.wait_for_selector("#landuse-run h2", timeout=JOB_MS)  # by itself
    assert page.evaluate("document.activeElement.textContent") == "asked"
    run = _told(tab, "landuse/asked")
    assert _all_are_there(tab, "#landuse-run .files a") == len(run["files"]) > 6
    page.click("#landuse-run button:text('All runs')")
    page.wait_for_function("() => document.activeElement.closest('[data-run=asked]')")
    page.click("[data-run=asked] button")
    page.click("#landuse-run button:text('Remove')")
    page.click("#landuse-run button:text('Really remove?')")
    page.wait_for_selector("#landuse-all:not([hidden])")
    assert "asked" not in [one["name"] for one in _told(tab, "landuse")["runs"]]


CLASSES = ("forest", "mine", "water")
DATES = ("2024-06", "2025-02", "2025-08")


def _flow(before: str, after: str, moved_ha: float) -> dict[str, Any]:
    areas = [[400.0, moved_ha, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 30.5]]
    told = {"before": before, "after": after, "area_ha": areas}
    return told | {"total_ha": 450.5 + moved_ha, "changed_ha": moved_ha}


def _keep_run(home: Path, extent: list[float]) -> list[str]:
    """Keep a run of three dates over the county, with three changes; gives their ids."""
    findings = keep_findings(home / "data", 3, source="kept")
    features = [
        Feature(
            id=one.id,
            geometry=one.footprint,
            properties={"before": "forest", "after": after, "area_ha": 6.5, "cells": 1}
            | {"date_before": DATES[at], "date_after": DATES[at + 1], "share": 0.9}
            | {"percentile": 99.5, "chip_before": None, "chip_after": None},
        )
        for one, at, after in zip(findings, (0, 1, 1), ("mine", "mine", "water"), strict=True)
    ]
    area = {"forest": 400.0, "mine": 20.0, "water": 30.5}
    facts: dict[str, Any] = {"model": "m@1", "label_set": "own", "dates": DATES, "notes": []}
    facts |= {
        "cells": 100,
        "images": 8,
        "changes": 3,
        "changes_ha": 19.5,
        "bbox": extent,
        "classes": [
            {"name": name, "names": {}, "colour": colour}
            for name, colour in zip(CLASSES, ("#117733", "#882255", "#3377bb"), strict=True)
        ],
        "areas": [{"date": one, "area_ha": area, "share": {"mine": 0.04}} for one in DATES],
        "flows": [_flow(*DATES[:2], 6.5), _flow(*DATES[1:], 6.5), _flow(DATES[0], DATES[2], 13.0)],
        "raster": {
            "crs": "EPSG:32633",
            "width": 10,
            "height": 10,
            "transform": [256.0, 0.0, 499712.0, 0.0, -256.0, 5401600.0],
        },
    }
    values = np.arange(100, dtype=np.uint8).reshape(10, 10) % 3
    outcome = Outcome(
        kind="landuse",
        name="kept",
        collection="county",
        made_at=datetime(2025, 9, 1, tzinfo=UTC),
        facts=facts,
        tables={"changes": feature_rows(features)},
        arrays=dict.fromkeys(DATES, values),
    )
    Runs(home / "data" / "monitor").keep(outcome, home, [])
    return [one.id for one in findings]


def test_a_run_is_read_on_map_matrix_chart_and_pictures(tab: Tab, tabs: Tabs, home: Path) -> None:
    ids = _keep_run(home, _told(tab, "collections/county")["extent"])
    with tab.page.expect_response("**/v1/landuse/kept/maps/2025-08/**"):
        page = tab.open("?collection=county&view=landuse&run=kept").page
    said = "13 of 463.5 ha (2.8 %) changed from 2024-06 to 2025-08."
    assert tab.text("#landuse-run .lead") == said
    tab.wait_count("path.outline.changed", 3)
    page.focus("#landuse-at")
    with page.expect_response("**/v1/landuse/kept/maps/2025-02/**"):
        page.keyboard.press("ArrowLeft")
    assert tab.text("#landuse-date") == "2025-02"
    assert "date=2025-02" in page.url
    assert tab.count("#landuse-chart polyline") == 3
    assert tab.text("#landuse-legend tbody tr:nth-child(2)").split() == ["mine", "20", "4", "%"]

    assert tab.text(".matrix .moved button") == "13"
    page.select_option("#landuse-flow", "1")
    tab.wait_count("path.outline.changed", 2)
    page.focus(".matrix .moved button")
    page.keyboard.press("Enter")
    tab.wait_count("path.outline.changed.lit", 1)  # of the two, what became a mine
    assert page.evaluate("document.activeElement.dataset.to") == "mine"
    page.click("#landuse-patches button")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pair img')].filter((one) => one.naturalWidth)"
        ".length === 2"
    )
    assert f"patch={ids[1]}" in page.url
    assert grave_faults(page, "a run of land use") == []
    here = page.url
    page.click("#landuse-patch button")
    page.wait_for_function("() => location.search.includes('view=findings')")
    page.go_back()
    tab.wait_count("#landuse-patch .pair img", 2)
    page.go_back()
    tab.wait_count("#landuse-patch .pair img", 0)
    assert "patch=" not in page.url
    assert "to=mine" in page.url
    _narrow_dark_and_chinese(tabs, here, "#landuse-patch .pair img")


def _set_a_watch_up(tab: Tab) -> None:
    page = tab.open("?collection=county&view=watches").page
    page.click("#watch-new summary")
    page.wait_for_selector("#watch-value-label:not(:empty)")  # the form begins anew
    page.fill("#watch-form [name=name]", "homes")
    page.fill("#watch-form [name=label]", "new houses")
    page.fill("#watch-form [name=prompts]", "a residential area\nrows of houses")
    page.fill("#watch-form [name=negatives]", "farmland")
    page.select_option("#watch-form [name=when]", "night")
    elsewhere = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    permits = {"name": "permits.geojson", "mimeType": "", "buffer": json.dumps(elsewhere).encode()}
    page.set_input_files("#watch-form [name=permits]", permits)  # type: ignore[arg-type]
    page.check("#watch-channels [value=office]")
    page.wait_for_function(
        "() => document.getElementById('watch-polygons').textContent.startsWith('Permits: 1 ')"
    )
    page.click("#watch-form details summary")
    page.select_option("#watch-form [name=existing]", "alert")  # what was there at first, too
    page.fill("#watch-form [name=value]", "95")
    page.wait_for_function(
        "() => document.getElementById('watch-point').textContent.startsWith('One cell in 20 ')"
    )
    assert grave_faults(page, "setting up a watch") == []
    page.click("#watch-go")
    page.wait_for_selector("#watch h2, #watch .empty, #watch-wrong:not(:empty)")
    assert page.text_content("#watch-wrong") == ""
    assert tab.text("#watch h2") == "homes"


def _told_resent_and_reported(tab: Tab, count: int) -> None:
    page = tab.page
    page.wait_for_function(
        "(count) => document.querySelectorAll('[data-told]').length === count", arg=count
    )
    page.click("#watch-told [data-channel=office]")
    page.wait_for_selector(".toast.good:has-text('A sample has arrived at office.')")
    page.click("[data-told] button:text('Send again')")
    page.wait_for_selector(".toast.good:has-text('1 alert is sent again.')")
    page.click(".toast .round")
    page.select_option("#watch .report-order [name=form]", "html")
    page.click("#watch button:text('Write report')")
    page.wait_for_selector("#watch .report-order a:text('Read the report')", timeout=JOB_MS)
    address = page.get_attribute("#watch .report-order a:text('Read the report')", "href")
    report = httpx.get(f"{tab.url}/{address}", timeout=60).raise_for_status().text
    assert "rows of houses" in report  # what the watch was asked
    (chip,) = _told(tab, "collections/county/chips?limit=1")["chips"]
    assert chip["scene"] in report  # and what it has looked at


def test_a_watch_of_the_terminal_keeps_its_scenes(tab: Tab, home: Path) -> None:
    file = home / "ponds.json"
    concept = {"label": "pond", "prompts": ["a pond"]}
    scenes = {"folder": "/srv/new/june", "chip_px": 64}
    given = {"name": "ponds", "collection": "county", "concept": concept, "scenes": scenes}
    file.write_text(json.dumps({**given, "deliver": ["field", "gone"]}))
    with opened_watches(Settings(data_dir=home / "data")) as watches:
        kept = watches.save(read_watch(file)).scenes
        page = tab.open("?collection=county&view=watches&watch=ponds").page
        page.click("#watch button:text('Change')")
        page.wait_for_selector("#watch-channels [value=gone]:checked")
        assert page.input_value("#watch-source [name=folder]") == "june"
        assert page.get_attribute("#watch-source [name=folder]", "readonly") is not None
        page.uncheck("#watch-channels [value=gone]")
        page.fill("#watch-form [name=label]", "ponds")
        page.click("#watch-go")
        page.wait_for_selector("#watch:visible h2")
        now = watches.get("ponds")
        assert (now.version, now.concept.label, now.deliver) == (2, "ponds", ("field",))
        assert now.scenes == kept
        watches.remove("ponds")


def test_a_watch_takes_scenes_of_a_stac_api(tab: Tab) -> None:
    page = tab.open("?collection=county&view=watches").page
    page.click("#watch-new summary")
    page.wait_for_selector("#watch-value-label:not(:empty)")
    said = {
        "name": "apis", "label": "pond", "prompts": "a pond", "folder": "https://stac.invalid/v1",
        "stac_collections": "one, two", "stac_query": "eo:cloud_cover<20; platform in a,b",
        "stac_most": "5",
    }  # fmt: skip
    page.check("#watch-form [name=stac_api]")
    for name, value in said.items():
        page.fill(f"#watch-form [name={name}]", value)
    page.click("#watch-go")
    page.click("#watch button:text('Change')")
    page.wait_for_selector("#watch-form:visible")
    shown = {name: page.input_value(f"#watch-form [name={name}]") for name in said}
    scenes = _told(tab, "watches/apis")["scenes"]
    httpx.delete(f"{tab.url}/v1/watches/apis", timeout=60).raise_for_status()
    assert shown == said
    assert scenes["folder"] == said["folder"]
    assert {name: scenes["search"][name] for name in ("collections", "query", "max_items")} == {
        "collections": ["one", "two"],
        "query": ["eo:cloud_cover<20", "platform in a,b"],
        "max_items": 5,
    }


def test_a_watch_is_set_up_run_paused_changed_and_removed(tab: Tab, tabs: Tabs) -> None:
    _set_a_watch_up(tab)
    page = tab.page
    told = _told(tab, "watches/homes")
    assert told["operating_point"] == {"background_quantile": 0.95, "grow_quantile": 0.95}
    assert (told["concept"]["negatives"], told["deliver"]) == (["farmland"], ["office"])
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
    assert grave_faults(page, "a watch") == []
    _narrow_dark_and_chinese(tabs, page.url, "[data-alert]")

    _told_resent_and_reported(tab, len(alerts))
    page.click("[data-alert] button")
    page.wait_for_function("() => /view=findings.*finding=/.test(location.search)")
    page.go_back()
    page.click("#watch button:text('Pause')")
    page.wait_for_selector("#watch [data-state=paused]")
    assert _told(tab, "watches/homes")["paused"] is True
    page.click("#watch button:text('Change')")
    page.wait_for_selector("[data-watch=homes]")
    assert page.evaluate("document.activeElement.name") == "label"
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
    columns |= {"contract": f"K-{name}", "mu": 150}
    if box is None:
        return {"type": "Feature", "properties": columns, "geometry": None}
    left, bottom, right, top = box
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": columns, "geometry": shape}


def _ask_for_damage(tab: Tab) -> dict[str, Any]:
    """Fill the form, columns and settings too, and wait for what opens; gives its parcels."""
    page = tab.page
    page.click("#damage-new summary")
    page.wait_for_selector("#damage-order [name=hazard] option", state="attached")
    for details in page.query_selector_all("#damage-order details summary"):
        details.click()
    page.fill("#damage-order [name=policy_column]", "contract")
    page.fill("#damage-order [name=insured_column]", "mu")
    page.select_option("#damage-order [name=insured_unit]", "mu")
    rows = json.dumps(_parcels(tab)).encode()
    file = {"name": "flood 2025.geojson", "mimeType": "application/geo+json", "buffer": rows}
    page.set_input_files("#damage-order [name=file]", file)  # type: ignore[arg-type]
    page.wait_for_selector("#damage-parcels summary")
    assert tab.text("#damage-parcels").startswith("5 parcels")
    assert page.input_value("#damage-order [name=name]") == "flood-2025"
    page.fill("#damage-order [name=event]", "2025-08-20")
    usual = _told(tab, "assessments/hazards")["rules"]
    seen = page.get_attribute("#damage-order [name=least_seen]", "placeholder")
    assert 100 * usual["least_seen"] == float(seen or 0)
    page.fill("#damage-order [name=least_seen]", "60")
    page.check("#damage-order [name=formats][value=csv]")
    assert grave_faults(page, "asking for damage") == []
    page.click("#damage-order .primary")
    page.wait_for_selector("#assessment h2", timeout=JOB_MS)
    told = _told(tab, "assessments/flood-2025")
    assert usual | {"least_seen": 0.6} == told["rules"]
    assert "parcels.xlsx" not in {one["name"] for one in told["files"]}
    found = {one["id"]: one["properties"] for one in _parcels_told(tab)}
    assert {(10.0, "K")} == {(one["insured_ha"], one["policy"][0]) for one in found.values()}
    return found


def test_damage_to_parcels_is_told_by_lights_that_are_not_colours_alone(
    tab: Tab, tabs: Tabs
) -> None:
    earlier = json.dumps(_parcels(tab))
    httpx.post(f"{tab.url}/v1/parcels?name=villages.geojson", content=earlier).raise_for_status()
    page = tab.open("?collection=county&view=damage").page
    page.wait_for_function("() => document.forms['damage-order'].elements.name.value == 'villages'")
    parcels = _ask_for_damage(tab)
    told = _told(tab, "assessments/flood-2025")
    counts = {
        light: int(page.inner_text(f"#damage-lights [data-light='{light}'] .count"))
        for light in told["lights"]
    }
    assert counts == told["lights"]
    tab.wait_count("path.outline.parcel", len(parcels))
    assert parcels["F4"]["light"] == "insufficient evidence"

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
    _assess_each_night(tab)


def _assess_each_night(tab: Tab) -> None:
    """As the file was read when it was sent, by somebody who comes back to it."""
    page = tab.open("?collection=county&view=damage").page
    page.click("#damage-new summary")
    page.wait_for_selector("#damage-parcels p:has-text('5 parcels')")
    for details in page.query_selector_all("#damage-order details summary"):
        details.click()
    page.fill("#damage-order [name=policy_column]", "")
    page.select_option("#damage-order [name=when]", "night")
    page.fill("#damage-order [name=schedule]", "nightly")
    page.click("#damage-go")
    page.wait_for_selector(".toast.good")
    (made,) = [one for one in _told(tab, "schedules")["schedules"] if one["name"] == "nightly"]
    asked = {"policy_column": "", "insured_column": "mu", "insured_unit": "mu"}
    assert ("assess", asked) == (made["task"], {name: made["parameters"][name] for name in asked})
    httpx.delete(f"{tab.url}/v1/schedules/nightly").raise_for_status()
    _send_another_file(tab)


def _send_another_file(tab: Tab) -> None:
    """What was said of the file before says nothing of this one; what is typed for it does."""
    page = tab.open("?collection=county&view=damage").page
    page.click("#damage-new summary")
    page.wait_for_selector("#damage-parcels p:has-text('5 parcels')")
    for details in page.query_selector_all("#damage-order details summary"):
        details.click()
    assert page.input_value("#damage-order [name=policy_column]") == "contract"
    page.fill("#damage-order [name=district_column]", "crop")
    rows = json.dumps(_parcels(tab)).encode()
    file = {"name": "autumn.geojson", "mimeType": "application/geo+json", "buffer": rows}
    page.set_input_files("#damage-order [name=file]", file)  # type: ignore[arg-type]
    option = "#damage-order [name=parcels] option:has-text('autumn')"
    page.wait_for_selector(option, state="attached")
    kept = _told(tab, "parcels")["uploads"][0]
    read = [kept[one] for one in ("policy_column", "insured_column", "insured_unit")]
    assert [None, None, "ha", "crop"] == [*read, kept["district_column"]]
    assert page.input_value("#damage-order [name=policy_column]") == ""
    httpx.delete(f"{tab.url}/v1/parcels/{kept['id']}").raise_for_status()


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
