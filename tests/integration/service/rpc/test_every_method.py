"""Every method that the real server has: closed to whom nobody knows or it takes more than."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import rpcclient
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from keymaking import bearer, make_key

from satseek.service.access.principals import SCOPES
from satseek.service.rpc.policy import UNDECLARED, rule

if TYPE_CHECKING:
    from pathlib import Path

Code = grpc.StatusCode

OPEN = {
    "/grpc.health.v1.Health",
    "/grpc.reflection.v1alpha.ServerReflection",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
}
"""What anybody may call; nothing else, whatever the table says."""


def _methods(channel: grpc.Channel) -> list[str]:
    from google.protobuf.descriptor_pool import DescriptorPool  # noqa: PLC0415

    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    return [
        f"/{service}/{method.name}"
        for service in database.get_services()
        for method in pool.FindServiceByName(service).methods
    ]


def _code(channel: grpc.Channel, method: str, metadata: list[tuple[str, str]]) -> grpc.StatusCode:
    """Call a method of whatever shape with an empty message; all shapes are one on the wire."""
    call = channel.stream_stream(method)(iter([b""]), metadata=metadata, timeout=30)
    try:
        next(iter(call), None)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    call.cancel()
    return Code.OK


def test_every_method_asks_who_it_is_and_what_they_may(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = {role: make_key(data, role, "--role", role) for role in SCOPES}
    keys["metrics"] = make_key(data, "metrics", "--scope", "metrics")
    may = {**SCOPES, "metrics": frozenset({"metrics"})}
    with rpcclient.called(data, auth="keys") as called, called.channel() as channel:
        methods = _methods(channel)
        assert "/satseek.v1.Satseek/Search" in methods
        assert len(methods) > 10
        for method in methods:
            taken = rule(method)
            assert taken is not UNDECLARED, f"{method} has no rule in policy.RULES"
            if taken.scope is None:
                assert {method, method.rpartition("/")[0]} & OPEN, method
                continue
            assert Code.UNAUTHENTICATED is _code(channel, method, []), method
            for role, key in keys.items():
                code = _code(channel, method, list(bearer(key).items()))
                if taken.scope in may[role]:
                    assert code not in {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}, method
                else:
                    assert Code.PERMISSION_DENIED is code, f"{method} to {role}"
        for missing in ("/satseek.v1.Satseek/Nothing", "/no.Service/Nothing"):
            assert Code.UNIMPLEMENTED is _code(channel, missing, [])
