"""Requests, batches, caches and searches → figures that Prometheus reads.

Knows no route, queue or cache: names are handed in by those who do. Names follow Prometheus' own
rules (https://prometheus.io/docs/practices/naming): one prefix, base units, counters in ``_total``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from satseek.index.tuning import RECALL
from satseek.jobs.protocol import TASKS
from satseek.jobs.working import ENDINGS
from satseek.service.upkeep import Upkeep
from satseek.service.upkeep_figures import UpkeepFigures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.index.protocol import QueryKind
    from satseek.index.watching import Watched
    from satseek.jobs.protocol import TaskName
    from satseek.jobs.working import TryEnding
    from satseek.search.searching import Answer

SECONDS = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0, 2.0, 5.0, 10.0)
"""Bucket borders: a text search takes tens of milliseconds, an image up to a second."""

JOB_SECONDS = (0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 28800.0, 86400.0)
"""Bucket borders of tries of jobs: from a moment to days."""

ROWS = (1, 2, 4, 8, 16, 32, 64)
"""Bucket borders of batches: they are powers of two where the load fills them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocks:
    """What lies there now, counted when somebody asks for the figures."""

    chips: Mapping[str, int] = field(default_factory=dict)
    """Chips by collection."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of vectors by collection, dead ones included."""
    dead_rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of chips that were replaced or removed, by collection."""
    index_bytes: Mapping[str, int] = field(default_factory=dict)
    """Bytes on disk by collection."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    """Jobs by state."""
    recall: Mapping[str, Mapping[QueryKind, Watched]] = field(default_factory=dict)
    """What was seen of recall, by collection and kind of query."""
    redis: bool | None = None
    """Whether the shared cache's Redis answers; None: none is configured."""
    upkeep: Upkeep = field(default_factory=Upkeep)
    """What an operator has to look after."""
    sees: Callable[[str], bool] = field(default=lambda _: True)
    """Whether who asks sees a collection, by its name."""


