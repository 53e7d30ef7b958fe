"""A real browser in front of a real server; both are started once."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import serving

pytest.importorskip("nicegui", reason="the page is not installed: pip install 'satseek[web]'")
pytest.importorskip("selenium", reason="no driver: pip install selenium")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

WAIT_SECONDS = 60
"""A busy machine may take this long; a good one needs less than a second."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)


class Browser:
    """A tab and the questions that the tests ask of it."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads

    def open(self, url: str) -> None:
        """Load a page and wait until its map is alive."""
        self.driver.get(url)
        self.wait("return document.querySelector('.map .lattice') !== null")

    def wait(self, script: str) -> Any:
        """Wait until the script returns something true; give it."""
        waiting = WebDriverWait(self.driver, WAIT_SECONDS, poll_frequency=0.1)
        return waiting.until(lambda driver: driver.execute_script(script), message=script)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def search(self, text: str) -> None:
        """Type a query, press Enter, wait for the hits that answer it."""
        field = self.one("input[aria-label='Words to look for']")
        field.send_keys("\ue009a\ue000", text, "\n")  # Control+A replaces what stands there
        asked = json.dumps(text)
        self.wait(f"return new URL(location).searchParams.get('q') === {asked}")
        self.wait_for_pictures()

    def wait_for_pictures(self) -> None:
        """Wait until every thumbnail on the screen is drawn."""
        self.wait(
            "const seen = [...document.querySelectorAll('.chip img')].filter("
            "  (image) => image.getBoundingClientRect().top < innerHeight);"
            "return seen.length > 0 && seen.every((image) => image.naturalWidth > 0)"
        )

    def chips(self) -> list[str]:
        """Ids of the hits shown, best first."""
        script = "return [...document.querySelectorAll('.chip')].map((card) => card.dataset.chip)"
        return list(self.driver.execute_script(script))

    def footprints(self) -> int:
        return len(self.all(".map path.footprint"))

    def notification(self) -> str:
        """Text of the notification that has appeared."""
        script = "return document.querySelector('.q-notification__message')?.textContent"
        return str(self.wait(script))

    def addresses(self) -> set[str]:
        """Every address asked for since the last call, over the network."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        asked = {
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }
        asked |= {
            message["params"]["url"]
            for message in messages
            if message["method"] == "Network.webSocketCreated"
        }
        return {url for url in asked if not url.startswith(("data:", "blob:", "about:"))}

    def complaints(self) -> list[str]:
        """What the browser's console complains about."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("page")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[serving.Server]:
    with serving.running_server(home / "data") as server:
        yield server


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver, downloads)
    finally:
        driver.quit()


@pytest.fixture
def page(browser: Browser, server: serving.Server) -> Browser:
    """A fresh page."""
    browser.open(server.url)
    return browser
