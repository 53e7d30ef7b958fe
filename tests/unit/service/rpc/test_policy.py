"""Every method that is served has a rule."""

from __future__ import annotations

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

from grpc_reflection.v1alpha import reflection

from satseek.service.rpc.policy import OPEN, RULES, UNDECLARED, rule
from satseek.service.rpc.satseek import Servicer, small
from satseek.service.rpc.serving import FILES

METHODS = [
    f"/{service.full_name}/{method.name}"
    for file in FILES
    for service in file.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_declared(method: str) -> None:
    assert rule(method) is not UNDECLARED


def test_only_health_and_descriptions_are_open() -> None:
    open_ones = {method for method in METHODS if rule(method) is OPEN}
    prefixes = (
        "/grpc.health.v1.Health/",
        f"/{reflection.SERVICE_NAME}/",
        "/inference.GRPCInferenceService/ServerLive",
        "/inference.GRPCInferenceService/ServerReady",
    )
    assert {method for method in METHODS if method.startswith(prefixes)} == open_ones
    assert "keys" == rule("/some.Other/Method").scope


def test_no_rule_is_left_of_an_own_method_that_is_gone() -> None:
    own = {method for method in RULES if method.startswith("/satseek.v1.Satseek/")}
    assert own == {method for method in METHODS if method.startswith("/satseek.v1.Satseek/")}
    assert all(hasattr(Servicer, small(one.rpartition("/")[2])) for one in own)
