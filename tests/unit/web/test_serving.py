"""Where the page is not installed, the API serves and says how to get the page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
import httpx

from satseek.assemble import Assembly
from satseek.settings import Settings
from satseek.web.serving import compose

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_without_the_page_the_api_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)  # what Python itself does to hide a package
    transport = httpx.ASGITransport(compose(Assembly(Settings(data_dir=tmp_path))))

    async def ask(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path)

    start = anyio.run(ask, "/")
    assert start.status_code == 200
    assert "pip install 'satseek[web]'" in start.text.replace("&#x27;", "'")
    assert anyio.run(ask, "/v1/collections").json() == {"collections": [], "next": None}
    assert anyio.run(ask, "/nothing").headers["content-type"] == "application/problem+json"
