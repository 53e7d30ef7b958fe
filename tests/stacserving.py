"""A real HTTP server over a folder: byte ranges, a small STAC API, and hostile corners."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#query",
]


class StacServer(ThreadingHTTPServer):
    """Serves files below ``/files/`` and ``/bucket/``, and ``items`` by a STAC API at ``/api``."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.folder = folder
        self.items: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.redirects: dict[str, str] = {}
        self.page_items = 2
        self.circle = False
        self.ranges = True

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StacServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = urlsplit(self.path)
        if parts.path in self.server.redirects:
            self._answer(302, b"", {"location": self.server.redirects[parts.path]})
        elif parts.path.startswith(("/files/", "/bucket/")):
            self._file(unquote(parts.path.split("/", 2)[2]))
        elif parts.path.rstrip("/") == "/api":
            self._json(self._landing())
        elif parts.path == "/api/search":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._json(self._page(asked))
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._json(self._page(asked))

    def _landing(self) -> dict[str, Any]:
        url = self.server.url
        search = {"rel": "search", "href": f"{url}/api/search", "type": "application/geo+json"}
        return {
            "type": "Catalog",
            "id": "api",
            "stac_version": "1.0.0",
            "description": "made up",
            "conformsTo": CONFORMS,
            "links": [
                {"rel": "self", "href": f"{url}/api"},
                {"rel": "root", "href": f"{url}/api"},
                search | {"method": "GET"},
                search | {"method": "POST"},
            ],
        }

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        server = self.server
        found = [item for item in server.items if _matches(item, asked)]
        start = int(asked.get("token", 0))
        page = found[start : start + server.page_items]
        links = []
        if start + server.page_items < len(found) or server.circle:
            token = 0 if server.circle else start + server.page_items
            body = {**asked, "token": token}
            links = [
                {"rel": "next", "method": "POST", "href": f"{server.url}/api/search", "body": body}
            ]
        return {
            "type": "FeatureCollection",
            "features": page,
            "links": links,
            "numberMatched": len(found),
        }

    def _file(self, name: str) -> None:
        path = self.server.folder / name
        if not path.is_file():
            self._answer(404, b"")
            return
        content = path.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        if found is None or not self.server.ranges:
            self._answer(200, content)
            return
        first, last = int(found[1]), min(int(found[2]), len(content) - 1)
        headers = {"content-range": f"bytes {first}-{last}/{len(content)}"}
        self._answer(206, content[first : last + 1], headers)

    def _json(self, content: Any) -> None:
        self._answer(200, json.dumps(content).encode(), {"content-type": "application/geo+json"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def _matches(item: dict[str, Any], asked: dict[str, Any]) -> bool:
    wanted = asked.get("collections")
    if wanted and item.get("collection") not in wanted:
        return False
    if asked.get("ids") and item["id"] not in asked["ids"]:
        return False
    for name, bounds in (asked.get("query") or {}).items():
        if not item["properties"][name] < bounds["lt"]:
            return False
    return True


@contextmanager
def stac_server(folder: Path) -> Iterator[StacServer]:
    """Run one on a free port."""
    server = StacServer(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