class Metrics:
    """The figures of one application; each has its own registry."""

    def __init__(self) -> None:
        """Begin all of them at nothing."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = self._counter(
            "requests", "Requests answered.", "door", "method", "route", "status"
        )
        self._request_seconds = self._histogram(
            "request_duration_seconds",
            "Time from a request to the end of its answer.",
            SECONDS,
            "door",
            "route",
        )
        self.in_flight = self._gauge("requests_in_flight", "Requests being worked on.")
        self._searches = self._counter("searches", "Searches by plan.", "plan")
        self._search_seconds = self._histogram(
            "search_duration_seconds",
            "Time from a query to its hits, without the network.",
            SECONDS,
        )
        self._queue_rows = self._gauge(
            "queue_rows", "Images, or texts, that wait for the model.", "tower"
        )
        self._queue_seconds = self._histogram(
            "queue_wait_seconds", "Longest wait among the rows of a batch.", SECONDS, "tower"
        )
        self._batch_rows = self._histogram(
            "batch_rows", "Images, or texts, in one call of the engine.", ROWS, "tower"
        )
        self._engine_seconds = self._histogram(
            "engine_duration_seconds", "Time of one call of the engine.", SECONDS, "tower"
        )
        self._lookups = self._counter(
            "cache_lookups", "What was looked up in a cache.", "cache", "outcome"
        )
        self._denials = self._counter(
            "denied", "Requests of nobody known, or of somebody who may not.", "reason"
        )
        self._swaps = self._counter(
            "model_swaps", "Model versions put in force (done), or not (refused).", "outcome"
        )
        self._chips = self._gauge("chips", "Chips in a collection.", "collection")
        self._index_bytes = self._gauge(
            "index_bytes", "Bytes of a collection on disk.", "collection"
        )
        self._rows = self._gauge(
            "rows", "Rows of vectors of a collection, dead ones included.", "collection"
        )
        self._dead_rows = self._gauge(
            "dead_rows", "Rows of chips that were replaced or removed.", "collection"
        )
        self._jobs = self._gauge("jobs", "Jobs by state.", "state")
        self._tries = Tries(self._registry)
        self._upkeep = UpkeepFigures()
        self._registry.register(self._upkeep)
        self._recall = self._gauge(
            "recall_at_k",
            "Share of the nearest chips that searches by codes found lately, of those compared.",
            "collection",
            "kind",
        )
        self._recall_samples = self._counter(
            "recall_samples", "Searches compared with their exact answer.", "collection", "kind"
        )
        self._gauge(
            "recall_promised", "Recall below which the codes of a collection are mended."
        ).set(RECALL)
        self._redis = self._gauge("redis_up", "1 while that Redis answers.", "server")
        self._ready = self._gauge("ready", "1 once the model is loaded.")
        self._refused = self._gauge(
            "model_refused", "1 while the version activated last cannot be put in force."
        )
        self._model = self._gauge(
            "model_info", "1 for the model version in force.", "name", "version"
        )
        self._gauge("build_info", "1 for the version that runs.", "version").labels(
            version("satseek")
        ).set(1)
        for outcome in ("done", "refused"):
            self._swaps.labels(outcome)

    def count_request(
        self, *, method: str, route: str, status: int | str, seconds: float, door: str = "http"
    ) -> None:
        """Count one answered request; ``door`` is ``http`` or ``grpc``."""
        self._requests.labels(door, method, route, str(status)).inc()
        self._request_seconds.labels(door, route).observe(seconds)

    def count_search(self, answer: Answer) -> None:
        """Count one search."""
        self._searches.labels(plan_name(answer.plan)).inc()
        self._search_seconds.observe(answer.seconds)

    def count_swap(self, outcome: Literal["done", "refused"]) -> None:
        """Count one model version that was to be put in force."""
        self._swaps.labels(outcome).inc()

    def count_denied(self, reason: str) -> None:
        """Count one request that was denied: ``unauthenticated``, ``forbidden``, ``rate``."""
        self._denials.labels(reason).inc()

    def on_try(self, task: TaskName, ending: TryEnding, seconds: float) -> None:
        """Count one try of a job that this process did."""
        self._tries.on_try(task, ending, seconds)

    def on_queue(self, tower: str, rows: int) -> None:
        """Take note of how many rows wait for a tower now."""
        self._queue_rows.labels(tower).set(rows)

    def on_batch(self, tower: str, rows: int, waited_s: float, engine_s: float) -> None:
        """Take note of one call of the engine."""
        self._batch_rows.labels(tower).observe(rows)
        self._queue_seconds.labels(tower).observe(waited_s)
        self._engine_seconds.labels(tower).observe(engine_s)

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        """Take note of one look into a cache: hits over lookups is its hit rate."""
        self._lookups.labels(kind, "hit").inc(hits)
        self._lookups.labels(kind, "miss").inc(misses)

    def write(self, *, stocks: Stocks, model: str, refused: bool = False) -> bytes:
        """Return everything in Prometheus' text format.

        Args:
            stocks: What lies there now.
            model: ``name@version`` in force; empty: none yet.
            refused: Whether it is not the one that was activated last.
        """
        for gauge, counts in (
            (self._chips, stocks.chips),
            (self._rows, stocks.rows),
            (self._dead_rows, stocks.dead_rows),
            (self._index_bytes, stocks.index_bytes),
            (self._jobs, stocks.jobs),
        ):
            gauge.clear()
            for name, count in counts.items():
                gauge.labels(name).set(count)
        self._write_recall(stocks)
        self._upkeep.show(stocks.upkeep, sees=stocks.sees)
        self._redis.clear()
        for server, is_up in (("cache", stocks.redis), ("queue", stocks.upkeep.queue_up)):
            if is_up is not None:
                self._redis.labels(server).set(int(is_up))
        self._refused.set(int(refused))
        self._ready.set(int(bool(model)))
        self._model.clear()
        if model:
            self._model.labels(*model.rsplit("@", 1)).set(1)
        return generate_latest(self._registry)

    def _write_recall(self, stocks: Stocks) -> None:
        """Show whoever asks the collections that they see, and no other."""
        self._recall.clear()
        self._recall_samples.clear()
        for name, kinds in stocks.recall.items():
            for kind, seen in kinds.items():
                self._recall.labels(name, kind).set(seen.recall)
                self._recall_samples.labels(name, kind).inc(seen.samples)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"satseek_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"satseek_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"satseek_{name}", text, labels, buckets=buckets, registry=self._registry)


class Tries:
    """Counts tries of jobs, in the registry of whoever has them made.

    Every task and ending begins at nothing: a first failure would not show as a rise otherwise.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin all of them at nothing."""
        self._ended = Counter(
            "satseek_job_tries",
            "Tries of jobs that this process made, by how they ended.",
            ("task", "ending"),
            registry=registry,
        )
        self._seconds = Histogram(
            "satseek_job_try_duration_seconds",
            "Time of one try of a job.",
            ("task",),
            buckets=JOB_SECONDS,
            registry=registry,
        )
        for task in TASKS:
            for ending in ENDINGS:
                self._ended.labels(task, ending)

    def on_try(self, task: TaskName, ending: TryEnding, seconds: float) -> None:
        """Count one try."""
        self._ended.labels(task, ending).inc()
        self._seconds.labels(task).observe(seconds)


def plan_name(plan: str) -> str:
    """Cut a plan down to its kind: numbers would make a new time series of every search."""
    return re.split(r"\s*(?:\bof\b|[\d,(:;])", plan, maxsplit=1)[0].strip() or "unknown"
