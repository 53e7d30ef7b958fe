"""A real browser in front of a real server, both started once; nothing outside can be reached."""

from __future__ import annotations

import json
import os
import shutil
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import serving
from PIL import Image

from satseek.imagery.county import make_county

pytest.importorskip("nicegui", reason="the page is not on this machine: pip install 'satseek[web]'")
pytest.importorskip(
    "playwright", reason="playwright is not on this machine: pip install playwright"
)

from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

WAIT_MS = 30_000
"""A busy machine may take this long; a good one needs less than a second."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)

COUNTY_PX = 2560
"""Edge of the county whose imagery is shown: ten seconds to draw."""

SHOTS = os.environ.get("SCREENSHOTS")
"""Folder that keeps the screenshots, such as ``docs/guides/images``; unset: none does."""


SHOT_COLOURS = (200, 160, 128, 96)
"""Tried one after the other, until a screenshot of imagery is small enough."""

SHOT_BYTES = 290_000


class Tab:
    """A tab, what it asked for, and the questions that the tests ask of it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("websocket", lambda socket: self._look(socket.url))
        page.context.on("request", lambda request: self._look(request.url))

    def open(self, query: str = "", *, url: str = "") -> Tab:
        """Load the page and wait until all of it is alive."""
        self.page.goto(f"{url or self.url}/{query}")
        self.page.wait_for_selector("body[data-ready]", state="attached")
        return self

    def leave(self) -> None:
        """Close the page, as nobody waits for a server that ends under it."""
        self.page.goto("about:blank")

    def search(self, words: str) -> list[str]:
        """Type a query, press Enter, wait for the hits that answer it; gives their ids."""
        self.page.fill("#words", words)
        with self.page.expect_response("**/v1/search"):
            self.page.press("#words", "Enter")
        self.settle()
        return self.chips()

    def settle(self) -> None:
        """Wait until nothing is asked any more and every picture in sight is drawn."""
        self.page.wait_for_function(
            "() => !document.querySelector('.results.busy')"
            " && [...document.querySelectorAll('.card img')].every((image) =>"
            "   image.naturalWidth || image.getBoundingClientRect().top > innerHeight)"
        )

    def chips(self) -> list[str]:
        """Ids of the hits shown, best first."""
        found: list[str] = self.page.eval_on_selector_all(
            ".card", "cards => cards.map((card) => card.dataset.chip)"
        )
        return found

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def wait_count(self, selector: str, count: int) -> None:
        self.page.wait_for_function(
            "([selector, count]) => document.querySelectorAll(selector).length === count",
            arg=[selector, count],
        )

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def shoot(self, name: str) -> None:
        """Keep a picture of the tab for the guide, where a folder for them is named."""
        if SHOTS:
            self.wait_count(".leaflet-tile:not(.leaflet-tile-loaded)", 0)
            self.page.wait_for_timeout(500)  # tiles fade in
            _keep(self.page.screenshot(), Path(SHOTS) / f"{name}.png")

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def _look(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in {"data", "blob", "about"}:
            return
        self.asked.append(address)
        if parts.hostname != "127.0.0.1":
            self.outside.append(address)


def _keep(picture: bytes, path: Path) -> None:
    """Reduce a picture to as many colours as a guide needs."""
    with Image.open(BytesIO(picture)) as shown:
        whole = shown.convert("RGB")
    for colours in SHOT_COLOURS:
        few = whole.quantize(colours, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        if path.stat().st_size < SHOT_BYTES:
            return


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a county at two dates, and a small collection at three."""
    home = tmp_path_factory.mktemp("page")
    make_county(home / "county", width=COUNTY_PX, height=COUNTY_PX)
    serving.index(home / "data", home / "county" / "scenes", "county")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[serving.Server]:
    told = home / "told"
    told.mkdir()
    channels = json.dumps({"office": {"to": f"file:{told}"}, "field": {"to": f"file:{told}"}})
    settings = {"reference_roots": str(home), "stac_hosts": "stac.invalid"}
    settings["alert_channels"] = channels
    with serving.running_server(home / "data", **settings) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start it for each file anew: as long as it runs, no test can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("chromium is not on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def tabs(browser: Browser, server: serving.Server) -> Iterator[Callable[..., Tab]]:
    """Make fresh tabs; what any of them complained of or asked for outside fails the test."""
    made: list[Tab] = []

    def make(*, width: int = 1280, height: int = 800, **settings: Any) -> Tab:
        settings = {"locale": "en-US", "color_scheme": "light"} | settings
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        tab = Tab(context.new_page(), server.url)
        made.append(tab)
        return tab

    yield make
    for tab in made:
        tab.page.context.close()
    assert [] == [address for tab in made for address in tab.outside]
    assert [] == [complaint for tab in made for complaint in tab.complaints]


@pytest.fixture
def tab(tabs: Callable[..., Tab]) -> Tab:
    """A fresh tab, English, light, as wide as a notebook; it is not opened yet."""
    return tabs()
