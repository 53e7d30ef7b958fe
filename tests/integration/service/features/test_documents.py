"""What docs/reference/stac.md and features.md say works, word for word; they leave out no route."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from standarddoors import Doors

PAGES = Path(__file__).parents[4] / "docs" / "reference"
ADDRESS = "http://127.0.0.1:7860"


def _blocks(language: str) -> list[str]:
    text = "".join(
        (PAGES / name).read_text(encoding="utf-8") for name in ("stac.md", "features.md")
    )
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _commands() -> list[str]:
    lines = "\n".join(_blocks("bash"))
    return [
        one.strip() for one in re.split(r"^(?=curl |ogr)", lines, flags=re.MULTILINE) if one.strip()
    ]


def test_the_pages_have_commands() -> None:
    assert (8, 1) == (len(_commands()), len(_blocks("python")))


@pytest.mark.parametrize("command", _commands())
def test_command_runs_as_written(command: str, doors: Doors, tmp_path: Path) -> None:
    program = command.split(maxsplit=1)[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine: apt-get install curl gdal-bin")
    line = command.replace(ADDRESS, doors.url)
    if program == "curl":
        line += f" --silent --show-error --fail-with-body -H '{doors.header}'"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env=os.environ | {"GDAL_HTTP_HEADERS": doors.header},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr), f"{command}\n{done.stdout}"
    if "--silent" in line:
        assert '"features": [{' in done.stdout or "sentinel" in line


def test_the_example_runs_as_written(doors: Doors) -> None:
    pytest.importorskip(
        "pystac_client", reason="pystac-client is not on this machine: pip install 'satseek[gis]'"
    )
    (example,) = _blocks("python")
    opened = f'"{doors.url}/stac", headers={{"authorization": "Bearer {doors.key}"}}'
    code = example.replace(f'"{ADDRESS}/stac"', opened)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    assert "county.chips [" in done.stdout
    assert 8 == done.stdout.count("/thumbnail?")  # those of 2024


@pytest.mark.parametrize(("door", "page"), [("stac", "stac.md"), ("ogc", "features.md")])
def test_every_route_and_parameter_is_on_the_page(doors: Doors, door: str, page: str) -> None:
    text = (PAGES / page).read_text(encoding="utf-8")
    document = doors.client.get(f"/{door}/api").json()
    short = {"{collectionId}": "{id}", "{featureId}": "{item}" if door == "stac" else "{feature}"}
    for path, methods in document["paths"].items():
        shown = f"/{door}{path}".rstrip("/")
        for theirs, ours in short.items():
            shown = shown.replace(theirs, ours)
        assert f"{shown}`" in text, shown
        for operation in methods.values():
            for parameter in operation["parameters"]:
                name = parameter["name"]
                if parameter["in"] == "query" and name not in {"f", "filter-crs"}:
                    assert f"`{name}`" in text, name
