"""Every view is checked by axe, light and dark, in both languages: nothing serious or critical."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

pytest.importorskip(
    "axe_playwright_python",
    reason="axe is not on this machine: pip install axe-playwright-python",
)

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Tab

GRAVE = {"serious", "critical"}

VIEWS = ("classes", "compare", "saved", "collections", "jobs", "models")


def _faults(tab: Tab, where: str) -> list[str]:
    """What axe finds, after it has found anything at all that is right."""
    found = Axe().run(tab.page).response
    assert len(found["passes"]) > 10, where
    return [
        f"{where}: {one['id']} {one['help']}: {one['nodes'][0]['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]


@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "en-US")])
def test_no_view_has_a_grave_fault(tabs: Callable[..., Tab], scheme: str, locale: str) -> None:
    tab = tabs(color_scheme=scheme, locale=locale, reduced_motion="reduce").open()
    asked = {"task": "verify", "collection": "small"}
    httpx.post(f"{tab.url}/v1/jobs", json=asked, timeout=60).raise_for_status()
    faults = _faults(tab, "welcome")
    tab.search("a river")
    tab.page.hover(".card")
    tab.page.locator(".acts button").nth(1).click()
    tab.wait_count(".token", 1)
    tab.page.click("#layer-heat")
    tab.settle()
    faults += _faults(tab, "hits")
    tab.page.click(".picture")
    faults += _faults(tab, "detail")
    tab.page.keyboard.press("Escape")
    for opener in ("#help", "#status .link", "#status .small", "#paste-area"):
        tab.page.click(opener)
        tab.page.wait_for_selector("dialog[open]")
        faults += _faults(tab, opener)
        tab.page.keyboard.press("Escape")
    for view in VIEWS:
        tab.page.click(f"[data-view={view}]")
        if view == "classes":
            tab.page.click("#classify .primary")
            tab.page.wait_for_selector("#classes table")
        elif view == "jobs":
            tab.page.click("#order-box summary")
            tab.page.select_option("#order [name=when]", "own")
            tab.page.wait_for_selector(".job")
            tab.page.click(".job summary")
        elif view != "compare":
            tab.page.wait_for_selector(f".view[data-view={view}] :is(.boxed, .empty)")
        faults += _faults(tab, view)
    assert faults == []


def test_refusals_and_empty_places_have_no_grave_fault(tab: Tab) -> None:
    tab.open("?collection=small&q=a+quarry&start=2030-01-01")
    tab.page.wait_for_selector(".empty")
    assert _faults(tab, "nothing found") == []
