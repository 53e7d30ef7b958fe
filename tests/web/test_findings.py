"""The review queue and the judging of samples, in a real browser: what a person does and sees."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from axing import grave_faults
from findingkeeping import keep_findings, keep_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Tab
    from playwright.sync_api import Page


JOB_MS = 90_000
"""A job of a second may take this long where everything else runs beside it."""


@pytest.fixture(scope="module", autouse=True)
def sources(home: Path) -> None:
    """Findings of a source for each test, and a sample, before any of them looks."""
    for source, count in (("keys", 4), ("faster", 3), ("filters", 3)):
        keep_findings(home / "data", count, source=source)
    keep_sample(home / "data", "august", 4)


def _asked(tab: Tab, path: str, **parameters: Any) -> Any:
    return httpx.get(f"{tab.url}/v1/{path}", params=parameters, timeout=60).json()


def _listed(tab: Tab, source: str, **filters: str) -> list[dict[str, Any]]:
    """What the server tells of a source, the most urgent first."""
    told = _asked(tab, "findings", source=source, order="urgent", **filters)["findings"]
    found: list[dict[str, Any]] = told
    return found


def _said(tab: Tab, finding: str, deed: str, **more: str) -> None:
    """Have somebody else decide meanwhile."""
    address = f"{tab.url}/v1/findings/{finding}/{deed}"
    httpx.post(address, json={"who": "wang", **more}, timeout=60).raise_for_status()


def _shown(page: Page, finding: str) -> None:
    """Wait until a finding stands open, with its buttons."""
    page.wait_for_function(
        "(id) => document.querySelector('#finding dl.terms')?.textContent.includes(id)",
        arg=finding,
    )


def test_a_queue_is_worked_through_by_keys(tab: Tab) -> None:
    page = tab.open("?view=findings&source=keys").page
    tab.wait_count(".finding[data-finding]", 4)
    first, second, third, fourth = (one["id"] for one in _listed(tab, "keys"))
    tab.wait_count("path.outline.finding.state-new", 4)
    assert "outside any permit" in tab.text(f"[data-finding='{first}']")
    assert tab.text(f"[data-finding='{first}'] .scores").split() == [
        *("share", "81", "%", "percentile", "99.4", "cosine", "0.312")
    ]
    page.fill("#findings-me", "lin")
    page.press("#findings-me", "Enter")
    page.click("#findings-next")
    _shown(page, first)
    tab.wait_count("#finding .pair img", 2)
    assert _asked(tab, f"findings/{first}")["assignee"] == "local:lin"
    tab.shoot("finding")
    page.keyboard.press("b")
    assert page.input_value("#finding .pair input") == "0"
    page.keyboard.press("c")
    _shown(page, second)  # the next one comes by itself
    page.keyboard.press("x")
    page.keyboard.press("1")
    _shown(page, third)
    page.keyboard.press("n")
    page.keyboard.type("clouds: x c")  # letters in the field decide nothing
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => document.querySelectorAll('.history li').length === 3")
    page.keyboard.press("u")
    _shown(page, fourth)
    states = {one["id"]: one["state"] for one in _listed(tab, "keys")}
    assert states == {first: "confirmed", second: "rejected", third: "new", fourth: "assigned"}
    told = _asked(tab, f"findings/{second}")["history"][-1]
    assert (told["deed"], told["who"]) == ("reject", "local:lin")
    assert told["comment"] == "cloud, haze or shadow"
    page.keyboard.press("q")
    tab.wait_count(".finding[data-finding]", 2)
    page.go_back()
    _shown(page, fourth)


def test_who_was_faster_is_told_and_what_became_of_it_shown(tab: Tab) -> None:
    first, second, third = (one["id"] for one in _listed(tab, "faster"))
    page = tab.open(f"?view=findings&source=faster&finding={first}").page
    _shown(page, first)
    _said(tab, first, "confirm", comment="seen on site")
    page.fill("#finding-words", "nothing there")
    page.click("[data-deed=reject]")
    page.wait_for_selector("#finding .badge.state-confirmed")
    assert "somebody else was faster" in tab.text(".toast")
    assert "wang" in tab.text(".history")
    assert page.input_value("#finding-words") == "nothing there"
    assert _asked(tab, f"findings/{first}")["state"] == "confirmed"
    tab.complaints.clear()  # the browser's own line on the refusal
    page.click("[aria-label^='Next finding']")
    _shown(page, second)
    _said(tab, second, "comment", comment="look at the road")
    page.keyboard.press("c")  # of what was seen before that word
    page.wait_for_function("() => document.querySelector('.history').innerText.includes('road')")
    assert _asked(tab, f"findings/{second}")["state"] == "new"
    tab.complaints.clear()
    page.keyboard.press("c")
    _shown(page, third)
    assert _asked(tab, f"findings/{second}")["state"] == "confirmed"
    _said(tab, third, "assign", assignee="wang")
    page.reload()
    _shown(page, third)
    assert page.url.endswith(f"finding={third}")
    assert "wang looks at this one" in tab.text(".acting")
    assert page.locator("[data-deed]").evaluate_all("all => all.map(o => o.dataset.deed)") == [
        *("assign", "release")
    ]


def test_findings_are_filtered_and_taken_away(tab: Tab, tmp_path: Path) -> None:
    ids = [one["id"] for one in _listed(tab, "filters")]
    page = tab.open("?view=findings&source=filters").page
    tab.wait_count(".finding[data-finding]", 3)
    assert tab.text("#findings-used") == "1"
    page.select_option("#findings-filter [name=kind]", "damage")
    page.wait_for_selector("#findings .empty")
    assert "kind=damage" in page.url
    page.go_back()
    tab.wait_count(".finding[data-finding]", 3)
    page.fill("#findings-filter [name=from]", "2025-09-01")
    page.wait_for_selector("#findings .empty")
    page.fill("#findings-filter [name=from]", "2025-08-01")
    tab.wait_count(".finding[data-finding]", 3)
    page.click("[data-state=rejected]")
    page.wait_for_selector("#findings .empty")
    page.click("[data-state=new]")
    tab.wait_count(".finding[data-finding]", 3)
    page.locator("path.outline.finding").first.click(force=True)
    page.wait_for_selector("#finding h2")
    page.click("#finding .link")
    page.click("#findings-export")
    page.select_option("#download [name=format]", "geojson")
    with page.expect_download() as download:
        page.click("#download .primary")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    rows = json.loads(file.read_text(encoding="utf-8"))["features"]
    assert sorted(one["id"] for one in rows) == sorted(ids)
    page.keyboard.press("Escape")
    page.click("#findings-report summary")
    page.click("#findings-report button:text('Write report')")
    link = "#findings-report a:text('Read the report')"
    page.wait_for_selector(link, timeout=JOB_MS)
    report = httpx.get(f"{tab.url}/{page.get_attribute(link, 'href')}", timeout=60).text
    others = [one["id"] for one in _listed(tab, "keys")]
    assert [True] * 3 == [one[:8] in report for one in ids]
    assert [False] * 4 == [one[:8] in report for one in others]


def test_places_are_judged_by_keys_and_areas_follow(tab: Tab) -> None:
    page = tab.open("?view=samples").page
    page.click("[data-sample=august] .primary")
    said = page.locator("#sample-progress")
    for left in (3, 2):
        page.wait_for_selector("#sample-part:not([aria-busy]) .marked .frame")
        page.keyboard.press("1")
        page.wait_for_function(
            "(words) => document.querySelector('#sample-progress').textContent.includes(words)",
            arg=f"{left} to judge",
        )
    page.wait_for_selector("#sample-part:not([aria-busy]) #place-undo:enabled")
    page.keyboard.press("u")
    page.wait_for_selector(".labels [data-label=farmland][aria-pressed=true]")
    page.keyboard.press("2")
    page.wait_for_function("() => !document.querySelector('.labels [aria-pressed=true]')")
    page.keyboard.press("0")
    page.wait_for_function(
        "() => document.querySelector('#sample-progress').textContent.includes('1 cannot be told')"
    )
    assert "2 agreed" in said.inner_text()
    labels = sorted(
        place["label"]
        for place in _asked(tab, "samples/august/places")["places"]
        if place["label"] is not None
    )
    assert labels == ["farmland", "forest"]
    tab.shoot("sample")
    page.get_by_role("button", name="Accuracy and areas").click()
    page.wait_for_selector("#sample-part table")
    figures = _asked(tab, "samples/august/areas")
    assert f"{100 * figures['overall']['value']:.1f} %" in tab.text("#sample-part p")
    farmland = figures["classes"][0]["area_ha"]
    row = tab.text("#sample-part table tbody tr")
    assert re.findall(r"\d+", row)[-3:] == [
        f"{farmland[key]:.0f}" for key in ("value", "low", "high")
    ]


def test_no_part_of_it_has_a_grave_fault(tabs: Callable[..., Tab]) -> None:
    """On a phone, in Chinese, each part in one of both lights or in both."""
    tab = tabs(locale="zh-CN", reduced_motion="reduce", width=400)
    page = tab.open("?view=findings").page
    page.wait_for_selector(".finding")
    page.click("#findings-filters summary")
    found = grave_faults(page, "findings")
    page.click(".finding:has(.state-new) .name")
    page.wait_for_selector(".history")
    page.click("[data-deed=reject]")
    found += grave_faults(page, "finding")
    page.click("#dark")
    found += grave_faults(page, "finding in the dark")
    page.click("[data-view=samples]")
    page.wait_for_selector("[data-sample]")
    page.click("[data-sample=august] .primary")
    page.wait_for_selector(".labels")
    found += grave_faults(page, "place in the dark")
    page.click("#sample .choices button:last-child")
    page.wait_for_selector("#sample-part table")
    found += grave_faults(page, "areas in the dark")
    page.click("#sample .link")
    page.wait_for_selector("[data-sample]")
    page.click("#dark")
    found += grave_faults(page, "samples")
    assert found == []
