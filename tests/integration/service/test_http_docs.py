"""What docs/reference/http.md says works, word for word, and it leaves out no route."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "http.md"
ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page's commands name."""
    home = tmp_path_factory.mktemp("page")
    serving.make_scenes(home / "incoming" / "2025")
    serving.index(home / "data", home / "incoming" / "2025", "county")
    for name in ("quarry.jpg", "chip.png"):
        serving.png(home / name)
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[serving.Server]:
    with serving.running_server(home / "data", reference_roots=str(home / "incoming")) as server:
        yield server


def _commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = "".join(blocks)
    return [f"curl {one}".strip() for one in re.split(r"^curl ", lines, flags=re.MULTILINE)[1:]]


def test_the_page_has_commands() -> None:
    assert len(_commands()) >= 15


@pytest.mark.parametrize("command", _commands())
def test_command_runs_as_written(command: str, server: serving.Server, home: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine: apt-get install curl")
    line = command.replace(ADDRESS, server.url)
    done = subprocess.run(
        ["bash", "-c", f"{line} --silent --show-error --fail-with-body"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, f"{command}\n{done.stdout}{done.stderr}"


def test_every_route_is_on_the_page(server: serving.Server) -> None:
    text = PAGE.read_text(encoding="utf-8")
    paths = httpx.get(f"{server.url}/openapi.json", timeout=60).json()["paths"]
    assert len(paths) > 20
    missing = [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if not path.startswith("/v2") and f"`{method.upper()} {path}" not in text
    ]
    assert [] == missing


def test_the_document_names_every_way_to_be_recognised(server: serving.Server) -> None:
    document = httpx.get(f"{server.url}/openapi.json", timeout=60).json()
    assert document["openapi"].startswith("3.1")
    assert {"key", "bearer", "basic"} == set(document["components"]["securitySchemes"])
    search = document["paths"]["/v1/search"]["post"]
    assert {"200", "401", "403", "404", "409", "413", "422", "429", "500", "503", "504"} <= set(
        search["responses"]
    )
    assert "HTTPValidationError" not in str(document)
    schema = search["responses"]["422"]["content"]["application/problem+json"]["schema"]
    assert {"$ref": "#/components/schemas/Problem"} == schema
    assert [] == document["paths"]["/livez"]["get"]["security"]


def test_the_listing_shows_every_route(server: serving.Server) -> None:
    page = httpx.get(f"{server.url}/docs", timeout=60).raise_for_status().text
    paths = httpx.get(f"{server.url}/openapi.json", timeout=60).json()["paths"]
    assert [] == [path for path in paths if f"</span>{path}</code>" not in page]
    assert "X-API-Key" in page
