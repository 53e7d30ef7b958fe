"""What docs/reference/protocols.md says works, word for word but for the address."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "protocols.md"

pytest.importorskip("openai", reason="openai is not on this machine: pip install openai")
pytest.importorskip(
    "tritonclient",
    reason="tritonclient is not on this machine: pip install 'tritonclient[grpc,http]'",
)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


CURLS = [one for block in _blocks("bash") for one in block.strip().split("\n\n")]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("protocols")
    serving.png(home / "harbour.png")
    (home / "data").mkdir()
    with serving.running_server(home / "data", grpc_port="0") as server:
        rpc = re.search(r"gRPC on (\S+:\d+)", server.lines())
        assert rpc
        plain = server.url.removeprefix("http://")
        yield {"127.0.0.1:7860": plain, "127.0.0.1:7861": rpc[1], "": str(home)}


def _here(text: str, addresses: dict[str, str]) -> str:
    for written, real in addresses.items():
        text = text.replace(written, real) if written else text
    return text


@pytest.mark.parametrize("command", CURLS, ids=lambda one: one.split()[1].partition(":7860")[2])
def test_a_curl_line_works(command: str, addresses: dict[str, str]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine: apt-get install curl")

    done = subprocess.run(
        ["sh", "-c", _here(command, addresses) + " --silent --fail-with-body"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(_blocks("python"))))
def test_a_python_example_works(number: int, addresses: dict[str, str]) -> None:
    code = _here(_blocks("python")[number], addresses)

    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=addresses[""],
        timeout=120,
    )

    assert 0 == done.returncode, done.stderr
    assert done.stdout.strip()


def test_the_page_shows_every_protocol() -> None:
    assert 3 == len(_blocks("python"))
    assert 5 == len(CURLS)
