"""Dashboards: well-formed, asking for what there is; and a real Prometheus that answers them.

Grafana itself is not at hand where tests run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import starting
import yaml
from keymaking import satseek
from promfiles import (
    DASHBOARDS,
    PROMETHEUS,
    ROOT,
    RULES,
    TARGET_LABELS,
    asked,
    dashboards,
    every_figure,
    queries,
    rules,
)
from serving import index, make_scenes, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOARDS = dashboards()
DEADLINE_SECONDS = 60
UNITS = {"none", "s", "bytes", "percentunit", "reqps", "ops", "bool_yes_no"}
"""Units of Grafana's that are used."""

EMPTY_HERE = {
    "Requests denied",  # nobody was
    "Redis answers",  # there is none
    "The certificate expires in",  # nobody speaks TLS
    "Share of requests that failed, or were refused",  # none
}
"""Panels of the overview that a healthy server of one machine leaves empty."""


@pytest.fixture(scope="module")
def figures() -> dict[str, set[str]]:
    return every_figure() | PROMETHEUS


def test_there_is_one_for_each_part_and_no_two_are_taken_for_one() -> None:
    assert {"overview", "engine", "index", "jobs", "monitor"} == set(BOARDS)
    assert {f"satseek-{name}" for name in BOARDS} == {one["uid"] for one in BOARDS.values()}
    assert len(BOARDS) == len({one["title"] for one in BOARDS.values()})


