"""An application → a server that listens, says where, and finishes its requests before it stops.

Knows neither the page nor the routes.
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from satseek.errors import InvalidSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from satseek.settings import Settings

BACKLOG = 128
"""Connections waiting to be accepted."""

GRACE_SECONDS = 30
"""Requests in flight may take this long after SIGTERM (Kubernetes' own default grace)."""

KEEP_ALIVE_SECONDS = 20
"""Idle connections are closed after this."""


def run(application: FastAPI, *, settings: Settings) -> None:
    """Listen, print the address on standard error, and serve until SIGTERM or SIGINT.

    Raises:
        InvalidSettings: host and port cannot be listened on.
    """
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"satseek: serving on http://{shown}:{port} (API: /docs)\n")
    sys.stderr.flush()
    config = uvicorn.Config(
        application,
        log_config=None,  # one line per request is logged by the application itself
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    # uvicorn raises the signal again once it has stopped; an orderly end is no failure.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: None)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise InvalidSettings(
            f"cannot listen on {host}:{port}: {error}; choose others with --host and --port"
        ) from error
