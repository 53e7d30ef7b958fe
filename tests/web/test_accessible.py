"""Every view is checked by axe, light and dark, in both languages: nothing serious or critical."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from axing import grave_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Tab

VIEWS = ("classes", "compare", "saved", "collections", "jobs", "models")


@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "en-US")])
def test_no_view_has_a_grave_fault(tabs: Callable[..., Tab], scheme: str, locale: str) -> None:
    tab = tabs(color_scheme=scheme, locale=locale, reduced_motion="reduce").open()
    asked = {"task": "verify", "collection": "small"}
    httpx.post(f"{tab.url}/v1/jobs", json=asked, timeout=60).raise_for_status()
    faults = grave_faults(tab.page, "welcome")
    tab.search("a river")
    tab.page.hover(".card")
    tab.page.locator(".acts button").nth(1).click()
    tab.wait_count(".token", 1)
    tab.page.click("#layer-heat")
    tab.settle()
    faults += grave_faults(tab.page, "hits")
    tab.page.click(".picture")
    faults += grave_faults(tab.page, "detail")
    tab.page.keyboard.press("Escape")
    for opener in ("#help", "#status .link", "#status .small", "#paste-area"):
        tab.page.click(opener)
        tab.page.wait_for_selector("dialog[open]")
        faults += grave_faults(tab.page, opener)
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
        faults += grave_faults(tab.page, view)
    assert faults == []


def test_refusals_and_empty_places_have_no_grave_fault(tab: Tab) -> None:
    tab.open("?collection=small&q=a+quarry&start=2030-01-01")
    tab.page.wait_for_selector(".empty")
    assert grave_faults(tab.page, "nothing found") == []
