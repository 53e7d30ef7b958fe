"""What axe finds in a tab that somebody could stumble over, shared by the tests of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip(
    "axe_playwright_python",
    reason="axe is not on this machine: pip install axe-playwright-python",
)

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = {"serious", "critical"}


def grave_faults(page: Page, where: str) -> list[str]:
    """What is serious or critical, after axe has found anything at all that is right."""
    found = Axe().run(page).response
    assert len(found["passes"]) > 10, where
    return [
        f"{where}: {one['id']} {one['help']}: {one['nodes'][0]['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]
