"""A web server that takes what is posted to it, or does not, as a test wants it."""

from __future__ import annotations

import json
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Conduct: TypeAlias = Literal["take", "refuse", "drop", "lose", "slow", "drip"]
"""``take``: 204; ``refuse``: 500; ``drop``: hang up before anything is taken; ``lose``: take it and
hang up instead of answering; ``slow``: take it and answer too late; ``drip``: an answer that never
ends."""

TAKING = frozenset({"take", "lose", "slow"})

SLOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """What a server got, and what it took."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        """Every request that was read."""
        self.taken: dict[str, bytes] = {}
        """What a receiver that knows keys has seen, by key, the first time."""
        self.conduct: Callable[[int], Conduct | tuple[int, dict[str, str]]] = lambda _n: "take"
        """Says how the n-th request is met; or status and headers of its answer."""
        self.port = 0
        self.cut_off = 0
        """Requests of which a part came."""
        self._guard = threading.Lock()

    def keep(self, got: Got) -> Conduct | tuple[int, dict[str, str]]:
        """Note a request; says how it is met."""
        with self._guard:
            conduct = self.conduct(len(self.got))
            self.got.append(got)
            if isinstance(conduct, str) and conduct in TAKING:
                self.taken.setdefault(got.key, got.body)
        return conduct


@contextmanager
def receiving(  # noqa: C901 - a server in one piece
    *, certificates: Path | None = None
) -> Iterator[Receiver]:
    """Serve on a free port of this machine.

    Args:
        certificates: Folder with ``cert.pem`` and ``key.pem``: over TLS; None: plain.
    """
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever posts was killed amid it
                receiver.cut_off += 1
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._meet(receiver.keep(Got(path=self.path, headers=headers, body=body)))

        def _meet(self, conduct: Conduct | tuple[int, dict[str, str]]) -> None:
            self.close_connection = True
            if conduct in ("drop", "lose"):
                return
            if conduct == "slow":
                time.sleep(SLOW_SECONDS)
            if conduct == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
                return
            status = {"take": 204, "slow": 204, "refuse": 500}.get(str(conduct), 0)
            headers: dict[str, str] = {}
            if isinstance(conduct, tuple):
                status, headers = conduct
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever posts may be killed, and hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
