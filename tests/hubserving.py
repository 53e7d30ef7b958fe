"""A hub on 127.0.0.1 that speaks what the clients of Hugging Face and of ModelScope ask for.

Serves a folder's real files under one id; breaks off in the middle of a file when told to.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(kw_only=True)
class Hub:
    """What is served, and what was asked."""

    folder: Path
    """The repository's files."""
    repo: str
    """Its id."""
    breaks: str = ""
    """File in whose middle the connection closes; empty: none."""
    times: int = 1
    """How often it does."""
    lies: str = ""
    """File of which one byte is changed under way; empty: none."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range header of every request."""
    url: str = ""
    """Where it listens."""

    def sha256(self, name: str) -> str:
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())


@contextmanager
def serving_hub(folder: Path, repo: str) -> Iterator[Hub]:
    hub = Hub(folder=folder, repo=repo)
    answering = type("Answering", (_Answering,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answering)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]

    def log_message(self, *_: Any) -> None:
        """Say nothing on standard error."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlparse(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        repo = self.hub.repo
        if path.startswith(f"/api/models/{repo}/revision/"):
            known = path.rpartition("/")[2] in ("main", COMMIT)
            told = {"id": repo, "sha": COMMIT, "siblings": self._siblings()}
            self._json(told) if known else self._absent("RevisionNotFound")
        elif path.startswith(f"/api/models/{repo}/tree/"):
            self._json([{"type": "file", "oid": COMMIT, **one} for one in self._files()])
        elif path.startswith(f"/{repo}/resolve/"):
            self._file(path.rpartition("/")[2])
        elif path == f"/api/v1/models/{repo}/repo/files":
            files = [{"Path": one["path"], "Size": one["size"]} for one in self._files()]
            listed = [
                one | {"Type": "blob", "Name": one["Path"], "Sha256": self.hub.sha256(one["Path"])}
                for one in files
            ]
            self._json({"Code": 200, "Success": True, "Data": {"Files": listed}})
        elif path == f"/api/v1/models/{repo}":
            self._json({"Code": 200, "Success": True, "Data": {"Name": repo.split("/")[1]}})
        elif path == f"/api/v1/models/{repo}/repo":
            self._file(query["FilePath"][0])
        else:
            self._absent("RepoNotFound")

    def _siblings(self) -> list[dict[str, str]]:
        return [{"rfilename": name} for name in self.hub.names()]

    def _files(self) -> list[dict[str, Any]]:
        folder = self.hub.folder
        return [{"path": n, "size": (folder / n).stat().st_size} for n in self.hub.names()]

    def _absent(self, code: str) -> None:
        told = {"error": code, "Code": 10010205001, "Success": False, "Message": "not found"}
        self._json(told, status=404, headers={"X-Error-Code": code})

    def _json(self, told: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, name: str) -> None:
        if name not in self.hub.names():
            self._absent("EntryNotFound")
            return
        content = (self.hub.folder / name).read_bytes()
        if name == self.hub.lies:
            content = content[:-1] + bytes([content[-1] ^ 0x40])
        begin, end = self._range(len(content))
        self.send_response(206 if self.headers.get("Range") else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{self.hub.sha256(name)}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        if self.headers.get("Range"):
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self.end_headers()
        if self.command != "GET":
            return
        if name == self.hub.breaks and self.hub.times:
            self.hub.times -= 1
            self.wfile.write(content[begin : max(begin, len(content) // 2)])
            self.close_connection = True
            return
        self.wfile.write(content[begin:end])

    def _range(self, size: int) -> tuple[int, int]:
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            return 0, size
        first, _, last = asked.removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1 if last else size
