"""Land use in a real browser: asked for with districts, on a schedule, and sampled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from axing import grave_faults

if TYPE_CHECKING:
    from conftest import Tab

JOB_MS = 90_000
"""A job of a few seconds may take this long where everything else runs beside it."""


def _told(tab: Tab, path: str) -> Any:
    return httpx.get(f"{tab.url}/v1/{path}", timeout=60).raise_for_status().json()


def _districts(extent: list[float]) -> bytes:
    """West and East, each half of an extent."""
    west, south, east, north = extent
    middle = (west + east) / 2
    halves = {"West": (west, middle), "East": (middle, east)}
    features = [
        {
            "type": "Feature",
            "properties": {"village": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[a, south], [b, south], [b, north], [a, north], [a, south]],
                ],
            },
        }
        for name, (a, b) in halves.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_land_use_is_asked_for_on_a_schedule_with_districts_and_new_scenes(tab: Tab) -> None:
    content = _districts(_told(tab, "collections/county")["extent"])
    page = tab.open("?collection=county&view=landuse").page
    page.click("#landuse-new summary")
    tab.wait_count("#landuse-classes li", 8)
    for summary in page.query_selector_all("#landuse-order summary"):
        summary.click()
    file = {"name": "villages.geojson", "mimeType": "", "buffer": content}
    page.set_input_files("#landuse-order [name=districts]", file)  # type: ignore[arg-type]
    page.wait_for_selector("#landuse-districts p:has-text('villages.geojson · 2 districts')")
    typed = {
        "name": "monthly", "seed": "99", "grow": "60", "change": "0.05", "least_cells": "2",
        "least_valid": "70", "into": "fresh", "folder": "new/june",
    }  # fmt: skip
    for name, value in typed.items():
        page.fill(f"#landuse-order [name={name}]", value)
    page.select_option("#landuse-order [name=shift]", "mean")
    page.select_option("#landuse-order [name=when]", "week")
    page.fill("#landuse-order [name=schedule]", "weekly-use")
    assert tab.text("#landuse-go") == "Set up"
    assert grave_faults(page, "all that land use is asked for") == []

    page.click("#landuse-go")  # of a folder that is not there
    page.wait_for_selector(".toast.wrong:has-text('new/june')")
    tab.complaints.clear()  # the browser's own line on the refused request
    page.click(".toast .round")
    page.fill("#landuse-order [name=folder]", "scenes")
    page.click("#landuse-go")
    page.wait_for_selector(".toast.good:has-text('weekly-use')")
    planned = _told(tab, "schedules/weekly-use")
    httpx.delete(f"{tab.url}/v1/schedules/weekly-use", timeout=60).raise_for_status()
    job = planned["parameters"]
    assert (planned["cron"], planned["task"]) == ("30 2 * * 0", "landuse")
    assert job["districts"].startswith("upload:")
    expected = {
        "collection": "fresh", "folder": "scenes", "name": "monthly", "seed": 99, "grow": 60,
        "change": 0.05, "least_cells": 2, "least_valid": 0.7, "shift": "mean",
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected


def _run_with_districts(tab: Tab) -> dict[str, Any]:
    """Have a run of land use made, of two classes and two districts."""
    with httpx.Client(base_url=tab.url, timeout=60) as client:
        content = _districts(_told(tab, "collections/county")["extent"])
        sent = client.post("/v1/parcels?name=villages.geojson", content=content)
        asked = {
            "collection": "county", "name": "drawn", "own": ["forest", "fields=farmland"],
            "by": "day", "districts": sent.raise_for_status().json()["parcels_ref"], "reports": [],
        }  # fmt: skip
        job = client.post("/v1/landuse", json=asked).raise_for_status().json()
        while job["state"] in {"queued", "running"}:
            job = client.get(f"/v1/jobs/{job['id']}", params={"wait": 25}).json()
        assert job["state"] == "done", job["error"]
        run: dict[str, Any] = client.get("/v1/landuse/drawn").raise_for_status().json()
    return run


def test_a_run_tells_of_its_districts_and_a_sample_is_drawn_from_it(tab: Tab) -> None:
    run = _run_with_districts(tab)
    page = tab.open("?collection=county&view=landuse&run=drawn").page
    tab.wait_count("#landuse-district-table tbody tr", 2)
    rows = _told(tab, "landuse/drawn/districts?limit=1000")["rows"]
    head = page.locator("#landuse-district-table th button").all_inner_texts()
    assert head[:4] == ["District", "ha", "Seen", "forest"]
    for date in reversed(run["dates"]):
        page.wait_for_selector(f"#landuse-district-table table[aria-label$='{date}']")
        (west,) = [
            one for one in rows
            if (one["district"], one["date"], one["land_use"]) == ("West", date, "forest")
        ]  # fmt: skip
        shown = tab.text("#landuse-district-table tr:has-text('West') td:nth-child(4)")
        assert abs(float(shown.replace(",", "")) - west["area_ha"]) < 0.5
        page.focus("#landuse-at")
        page.keyboard.press("ArrowLeft")

    page.click("#sample-new summary")
    assert page.locator("#sample-order [name=since] option").count() == len(run["dates"])
    page.fill("#sample-order [name=name]", "of-drawn")
    page.fill("#sample-order [name=size]", "6")
    page.click("#sample-order details summary")
    page.fill("#sample-order [name=least]", "2")
    assert grave_faults(page, "drawing a sample") == []
    page.click("#sample-order .primary")
    page.wait_for_selector("#sample h2:has-text('of-drawn')", timeout=JOB_MS)  # by itself
    page.wait_for_selector("#sample-part button")
    sample = _told(tab, "samples/of-drawn")
    assert (sample["progress"]["drawn"], sample["map"]["date"]) == (6, run["dates"][-1])
    assert sample["labels"][:2] == ["forest", "fields"]

    page.go_back()  # a name that is taken is said to be so
    page.click("#sample-new summary")
    page.fill("#sample-order [name=name]", "of-drawn")
    page.click("#sample-order .primary")
    page.wait_for_selector(".toast.wrong:has-text('take another name')")
    tab.complaints.clear()
    httpx.delete(f"{tab.url}/v1/landuse/drawn", timeout=60).raise_for_status()
