#!/usr/bin/env python3
"""Asks a server from beside it: is it alive, ready, with its page, and closed to strangers?

python3 reach.py http://satseek:7860 --closed --grpc satseek:7861
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any

UNCHECKED = ssl.create_default_context()
UNCHECKED.check_hostname = False  # the certificate is of the name that people use
UNCHECKED.verify_mode = ssl.CERT_NONE


class Staying(urllib.request.HTTPRedirectHandler):
    """Follows nobody: an answer that leads to the login is an answer."""

    def redirect_request(self, *_args: Any) -> None:
        """Stay."""


def status(url: str) -> int | str:
    """Ask for a page; give the status of the answer, or why there is none."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=UNCHECKED), Staying(), urllib.request.ProxyHandler({})
    )
    # as a browser, which is shown the login where a program is refused
    asked = urllib.request.Request(url, headers={"Accept": "text/html"})  # noqa: S310
    try:
        with opener.open(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)


def connected(address: str) -> str:
    """Say whether somebody listens there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        return str(error)
    return "connected"


def main() -> int:
    """Write a line for each question; 1 where an answer is not the one expected."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("url")
    asked.add_argument("--closed", action="store_true", help="whoever shows nothing is refused")
    asked.add_argument("--grpc", metavar="HOST:PORT")
    told = asked.parse_args()
    known = {401} if told.closed else {200}
    seen: list[tuple[str, set[Any], Any]] = [
        ("/livez", {200}, status(f"{told.url}/livez")),
        ("/readyz", {200}, status(f"{told.url}/readyz")),
        ("/", {200, 302, 303, 307}, status(f"{told.url}/")),
        ("/v1/collections", known, status(f"{told.url}/v1/collections")),
    ]
    if told.grpc:
        seen.append((told.grpc, {"connected"}, connected(told.grpc)))
    for place, expected, came in seen:
        sys.stdout.write(f"{'ok' if came in expected else 'FAILED':8}{place} {came}\n")
    return int(any(came not in expected for _, expected, came in seen))


if __name__ == "__main__":
    sys.exit(main())
