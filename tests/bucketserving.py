"""Starts a local object store that speaks S3 on a free port; run as a program, this file is it.

The store lies in the user's cache, away from satseek: rasterio would load its client, boto3, into
every process, which nobody has who installs satseek.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from fetching import fetch, fetched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "scenes"

PACKAGES = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")

needs_bucket = pytest.mark.skipif(
    importlib.util.find_spec("obstore") is None, reason="pip install 'satseek[s3]'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore:
    """A store with one empty bucket."""

    port: int
    process: subprocess.Popen[str]

    @property
    def variables(self) -> dict[str, str]:
        """What an operator sets, for the client of bundles and results and for GDAL's."""
        return {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_S3_ENDPOINT": f"127.0.0.1:{self.port}",
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
        }

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def installed() -> Path:
    """Install the store into the user's cache unless it is there."""

    def fill(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        command += ["--disable-pip-version-check", *PACKAGES]
        fetch(command, else_="an object store is not on this machine and pip cannot fetch it")

    return fetched("store", of="\n".join([sys.version, *PACKAGES]).encode(), fill=fill)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Serve an empty bucket while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MOTO_ENABLE_ISO_REGIONS": "false", "PYTHONPATH": str(installed())},
    )
    assert process.stdout is not None
    try:
        yield ObjectStore(port=int(process.stdout.readline()), process=process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    """Serve until killed."""
    import boto3  # noqa: PLC0415
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="somebody",
        aws_secret_access_key="secret",  # noqa: S106 - of nobody
    )
    client.create_bucket(Bucket=BUCKET)
    print(port, flush=True)  # noqa: T201 - this is its answer
    server._thread.join()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
