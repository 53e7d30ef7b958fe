"""Supervisor keeps two servers, a worker and nginx for real; systemd itself reads the units.

Of the files of ``deploy/supervisor`` only places are replaced, in copies: ``/tmp`` by the test's
folder, ``127.0.0.1`` by an address of its own in 127.0.0.0/8, so that all ports stay as they are;
nginx is told to stay root where it is root, since the test's folder lets nobody else in. The
servers are begun by the line that is there for those who want gRPC.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPLOY = Path(__file__).parents[3] / "deploy"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
SEARCHED = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
)
PATIENCE_S = 120
SERVERS = ("satseek:serve-7871", "satseek:serve-7872")
EXPOSURE = 2.0
"""Of ten: what ``systemd-analyze security`` may give a unit at most."""

needs_supervisor = pytest.mark.skipif(
    None in {shutil.which("supervisord"), shutil.which("nginx", path=SEARCHED)},
    reason="supervisord or nginx is not on this machine: apt-get install supervisor nginx-light",
)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not on this machine: apt-get install systemd",
)


@dataclass(slots=True)
class Supervised:
    """A supervisord that runs, and what it and all it started have logged."""

    home: Path
    host: str
    process: subprocess.Popen[bytes]

    def control(self, *words: str) -> str:
        command = ["supervisorctl", "-c", str(self.home / "supervisord.conf"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def pid(self, name: str) -> int:
        return int(self.control("pid", name) or 0)

    def is_ready(self, port: int) -> bool:
        try:
            answer = httpx.get(f"http://{self.host}:{port}/readyz", timeout=5)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def log(self) -> str:
        return (self.home / "log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    home = tmp_path_factory.mktemp("supervised")
    host = f"127.{os.getpid() % 200 + 20}.{time.monotonic_ns() % 250}.7"
    for source, target in (
        ("supervisord.conf", home / "supervisord.conf"),
        ("nginx.conf", home / "nginx.conf"),
        ("front.conf", home / "conf.d" / "front.conf"),
    ):
        target.parent.mkdir(exist_ok=True)
        text = (DEPLOY / "supervisor" / source).read_text(encoding="utf-8")
        text = text.replace("/tmp", str(home)).replace("127.0.0.1", host)  # noqa: S108
        text = text.replace("listen 7860", f"listen {host}:7860")
        text = re.sub(r"(?m)^command = satseek serve .*\n(; .*\n);(command = )", r"\1\2", text)
        target.write_text(text.replace("daemon off;", "daemon off; user root;"), encoding="utf-8")
    settings = {"SATSEEK_HOST": host, "SATSEEK_METRICS_HOST": host}
    settings["SATSEEK_DATA_DIR"] = str(home / "data")
    environment = os.environ | settings | {"PATH": SEARCHED, "SATSEEK_THREADS": "1"}
    command = ["supervisord", "--nodaemon", "--configuration", str(home / "supervisord.conf")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    it = Supervised(home, host, process)
    try:
        until(lambda: it.is_ready(7871) and it.is_ready(7872) and it.is_ready(7860), it)
        yield it
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=PATIENCE_S)


def until(is_so: Callable[[], bool], it: Supervised) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, it.log()
        time.sleep(0.1)


@needs_supervisor
def test_two_servers_a_worker_and_nginx_run(supervised: Supervised) -> None:
    states = dict(line.split()[:2] for line in supervised.control("status").splitlines())

    assert dict.fromkeys([*SERVERS, "satseek:worker", "nginx"], "RUNNING") == states


@needs_supervisor
def test_the_servers_leave_jobs_to_the_worker(supervised: Supervised) -> None:
    told = [_environment(supervised.pid(name)).get("SATSEEK_SERVER_WORKER") for name in SERVERS]

    assert ["false", "false"] == told
    until(lambda: supervised.is_ready(7862), supervised)


@needs_supervisor
def test_each_server_has_a_port_of_its_own_for_grpc(supervised: Supervised) -> None:
    for port in (7881, 7882):
        socket.create_connection((supervised.host, port), timeout=5).close()


@needs_supervisor
def test_figures_are_not_for_everybody(supervised: Supervised) -> None:
    assert 404 == httpx.get(f"http://{supervised.host}:7860/metrics").status_code


@needs_supervisor
@pytest.mark.parametrize("name", [SERVERS[0], "satseek:worker"])
def test_one_that_is_killed_comes_back(supervised: Supervised, name: str) -> None:
    before = supervised.pid(name)

    os.kill(before, signal.SIGKILL)

    until(lambda: supervised.pid(name) not in {0, before}, supervised)
    until(lambda: "RUNNING" in supervised.control("status", name), supervised)


@needs_supervisor
def test_all_drain_and_end_well_when_it_is_told_to_stop(supervised: Supervised) -> None:
    until(lambda: supervised.is_ready(7871) and supervised.is_ready(7872), supervised)

    with _opened_page(supervised.host):  # as one that somebody has open, and leaves so
        supervised.process.send_signal(signal.SIGTERM)
        assert 0 == supervised.process.wait(timeout=PATIENCE_S)

    ends = re.findall(r"(?:stopped|exited): (\S+) \((exit status \d+)", supervised.log())[-4:]
    names = {"serve-7871", "serve-7872", "worker", "nginx"}
    assert dict.fromkeys(names, "exit status 0") == dict(ends)
    assert "worker ends" in map(_event, supervised.log().splitlines())


def _opened_page(host: str) -> socket.socket:
    """A WebSocket through nginx to where the page has its own."""
    opened = socket.create_connection((host, 7860), timeout=PATIENCE_S)
    lines = [
        "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
        *(f"Host: {host}:7860", "Upgrade: websocket", "Connection: Upgrade"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = opened.recv(12)
    assert b"HTTP/1.1 101" == answer
    return opened


def _event(line: str) -> str:
    try:
        return str(json.loads(line)["event"])
    except (ValueError, KeyError, TypeError):
        return ""


def _environment(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


@pytest.mark.parametrize("page", ["deploy.md", "deploy.zh-CN.md"])
def test_a_container_is_given_the_time_that_its_processes_are(page: str) -> None:
    """Groups are stopped one after the other, and within a group all at once."""
    waits = {
        name: re.findall(r"(?m)^stopwaitsecs = (\d+)$", _text(f"supervisor/{name}"))
        for name in ("supervisord.conf", "front.conf")
    }
    phases = [max(map(int, seconds)) for seconds in waits.values()]
    closes = re.search(r"(?m)^worker_shutdown_timeout (\d+)s;$", _text("supervisor/nginx.conf"))
    guide = (DEPLOY.parent / "docs" / "guides" / page).read_text(encoding="utf-8")
    (told,) = re.findall(r"--stop-timeout (\d+)", guide.partition("## Supervisor")[2])

    assert sum(phases) < int(told)
    assert closes is not None
    assert int(closes[1]) < phases[1]


def _text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_unit(tmp_path: Path, name: str) -> None:
    there = shutil.which("true")
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    unit = tmp_path / name
    unit.write_text(re.sub(r"/opt/satseek/bin/satseek", str(there), text), encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )

    said = [line for line in done.stderr.splitlines() if name.removesuffix(".service") in line]
    assert (0, []) == (done.returncode, said)


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_little_exposed(name: str) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", str(DEPLOY / "systemd" / name)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    exposed = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert exposed is not None, said
    assert float(exposed[1]) <= EXPOSURE


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_waits_longer_than_what_it_keeps_takes(name: str) -> None:
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    grace = re.search(r"--grace (\d+)", text)

    assert stop is not None
    assert int(stop[1]) > (int(grace[1]) if grace else 30)  # docs/guides/serve.md: 30 s
