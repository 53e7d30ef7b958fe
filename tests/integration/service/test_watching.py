"""What an operator sees from outside: figures that promtool accepts, a real scrape, traces."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from collecting import collector
from serving import index, make_scenes, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collecting import Collector
    from serving import Server

PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not on this machine: apt-get install prometheus",
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    with collector() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, spans: Collector) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("watched")
    index(folder / "data", make_scenes(folder / "scenes"), "county")
    with running_server(folder / "data", otlp_endpoint=spans.url) as one:
        yield one


def _search(server: Server, **headers: str) -> httpx.Response:
    found = httpx.get(
        f"{server.url}/v1/search", params={"text": "a harbour"}, headers=headers, timeout=20
    )
    assert 200 == found.status_code
    return found


@PROMTOOL
def test_promtool_accepts_the_figures(server: Server) -> None:
    _search(server)
    figures = httpx.get(f"{server.url}/metrics", timeout=20).content
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=figures, capture_output=True, check=False
    )
    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)
    spoilt = figures.replace(b"satseek_requests_total", b"satseek_requestsTotal")
    refused = subprocess.run(
        ["promtool", "check", "metrics"], input=spoilt, capture_output=True, check=False
    )
    assert 0 != refused.returncode


@pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="prometheus is not on this machine: apt-get install prometheus",
)
def test_a_real_prometheus_scrapes_and_answers(server: Server, tmp_path: Path) -> None:
    _search(server)
    target = server.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: satseek\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n",
        encoding="utf-8",
    )
    port = _free_port()
    command = ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}"]
    command += [
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        found = _asked(f"http://127.0.0.1:{port}", 'satseek_chips{collection="county"}')
        requests = _asked(
            f"http://127.0.0.1:{port}", 'satseek_requests_total{route="/v1/search",status="200"}'
        )
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert 12.0 == found
    assert requests >= 1.0


def test_a_request_is_one_span_of_its_callers_trace(server: Server, spans: Collector) -> None:
    parent = "00f067aa0ba902b7"
    _search(server, traceparent=f"00-{TRACE}-{parent}-01")
    deadline = time.monotonic() + 20
    mine = []
    while not mine and time.monotonic() < deadline:
        mine = [one for one in spans.spans if one.trace_id.hex() == TRACE]
        time.sleep(0.05)
    (root,) = [one for one in mine if one.parent_span_id.hex() == parent]
    attributes = {one.key: one.value for one in root.attributes}
    assert "GET /v1/search" == root.name
    assert 200 == attributes["http.response.status_code"].int_value
    assert "harbour" not in str(mine)


def test_the_log_line_names_the_trace(server: Server) -> None:
    _search(server, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    deadline = time.monotonic() + 20
    named: list[object] = []
    while not named and time.monotonic() < deadline:  # the line is written once the answer is out
        *whole, _ = server.lines().split("\n")
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        named = [one for one in lines if one.get("trace") == "ab" * 16]
        time.sleep(0.05)
    assert named


def test_steps_of_a_search_are_spans_below_it(server: Server, spans: Collector) -> None:
    _search(server)
    (step, *_) = spans.named("satseek.search")
    roots = {one.span_id for one in spans.named("GET /v1/search")}
    assert step.parent_span_id in roots


def test_a_collector_that_is_gone_costs_no_request_and_no_end(tmp_path: Path) -> None:
    index(tmp_path / "data", make_scenes(tmp_path / "scenes"), "county")
    with running_server(
        tmp_path / "data", otlp_endpoint=f"http://127.0.0.1:{_free_port()}"
    ) as server:
        _search(server)
        server.process.terminate()
        assert 0 == server.process.wait(timeout=20)


def _asked(url: str, query: str) -> float:
    """Ask Prometheus until it knows."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=5).json()
        except (httpx.HTTPError, ValueError):
            answer = {"data": {"result": []}}
        if answer["data"]["result"]:
            return float(answer["data"]["result"][0]["value"][1])
        time.sleep(0.2)
    raise AssertionError(f"Prometheus does not know {query}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
