"""Tables of panels → the Grafana dashboards of satseek, as JSON.

Run it after a change: ``python deploy/prometheus/dashboards.py``. It writes
``deploy/helm/satseek/files/dashboards/*.json``, which Compose and the chart hand to Grafana; a test
fails where these are not what it writes. Needs Python alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "helm" / "satseek" / "files" / "dashboards"

SCHEMA = 41
"""Of the dashboards: Grafana 12's, which is the one that Compose starts."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SERVERS = 'instance=~"$instance"'
COLLECTIONS = 'collection=~"$collection"'
SEARCHES = 'route=~"/v1/(search|classify|embed)|/satseek.v1.Satseek/(Search|Classify|Embed)"'
NO_PROBES = 'route!~"/livez|/readyz|/metrics"'
FAILED = "5..|INTERNAL|UNKNOWN|DATA_LOSS|UNAVAILABLE|DEADLINE_EXCEEDED"
REFUSED = "429|RESOURCE_EXHAUSTED"
ONCE = "without (instance, pod)"
WIDTH = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what it asks, and in which unit it shows the answers."""

    title: str
    unit: str
    asks: tuple[tuple[str, str], ...]
    """Query and legend of each line."""
    kind: str = "timeseries"
    wide: int = 8
    tells: str = ""
    """What to know when looking at it."""
    most: float | None = None
    """Where the axis ends, such as 1 for shares."""


def stat(title: str, unit: str, ask: str, tells: str = "") -> Panel:
    """Show one number, in large."""
    return Panel(title, unit, ((ask, ""),), kind="stat", wide=4, tells=tells)


def quantiles(histogram: str, where: str, by: str, *, legend: str) -> tuple[tuple[str, str], ...]:
    """Ask for the middle and the slow end of a histogram."""
    rate = f"sum by (le, {by}) (rate({histogram}_bucket{{{where}}}[$__rate_interval]))"
    asks = [(f"histogram_quantile({share}, {rate})", share) for share in (0.5, 0.95)]
    return tuple((ask, f"{legend} p{round(100 * share)}") for ask, share in asks)


def rate(counter: str, where: str, by: str) -> str:
    """Ask how often something happens in a second."""
    return f"sum by ({by}) (rate({counter}{{{where}}}[$__rate_interval]))"


def share_of(statuses: str) -> str:
    """Ask which share of the requests, but for probes, was answered with these statuses."""
    asked = f"{SERVERS}, {NO_PROBES}"
    some = f'sum(rate(satseek_requests_total{{{asked}, status=~"{statuses}"}}[$__rate_interval]))'
    return f"{some} / sum(rate(satseek_requests_total{{{asked}}}[$__rate_interval]))"


OVERVIEW = (
    stat("Servers", "none", 'sum(up{job="satseek"})', "Servers that answer Prometheus."),
    stat("Workers", "none", 'sum(up{job="satseek-worker"})', "Workers that show figures."),
    stat(
        "Alerts firing",
        "none",
        'count(ALERTS{alertname=~"Satseek.*", alertstate="firing"}) or vector(0)',
        "Each has a section in the runbook.",
    ),
    stat("Jobs that wait", "none", 'max(satseek_jobs{state="queued"})'),
    stat("Disk free", "percentunit", "min(satseek_disk_free_bytes / satseek_disk_bytes)"),
    stat(
        "Last whole backup",
        "s",
        "time() - max(satseek_backup_completed_timestamp_seconds)",
        "How long ago; empty: none was made by satseek backup.",
    ),
    Panel(
        "Requests by status",
        "reqps",
        ((rate("satseek_requests_total", SERVERS, "door, status"), "{{door}} {{status}}"),),
    ),
    Panel(
        "Time of a search, a classification, an embedding",
        "s",
        quantiles(
            "satseek_request_duration_seconds",
            f"{SERVERS}, {SEARCHES}",
            "route",
            legend="{{route}}",
        ),
    ),
    Panel(
        "Share of requests that failed, or were refused",
        "percentunit",
        (
            (share_of(FAILED), "failed"),
            (share_of(REFUSED), "refused"),
        ),
        tells="Empty while nothing failed and nothing was refused.",
    ),
    Panel(
        "Requests in flight",
        "none",
        ((f"satseek_requests_in_flight{{{SERVERS}}}", "{{instance}}"),),
    ),
    Panel(
        "Requests denied",
        "reqps",
        ((rate("satseek_denied_total", SERVERS, "reason"), "{{reason}}"),),
        tells="Of nobody known, of somebody who may not, of somebody too eager.",
    ),
    Panel("Ready", "none", ((f"satseek_ready{{{SERVERS}}}", "{{instance}}"),), most=1),
    Panel(
        "Memory taken, of what there is",
        "percentunit",
        (("satseek_memory_used_bytes / satseek_memory_limit_bytes", "{{job}} {{instance}}"),),
        most=1,
    ),
    Panel(
        "Room on disks",
        "bytes",
        (("min by (folder) (satseek_disk_free_bytes)", "{{folder}}"),),
    ),
    Panel("Redis answers", "none", (("min by (server) (satseek_redis_up)", "{{server}}"),), most=1),
    Panel(
        "Model in force",
        "none",
        ((f"count by (name, version) (satseek_model_info{{{SERVERS}}})", "{{name}}@{{version}}"),),
        tells="Servers by the version that they answer with.",
    ),
    Panel(
        "Release",
        "none",
        (("count by (job, version) (satseek_build_info)", "{{job}} {{version}}"),),
    ),
    Panel(
        "The certificate expires in",
        "s",
        (
            (
                "min by (instance) (satseek_certificate_expires_timestamp_seconds) - time()",
                "{{instance}}",
            ),
        ),
        tells="Empty where TLS ends before satseek.",
    ),
)

ENGINE = (
    Panel(
        "Images and texts through the model",
        "ops",
        ((rate("satseek_batch_rows_sum", SERVERS, "tower"), "{{tower}}"),),
    ),
    Panel(
        "Rows that wait for the model",
        "none",
        ((f"sum by (tower) (satseek_queue_rows{{{SERVERS}}})", "{{tower}}"),),
    ),
    Panel(
        "Rows in one call",
        "none",
        (
            (
                (
                    f"{rate('satseek_batch_rows_sum', SERVERS, 'tower')}"
                    f" / {rate('satseek_batch_rows_count', SERVERS, 'tower')}"
                ),
                "{{tower}}",
            ),
        ),
    ),
    Panel(
        "Wait for the model",
        "s",
        quantiles("satseek_queue_wait_seconds", SERVERS, "tower", legend="{{tower}}"),
    ),
    Panel(
        "Time of one call",
        "s",
        quantiles("satseek_engine_duration_seconds", SERVERS, "tower", legend="{{tower}}"),
    ),
    Panel(
        "Hits of the caches",
        "percentunit",
        (
            (
                (
                    f"sum by (cache) (rate(satseek_cache_lookups_total{{{SERVERS}, "
                    'outcome="hit"}[$__rate_interval]))'
                    f" / {rate('satseek_cache_lookups_total', SERVERS, 'cache')}"
                ),
                "{{cache}}",
            ),
        ),
        most=1,
    ),
    Panel(
        "Processor",
        "percentunit",
        (('rate(process_cpu_seconds_total{job=~"satseek.*"}[$__rate_interval])', "{{instance}}"),),
        tells="1: a whole core. Processes of jobs are not counted.",
    ),
    Panel(
        "Memory of the process",
        "bytes",
        (('process_resident_memory_bytes{job=~"satseek.*"}', "{{instance}}"),),
    ),
    Panel(
        "Memory of GPUs",
        "percentunit",
        (("satseek_gpu_memory_used_bytes / satseek_gpu_memory_bytes", "{{instance}} {{gpu}}"),),
        most=1,
    ),
    Panel(
        "Changes of the model",
        "none",
        (
            (
                f"sum by (outcome) (increase(satseek_model_swaps_total{{{SERVERS}}}[1h]))",
                "{{outcome}}",
            ),
        ),
        tells="Within an hour: done, or refused.",
    ),
    Panel(
        "An activation is refused",
        "none",
        ((f"satseek_model_refused{{{SERVERS}}}", "{{instance}}"),),
        most=1,
    ),
)

INDEX = (
    Panel(
        "Chips",
        "none",
        ((f"max {ONCE} (satseek_chips{{{COLLECTIONS}}})", "{{collection}}"),),
    ),
    Panel(
        "Bytes on disk",
        "bytes",
        ((f"max {ONCE} (satseek_index_bytes{{{COLLECTIONS}}})", "{{collection}}"),),
    ),
    Panel(
        "Share of dead rows",
        "percentunit",
        (
            (
                f"max {ONCE} (satseek_dead_rows{{{COLLECTIONS}}} / satseek_rows{{{COLLECTIONS}}})",
                "{{collection}}",
            ),
        ),
        tells="Of chips that were replaced or removed: compaction gives their room back.",
        most=1,
    ),
    Panel(
        "Recall of searches by codes",
        "percentunit",
        (
            (
                f"min {ONCE} (satseek_recall_at_k{{{COLLECTIONS}}})",
                "{{collection}} by {{kind}}",
            ),
            ("min(satseek_recall_promised)", "promised"),
        ),
        tells="Mean of the last 256 searches that were compared with their exact answer.",
        most=1,
    ),
    Panel(
        "Searches compared",
        "ops",
        (
            (
                (
                    f"sum by (collection) (rate(satseek_recall_samples_total{{{COLLECTIONS}}}"
                    "[$__rate_interval]))"
                ),
                "{{collection}}",
            ),
        ),
    ),
    Panel(
        "Searches by plan",
        "ops",
        ((rate("satseek_searches_total", SERVERS, "plan"), "{{plan}}"),),
    ),
    Panel(
        "Time in the index",
        "s",
        quantiles("satseek_search_duration_seconds", SERVERS, "job", legend="{{job}}"),
        tells="From a query to its hits, without the network.",
    ),
)

JOBS = (
    stat("Waiting", "none", 'max(satseek_jobs{state="queued"})'),
    stat("Running", "none", 'max(satseek_jobs{state="running"})'),
    stat("Longest wait", "s", "max(satseek_job_wait_seconds)", "Of a job whose turn it is."),
    stat("Anybody takes jobs", "bool_yes_no", "max(satseek_queue_attended)"),
    stat("Failed, kept", "none", 'max(satseek_jobs{state="failed"})', "Of the last day."),
    stat("Latest schedule", "s", "max(satseek_schedule_overdue_seconds)", "How late; 0: none is."),
    Panel("Jobs by state", "none", ((f"max {ONCE} (satseek_jobs)", "{{state}}"),)),
    Panel(
        "Longest wait of a job whose turn it is",
        "s",
        (("max(satseek_job_wait_seconds)", "wait"),),
    ),
    Panel(
        "Tries by how they ended",
        "none",
        (("sum by (ending) (increase(satseek_job_tries_total[$__rate_interval]))", "{{ending}}"),),
    ),
    Panel(
        "Failed tries by task, within an hour",
        "none",
        (
            (
                (
                    "sum by (task)"
                    ' (increase(satseek_job_tries_total{ending=~"failed|again|lost"}[1h])) > 0'
                ),
                "{{task}}",
            ),
        ),
    ),
    Panel(
        "Time of a try",
        "s",
        quantiles("satseek_job_try_duration_seconds", "", "task", legend="{{task}}"),
    ),
    Panel(
        "Schedules that are late",
        "s",
        ((f"max {ONCE} (satseek_schedule_overdue_seconds)", "{{schedule}}"),),
    ),
    Panel(
        "Memory where workers run",
        "percentunit",
        (
            (
                (
                    'satseek_memory_used_bytes{job="satseek-worker"}'
                    ' / satseek_memory_limit_bytes{job="satseek-worker"}'
                ),
                "{{instance}}",
            ),
        ),
        most=1,
    ),
    Panel(
        "Queue answers",
        "none",
        (('min by (job) (satseek_redis_up{server="queue"})', "{{job}}"),),
        tells="Empty where the queue is a file.",
        most=1,
    ),
)

MONITOR = (
    stat(
        "Findings that wait",
        "none",
        'sum(max by (state) (satseek_findings{state=~"new|assigned"}))',
    ),
    stat("The oldest waits for", "s", "max(satseek_finding_wait_seconds)"),
    stat("Latest watch", "s", "max(satseek_watch_overdue_seconds)", "How late; 0: none is."),
    stat(
        "Letters that wait", "none", "sum(max by (channel) (satseek_letters_waiting)) or vector(0)"
    ),
    stat("Letters given up", "none", "max(satseek_letters_dead)"),
    stat("Backup failed", "bool_yes_no", "max(satseek_backup_failed)"),
    Panel("Findings by state", "none", (("max by (state) (satseek_findings)", "{{state}}"),)),
    Panel(
        "Watches that are late",
        "s",
        ((f"max {ONCE} (satseek_watch_overdue_seconds)", "{{watch}}"),),
    ),
    Panel(
        "Letters that wait, by channel",
        "none",
        (("max by (channel) (satseek_letters_waiting)", "{{channel}}"),),
    ),
    Panel(
        "How long the first has waited, by channel",
        "s",
        (("max by (channel) (satseek_letter_wait_seconds)", "{{channel}}"),),
    ),
    Panel(
        "Channels that rest",
        "none",
        (("max by (channel) (satseek_channel_resting)", "{{channel}}"),),
        tells="They failed again and again, and are left alone for a while.",
        most=1,
    ),
    Panel(
        "Age of the last whole backup",
        "s",
        (("time() - max(satseek_backup_completed_timestamp_seconds)", "age"),),
    ),
    Panel("Size of a backup", "bytes", (("max(satseek_backup_added_bytes)", "added"),)),
    Panel(
        "Alerts of satseek that fire",
        "none",
        (
            (
                (
                    'count by (alertname, severity) (ALERTS{alertname=~"Satseek.*", '
                    'alertstate="firing"})'
                ),
                "{{severity}} {{alertname}}",
            ),
        ),
        wide=16,
    ),
)

BOARDS = {
    "overview": ("satseek: overview", OVERVIEW),
    "engine": ("satseek: engine", ENGINE),
    "index": ("satseek: index", INDEX),
    "jobs": ("satseek: jobs", JOBS),
    "monitor": ("satseek: findings, alerts, backups", MONITOR),
}


def board(name: str) -> dict[str, Any]:
    """Give a dashboard as Grafana reads it."""
    title, panels = BOARDS[name]
    return {
        "uid": f"satseek-{name}",
        "title": title,
        "tags": ["satseek"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "satseek",
                "tags": ["satseek"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": _variables()},
        "panels": _placed(panels),
    }


def written(name: str) -> str:
    """Give the text of a dashboard's file."""
    return json.dumps(board(name), indent=1, ensure_ascii=False) + "\n"


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }
    found = [
        ("instance", "Server", "label_values(satseek_ready, instance)"),
        ("collection", "Collection", "label_values(satseek_chips, collection)"),
    ]
    return [source, *(_variable(*one) for one in found)]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """Put panels side by side, and below each other where a row is full."""
    found, x, y, high = [], 0, 0, 0
    for at, one in enumerate(panels, 1):
        height = 4 if one.kind == "stat" else 8
        if x + one.wide > WIDTH or (high and height != high):
            x, y = 0, y + high
        found.append(_panel(one, at) | {"gridPos": {"h": height, "w": one.wide, "x": x, "y": y}})
        x, high = x + one.wide, height
    return found


def _panel(panel: Panel, at: int) -> dict[str, Any]:
    bounds = {"min": 0} | ({} if panel.most is None else {"max": panel.most})
    options: dict[str, Any] = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    if panel.kind == "stat":
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "none",
            "graphMode": "area",
        }
        bounds = {}
    return {
        "id": at,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.tells,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, **bounds}, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": SOURCE,
                "expr": ask,
                "legendFormat": legend or "__auto",
            }
            for n, (ask, legend) in enumerate(panel.asks)
        ],
    }


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
