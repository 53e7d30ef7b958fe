"""A gRPC client as docs/reference/grpc.md tells people to make one, and servers to call with it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import serving
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PROTO = Path(__file__).parents[1] / "proto" / "satseek" / "v1"
SECONDS = 60
"""Longest wait for anything, on a machine that is busy with other tests."""


@dataclass(frozen=True)
class Client:
    """Generated code."""

    pb: ModuleType
    """The messages."""
    stubs: ModuleType
    """The stub."""

    def stub(self, channel: grpc.Channel) -> Any:
        return self.stubs.SatseekStub(channel)


@dataclass(frozen=True)
class Called:
    """A server that runs, and its port of gRPC."""

    server: serving.Server
    address: str

    @contextmanager
    def channel(self, **options: int) -> Iterator[grpc.Channel]:
        named = [(f"grpc.{name}", value) for name, value in options.items()]
        with grpc.insecure_channel(self.address, options=named) as channel:
            yield channel

    def line(self, text: str) -> str:
        """The one line of the log that holds a text."""
        deadline = time.monotonic() + SECONDS
        while text not in self.server.lines() and time.monotonic() < deadline:
            time.sleep(0.01)
        (line,) = [line for line in self.server.lines().splitlines() if text in line]
        return line


def make_client(folder: Path) -> Client:
    """Generate a client's code with the command of the documentation."""
    command = ["-m", "grpc_tools.protoc", f"-I{PROTO}", f"--python_out={folder}"]
    command += [f"--grpc_python_out={folder}", "satseek.proto"]
    subprocess.run([sys.executable, *command], check=True)
    modules = []
    for name in ("satseek_pb2", "satseek_pb2_grpc"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules.append(module)
    return Client(*modules)


@contextmanager
def called(data: Path, *, ready: bool = True, **settings: str) -> Iterator[Called]:
    """Start the real server with both doors."""
    with serving.running_server(data, ready=ready, grpc_port="0", **settings) as server:
        yield Called(server, address_of(server))


def address_of(server: serving.Server) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"gRPC on (127\.0\.0\.1:\d+)", server.lines())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(server.lines())


def reason(error: grpc.RpcError) -> str:
    """The kind of problem that a refusal names."""
    return unpacked(error, error_details_pb2.ErrorInfo).reason


def unpacked(error: grpc.RpcError, kind: type[Any]) -> Any:
    """One of the details of a refusal."""
    trailing = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    assert status.message == error.details()
    assert status.code == error.code().value[0]
    (found,) = [one for one in status.details if one.Is(kind.DESCRIPTOR)]
    detail = kind()
    found.Unpack(detail)
    return detail
