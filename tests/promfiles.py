"""Reads the shipped alert rules and dashboards, and says which figures and labels they ask for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from satseek.index.watching import Watched
from satseek.jobs.overdue import Overdue
from satseek.monitor.delivery.rows import Backlog, Line
from satseek.search.searching import Answer
from satseek.service.machine import Machine, Room
from satseek.service.metrics import Metrics, Stocks
from satseek.service.upkeep import BackupSeen, Upkeep

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy/helm/satseek/files/alerts/satseek.rules.yaml"
RULE_TESTS = ROOT / "deploy/prometheus/satseek.rules.test.yaml"
DASHBOARDS = ROOT / "deploy/helm/satseek/files/dashboards"
RUNBOOK = ROOT / "docs/guides/runbook.md"

TARGET_LABELS = {"job", "instance", "namespace", "pod", "container", "endpoint", "service"}
"""Of Prometheus, not of ours."""

PROMETHEUS: Mapping[str, set[str]] = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "alertmanager_notifications_failed_total": {"integration", "reason"},
}
"""Series that Prometheus makes itself, or Alertmanager, and their labels."""

_WORDS = {
    *("sum", "min", "max", "count", "rate", "increase", "absent", "vector", "time", "on", "by"),
    *("without", "and", "or", "unless", "ignoring", "group_left", "group_right", "offset"),
    *("histogram_quantile", "predict_linear", "label_values", "bool"),
}
"""Of PromQL, as far as they are used."""


@dataclass(slots=True)
class Asked:
    """What a query asks for."""

    names: set[str] = field(default_factory=set)
    matched: dict[str, set[str]] = field(default_factory=dict)
    """Labels that are matched, by the name of the figure."""
    grouped: set[str] = field(default_factory=set)
    """Labels that are kept, or left out."""


def asked(expression: str) -> Asked:
    """Read names and labels out of a query."""
    found = Asked()
    text = re.sub(r"\[[^\]]*\]", "", expression)
    for labels in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", text):
        found.grouped |= {one.strip() for one in labels.split(",") if one.strip()}
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    for name, _, matchers in re.findall(r"\b([a-zA-Z_]\w*)\s*(\{([^}]*)\})?", _unquoted(text)):
        if name in _WORDS or re.fullmatch(r"\d.*", name):
            continue
        found.names.add(name)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        found.matched.setdefault(name, set()).update(labels)
    return found


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', '""', text)


def rules() -> dict[str, dict[str, Any]]:
    """Give the alerts by name, in their order."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def rule_tests() -> list[dict[str, Any]]:
    """Give the groups of promtool's tests."""
    found: list[dict[str, Any]] = yaml.safe_load(RULE_TESTS.read_text(encoding="utf-8"))["tests"]
    return found


def dashboards() -> dict[str, dict[str, Any]]:
    """Give the dashboards by the name of their file."""
    files = sorted(DASHBOARDS.glob("*.json"))
    return {one.stem: json.loads(one.read_text(encoding="utf-8")) for one in files}


def queries(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    """Give the title and query of all lines of all panels, as Prometheus is asked them."""
    return [
        (panel["title"], plain(target["expr"]))
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def plain(expression: str) -> str:
    """Put in what Grafana does."""
    for name, value in (("$__rate_interval", "1m"), ("$instance", ".*"), ("$collection", ".*")):
        expression = expression.replace(name, value)
    return expression


def every_figure() -> dict[str, set[str]]:
    """Have the real registry show all that it can; gives the labels by the name of a series."""
    metrics = Metrics()
    metrics.count_request(method="GET", route="/v1/search", status=200, seconds=0.1)
    metrics.count_search(Answer(hits=(), plan="exact scan", generation=1, seconds=0.1))
    metrics.count_denied("rate")
    metrics.on_queue("text", 1)
    metrics.on_batch("text", 1, 0.1, 0.1)
    metrics.on_lookup("text", 1, 1)
    metrics.on_try("index", "done", 1.0)
    now, room = datetime.now(UTC), Room(used_bytes=1, bytes=2)
    late = (Overdue(name="a", collection="c", seconds=1.0),)
    upkeep = Upkeep(
        queue_up=True,
        attended=True,
        job_wait_s=0.0,
        schedules=late,
        watches=late,
        findings={"new": 1},
        undecided_since=now,
        backlog=Backlog(
            waiting={"a": Line(letters=1, since=now)}, dead=0, resting=frozenset({"a"})
        ),
        backup=BackupSeen(finished=now, completed=now, failed=False, added_bytes=1),
        certificate_expires=now,
        machine=Machine(memory=room, disks={"data": room}, gpus={"0": room}),
    )
    one = {"c": 1}
    stocks = Stocks(
        chips=one,
        rows=one,
        dead_rows=one,
        index_bytes=one,
        jobs={"queued": 1},
        recall={"c": {"text": Watched(recall=1.0, recent=1, samples=1)}},
        redis=True,
        upkeep=upkeep,
    )
    text = metrics.write(stocks=stocks, model="m@1").decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found
