"""Plays the operator of a closed network: installs an archive, runs its demonstration, serves it.

Run as a program inside a network namespace without any way out, with the unpacked archive, the
public key, a folder to install into and the Python to run with; says as JSON what it saw.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

SERVED = "http://127.0.0.1:7860"
MAKE = ("make", "-f", "Makefile")
SIZE = "768"
"""The smallest that the command offers."""
PATIENCE_S = 120
TEST_NET = ("192.0.2.1", 443)
"""An address that is nobody's (RFC 5737)."""


def main() -> None:
    """Do it all, and say it."""
    folder, key, prefix, python = map(Path, sys.argv[1:])
    seen: dict[str, object] = {"way_out": _way_out()}
    words = [f"KEY={key}", f"PREFIX={prefix}", f"DEMO_OPTIONS=--size {SIZE} --json"]
    words.append(f"OPTIONS=--no-compile --python {python} --data-dir {prefix / 'data'}")
    began = time.monotonic()
    seen["demo"] = json.loads(_ran([*MAKE, "--silent", "demo", *words], folder))
    seen["demo_seconds"] = time.monotonic() - began
    satseek = str(prefix / "bin" / "satseek")
    seen["version"] = _ran([satseek, "--version"], folder).strip()
    models = prefix / "data" / "models"
    _ran([satseek, "--data-dir", str(models.parent), "model", "verify"], folder)
    seen["models"] = sorted(f"{one.parent.name}@{one.name}" for one in models.glob("[!.]*/*"))
    seen["page"] = _served(folder, words)
    json.dump(seen, sys.stdout)


def _way_out() -> str:
    with socket.socket() as one:
        one.settimeout(5)
        return errno.errorcode.get(one.connect_ex(TEST_NET), "none")


def _ran(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _served(folder: Path, words: list[str]) -> dict[str, object]:
    """Serve the demonstration as the archive's own README says, look, and stop it."""
    process = subprocess.Popen(
        [*MAKE, "serve", *words], cwd=folder, stdout=sys.stderr, start_new_session=True
    )
    try:
        _wait(process)
        asked = json.dumps({"text": "storage tanks", "k": 3}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{SERVED}/v1/search", asked, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            hits = json.load(answer)["hits"]
        return {"hits": len(hits), **_looked()}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


def _wait(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{SERVED}/readyz", timeout=5):  # noqa: S310
                return
        except OSError:  # not there yet, or busy
            time.sleep(0.1)
    sys.exit(f"the server was not ready: {process.poll()}")


def _looked() -> dict[str, object]:
    """Every address that the page names, and what comes of asking for its code and styles.

    Code that its own code imports is asked for too: most of it comes after the first view.
    """
    _, _, page = _got(f"{SERVED}/")
    named = set(re.findall(r"""(?:src|href)=["']([^"']+)["']""", page))
    named |= set(re.findall(r""""(/_nicegui/[^"']+\.(?:js|css))\"""", page))
    addresses = {urljoin(f"{SERVED}/", one) for one in named if not one.startswith("data:")}
    outside = sorted(one for one in addresses if not one.startswith(SERVED))
    wanted = {one for one in addresses if one.endswith((".js", ".css"))}
    answers: dict[str, tuple[int, str, str]] = {}
    while wanted - set(answers):
        one = min(wanted - set(answers))
        answers[one] = _got(one)
        if "/_satseek/" in one:
            found = re.findall(r"""(?:from |import\()"(\./[\w-]+\.js)\"""", answers[one][2])
            wanted |= {urljoin(one, path) for path in found}
    for kind, text in ((kind, text) for _, kind, text in answers.values()):
        if kind.startswith("text/css"):
            outside += re.findall(r"url\([\"']?(https?://[^)\"']+)", text)
    return {
        "outside": outside,
        "asked": len(answers),
        "failed": sorted(
            one
            for one, (status, kind, _) in answers.items()
            if status != 200 or kind.startswith("text/html")
        ),
    }


def _got(address: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310
            text = answer.read().decode("utf-8", "replace")
            return answer.status, answer.headers.get("content-type", ""), text
    except urllib.error.HTTPError as error:
        return error.code, "", ""


if __name__ == "__main__":
    main()
