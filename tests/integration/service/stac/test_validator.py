"""The community's validator finds no fault with the STAC API, in every class that it can check."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from standarddoors import Doors

if importlib.util.find_spec("stac_api_validator") is None:
    pytest.skip(
        "stac-api-validator is not on this machine: pip install stac-api-validator",
        allow_module_level=True,
    )
schemaserving = pytest.importorskip(
    "schemaserving", reason="cryptography is not on this machine: pip install 'satseek[auth]'"
)

AROUND = {
    "type": "Polygon",
    "coordinates": [[[20, 20], [21, 20], [21, 21], [20, 21], [20, 20]]],
}
CLASSES = (
    "core",
    "collections",
    "features",
    "item-search",
    "filter",
    "item-search#sort",
    "item-search#fields",
)


def test_it_finds_no_fault(doors: Doors, tmp_path: Path) -> None:
    program = shutil.which("stac-api-validator", path=str(Path(sys.executable).parent))
    assert program is not None
    command = [program, "--root-url", f"{doors.url}/stac", "--collection", "county.chips"]
    command += ["--geometry", json.dumps(AROUND), "--validate-pagination"]
    command += ["--fields-nested-property", "properties.valid_fraction", "-H", doors.header]
    for one in CLASSES:
        command += ["--conformance", one]
    with schemaserving.schema_mirror(tmp_path) as mirror:
        done = subprocess.run(
            command,
            env=os.environ | mirror.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Errors: none" in done.stdout, done.stdout[-8000:] + done.stderr[-2000:]
    assert [] == mirror.missed
    assert "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json" in mirror.served
    assert 0 == done.returncode
