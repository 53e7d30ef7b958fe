"""A worker → figures and probes on a port of its own, for those who watch it.

Does not know what the jobs do. It says nothing of anybody's imagery or name, and so asks nobody who
they are.
"""

from __future__ import annotations

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from satseek.errors import InvalidSettings
from satseek.jobs.queues import state_of
from satseek.service.metrics import Tries
from satseek.service.upkeep import Upkeeping
from satseek.service.upkeep_figures import UpkeepFigures

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.jobs.protocol import JobQueue, TaskName
    from satseek.jobs.working import TryEnding
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
"""How long a client may take to ask."""

END_SECONDS = 5.0
"""How long an answer under way is waited for at the end."""


class WorkerFigures:
    """What one worker has done, and what is left of its machine."""

    def __init__(self, settings: Settings, queue: JobQueue) -> None:
        """Begin at nothing."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        build = ("satseek_build_info", "1 for the version that runs.", ("version",))
        Gauge(*build, registry=self._registry).labels(version("satseek")).set(1)
        redis = ("satseek_redis_up", "1 while that Redis answers.", ("server",))
        self._redis = Gauge(*redis, registry=self._registry)
        self._tries = Tries(self._registry)
        self._upkeep = UpkeepFigures()
        self._registry.register(self._upkeep)
        self._upkeeping = Upkeeping(settings, jobs=queue, stores=None)
        self._lock = threading.Lock()

    def on_try(self, task: TaskName, ending: TryEnding, seconds: float) -> None:
        """Count one try of a job."""
        self._tries.on_try(task, ending, seconds)

    def write(self) -> bytes:
        """Return everything in Prometheus' text format."""
        seen = self._upkeeping.take()
        with self._lock:
            self._upkeep.show(seen, sees=lambda _: True)
            if seen.queue_up is not None:
                self._redis.labels("queue").set(int(seen.queue_up))
            return generate_latest(self._registry)


class WorkerDoor:
    """The port: ``/metrics``, ``/livez`` and ``/readyz``."""

    def __init__(
        self,
        figures: WorkerFigures,
        *,
        queue: JobQueue,
        is_alive: Callable[[], bool],
        host: str,
        port: int,
    ) -> None:
        """Take the port.

        Args:
            figures: What is shown.
            queue: Whose server must answer for the worker to be ready.
            is_alive: Whether the worker works.
            host: Address to listen on.
            port: Port; 0: a free one.

        Raises:
            InvalidSettings: the port is taken, or the address is none of this machine.
        """
        handler = _handler(
            {
                "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, figures.write()),
                "/livez": lambda: _said("live" if is_alive() else None, "the worker has ended"),
                "/readyz": lambda: _readiness(queue),
            }
        )
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as error:
            raise InvalidSettings(
                f"cannot listen on {host}:{port}: {error}; choose others with metrics_host and "
                "metrics_port"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="figures", daemon=True
        )

    @property
    def url(self) -> str:
        """Say where it is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def open(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(END_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # whoever asks slowly does not keep the worker

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as its base
        """Note what went wrong where it is looked for; a client that goes away is nothing."""
        logger.debug("figures asked by %s", client_address, exc_info=True)  # noqa: LOG014 - called in one


def _handler(routes: dict[str, Callable[[], tuple[HTTPStatus, str, bytes]]]) -> type[Any]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS
        server_version, sys_version = "satseek", ""

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            if route is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            status, kind, body = route()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base has it
            logger.debug("figures: %s", format % args)

    return Handler


def _readiness(queue: JobQueue) -> tuple[HTTPStatus, str, bytes]:
    state = state_of(queue)
    return _said("ready" if state in (None, "up") else None, f"queue {state}")


def _said(status: str | None, wrong: str) -> tuple[HTTPStatus, str, bytes]:
    """Tell a status as JSON; None: what is wrong."""
    code = HTTPStatus.SERVICE_UNAVAILABLE if status is None else HTTPStatus.OK
    told = {"detail": wrong} if status is None else {"status": status}
    return code, "application/json", json.dumps(told).encode()
