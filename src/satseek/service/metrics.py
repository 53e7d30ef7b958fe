"""Requests and searches → figures that Prometheus reads.

Knows no route: names of routes and plans are handed in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.search.searching import Answer

SECONDS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0, 2.0, 5.0, 10.0)
"""Bucket borders: a text search takes tens of milliseconds, an image up to a second."""


class Metrics:
    """The figures of one application; each has its own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "satseek_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "satseek_request_seconds",
            "Time from a request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "satseek_requests_in_flight", "Requests being worked on.", registry=self._registry
        )
        self._searches = Counter(
            "satseek_searches", "Searches by plan.", ["plan"], registry=self._registry
        )
        self._search_seconds = Histogram(
            "satseek_search_seconds",
            "Time from a query to its hits, without the network.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._chips = Gauge(
            "satseek_chips", "Chips in a collection.", ["collection"], registry=self._registry
        )
        self._ready = Gauge("satseek_ready", "1 once the model is loaded.", registry=self._registry)
        self._model = Gauge(
            "satseek_model_info",
            "1 for the model version in force.",
            ["name", "version"],
            registry=self._registry,
        )
        self._swaps = Counter(
            "satseek_model_swaps",
            "Model versions put in force (done), or not (refused).",
            ["outcome"],
            registry=self._registry,
        )
        for outcome in ("done", "refused"):
            self._swaps.labels(outcome)

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_search(self, answer: Answer) -> None:
        """Count one search."""
        self._searches.labels(plan_name(answer.plan)).inc()
        self._search_seconds.observe(answer.seconds)

    def count_swap(self, outcome: Literal["done", "refused"]) -> None:
        """Count one model version that was to be put in force."""
        self._swaps.labels(outcome).inc()

    def write(self, *, chips: Mapping[str, int], model: str) -> bytes:
        """Return everything in Prometheus' text format.

        Args:
            chips: Chips by collection.
            model: ``name@version`` in force; empty: none yet.
        """
        self._chips.clear()
        for collection, count in chips.items():
            self._chips.labels(collection).set(count)
        self._ready.set(int(bool(model)))
        self._model.clear()
        if model:
            self._model.labels(*model.rsplit("@", 1)).set(1)
        return generate_latest(self._registry)


def plan_name(plan: str) -> str:
    """Cut a plan down to its kind: numbers would make a new time series of every search."""
    return re.split(r"\s*(?:\bof\b|[\d,(:;])", plan, maxsplit=1)[0].strip() or "unknown"