def test_the_files_are_what_the_script_writes() -> None:
    spec = importlib.util.spec_from_file_location(
        "satseek_dashboards", ROOT / "deploy/prometheus/dashboards.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # its dataclasses look there
    spec.loader.exec_module(script)
    for name in script.BOARDS:
        assert script.written(name) == (DASHBOARDS / f"{name}.json").read_text(encoding="utf-8")
    assert set(BOARDS) == set(script.BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_each_panel_has_a_title_a_unit_a_place_and_a_query(name: str) -> None:
    board = BOARDS[name]
    assert 41 == board["schemaVersion"]
    assert ["datasource", "instance", "collection"] == [
        one["name"] for one in board["templating"]["list"]
    ]
    titles, places = Counter(), Counter()
    for panel in board["panels"]:
        titles[panel["title"]] += 1
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["expr"].strip()
            assert "${datasource}" == target["datasource"]["uid"]
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            places.update((x, y) for y in range(at["y"], at["y"] + at["h"]))
    assert {1} == set(titles.values())
    assert {1} == set(places.values())  # none lies over another
    assert len(board["panels"]) == len({panel["id"] for panel in board["panels"]})


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_asks_for_what_there_is(name: str, figures: dict[str, set[str]]) -> None:
    texts = [query for _, query in queries(BOARDS[name])]
    texts += [one["definition"] for one in BOARDS[name]["templating"]["list"][1:]]
    for text in texts:
        found = asked(text)
        known = figures | {"instance": set(), "collection": set()}  # of label_values(…)
        assert found.names <= set(known), text
        for figure, labels in found.matched.items():
            assert labels <= known[figure] | TARGET_LABELS, text
        theirs = set().union(*(known[one] for one in found.names))
        assert found.grouped <= theirs | TARGET_LABELS, text


@pytest.mark.parametrize("name", BOARDS)
def test_a_legend_names_labels_that_are_left(name: str, figures: dict[str, set[str]]) -> None:
    for panel in BOARDS[name]["panels"]:
        for target in panel["targets"]:
            words = target["legendFormat"].replace("{{", "\0").replace("}}", "\0").split("\0")
            named = set(words[1::2])
            found = asked(target["expr"])
            known = set().union(*(figures[one] for one in found.names)) | TARGET_LABELS
            if " by (" in target["expr"]:
                known &= found.grouped
            assert named <= known, panel["title"]


@pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not on this machine: apt-get install prometheus",
)
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    texts = [query for board in BOARDS.values() for _, query in queries(board)]
    recorded = [{"record": f"shown:{at}", "expr": text} for at, text in enumerate(texts)]

    def checked(rules: list[dict[str, str]]) -> int:
        path = tmp_path / "rules.yaml"
        path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
        return subprocess.run(["promtool", "check", "rules", path], check=False).returncode

    assert 0 == checked([one | {"record": f"shown:q{at}"} for at, one in enumerate(recorded)])
    assert 0 != checked([{"record": "shown:wrong", "expr": "sum(rate(x[1m]) by"}])


@dataclass(frozen=True, slots=True)
class Watcher:
    """A Prometheus that runs."""

    url: str

    def ask(self, path: str, **given: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=given, timeout=20)
        assert 200 == answer.status_code, answer.text
        return answer.json()["data"]

    def query(self, text: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=text)["result"]
        return found


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A server and a worker over a folder that was backed up; watched with the shipped rules."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not on this machine: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("watched")
    data = folder / "data"
    index(data, make_scenes(folder / "scenes"), "county")
    made = satseek(data, "backup", str(folder / "backups"))
    assert 0 == made.returncode, made.stderr
    with (
        running_server(data, server_worker="false") as server,
        _worker(data) as worker,
        _prometheus(folder, satseek=server.url, **{"satseek-worker": worker}) as url,
    ):
        watching = Watcher(url)
        _until(lambda: bool(watching.query('satseek_ready{job="satseek"} == 1')))
        for word in ("a harbour", "a quarry"):
            httpx.get(f"{server.url}/v1/search", params={"text": word}, timeout=60)
        rate = 'sum(rate(satseek_requests_total{route="/v1/search"}[1m]))'
        _until(lambda: bool(watching.query(f"{rate} or satseek_never")))
        yield watching


@contextmanager
def _worker(data: Path) -> Iterator[str]:
    command = [*starting.command(), "--data-dir", str(data), "worker", "--metrics-port", "0"]
    log = data.parent / "worker.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors)
    try:
        _until(lambda: b"worker shows figures" in log.read_bytes())
        yield log.read_text().partition('"url": "')[2].partition('"')[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@contextmanager
def _prometheus(folder: Path, **targets: str) -> Iterator[str]:
    scrapes = [
        {"job_name": name, "static_configs": [{"targets": [url.removeprefix("http://")]}]}
        for name, url in targets.items()
    ]
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/-/ready"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _until(what: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_both_are_scraped(watcher: Watcher) -> None:
    _until(lambda: 2 == len(watcher.query("up == 1")))
    assert {"satseek", "satseek-worker"} == {
        one["metric"]["job"] for one in watcher.query("up == 1")
    }


def test_every_rule_is_evaluated_without_an_error(watcher: Watcher) -> None:
    def found() -> list[Any]:
        groups = watcher.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    _until(lambda: all(one["health"] != "unknown" for one in found()))
    assert dict.fromkeys(rules(), "ok") == {one["name"]: one["health"] for one in found()}


def test_the_overview_shows_what_there_is(watcher: Watcher) -> None:
    asks = queries(BOARDS["overview"])
    _until(lambda: EMPTY_HERE == {one for one, text in asks if not watcher.query(text)})


@pytest.mark.parametrize(
    ("board", "title", "expected"),
    [
        ("overview", "Servers", 1.0),
        ("overview", "Workers", 1.0),
        ("index", "Chips", 12.0),
        ("jobs", "Anybody takes jobs", 1.0),
        ("monitor", "Letters given up", 0.0),
        ("monitor", "Backup failed", 0.0),
    ],
)
def test_a_panel_shows_the_right_number(
    board: str, title: str, expected: float, watcher: Watcher
) -> None:
    (query,) = [text for one, text in queries(BOARDS[board]) if one == title]
    _until(lambda: [expected] == [float(one["value"][1]) for one in watcher.query(query)])
