"""One table, every error: class → gRPC status with its details."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

from google.rpc import error_details_pb2, status_pb2

from satseek import errors
from satseek.service.problems import STATUSES as HTTP
from satseek.service.problems import WITHHELD
from satseek.service.rpc.statuses import DETAILS, OURS, STATUSES, Code, Refused, refusal

CLASSES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.SatseekError)
]


def test_every_error_has_a_status_and_no_status_is_left_over() -> None:
    assert set(CLASSES) == set(STATUSES)
    assert Code.OK not in STATUSES.values()


@pytest.mark.parametrize("error", CLASSES)
def test_both_doors_agree_whose_fault_it_is(error: type[errors.SatseekError]) -> None:
    ours = STATUSES[error] in OURS
    assert (HTTP[error] == 500) == ours


@pytest.mark.parametrize("error", CLASSES)
def test_a_refusal_names_its_reason_and_leaks_nothing(error: type[errors.SatseekError]) -> None:
    refused = refusal(error("no such thing: /srv/secret/north.tif"))
    assert STATUSES[error] is refused.code
    ours = refused.code in OURS
    assert (WITHHELD if ours else "no such thing: north.tif") == refused.message
    key, content = refused.metadata()
    assert DETAILS == key
    assert b"/srv" not in content
    status = status_pb2.Status.FromString(content)
    assert (refused.number, refused.message) == (status.code, status.message)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (error.__name__, "satseek") == (info.reason, info.domain)


def retry_seconds(refused: Refused) -> int | None:
    found = [one for one in refused.details if isinstance(one, error_details_pb2.RetryInfo)]
    return found[0].retry_delay.seconds if found else None


def test_who_may_come_again_is_told_when() -> None:
    limited = errors.RateLimited("wait")
    limited.retry_after_s = 17
    assert 17 == retry_seconds(refusal(limited))
    assert 1 == retry_seconds(refusal(errors.Overloaded("too much")))
    assert 1 == retry_seconds(refusal(errors.DirectoryUnreachable("gone")))
    assert retry_seconds(refusal(errors.DiskFull("full"))) is None
    assert retry_seconds(refusal(errors.InvalidK("k"))) is None


def test_what_nobody_foresaw_is_withheld() -> None:
    refused = refusal(ZeroDivisionError("at /srv/secret"))
    assert (Code.INTERNAL, WITHHELD) == (refused.code, refused.message)
