from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.embed import breaking
from satseek.embed.breaking import Circuit
from satseek.embed.errands import Errands
from satseek.embed.sealing import SEAL_BYTES, sealed, unsealed
from satseek.embed.sharing import RedisCache
from satseek.errors import DependencyMissing

if TYPE_CHECKING:
    from collections.abc import Callable

SOON_S = 20.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def test_without_the_client_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'satseek\[redis\]'"):
        RedisCache("redis://127.0.0.1:1/0")


@given(key=st.text(), value=st.binary(max_size=200))
def test_what_was_sealed_comes_back(key: str, value: bytes) -> None:
    kept = sealed(key, value)
    assert value == unsealed(key, kept)
    assert len(value) + SEAL_BYTES == len(kept)


@given(
    key=st.text(), other=st.text(), value=st.binary(max_size=200), damage=st.binary(max_size=300)
)
def test_anything_else_does_not(key: str, other: str, value: bytes, damage: bytes) -> None:
    kept = sealed(key, value)
    assert unsealed(key, damage) is None or damage == kept
    assert unsealed(other, kept) is None or other == key
    for at in range(0, len(kept), 7):
        assert unsealed(key, kept[:at]) is None
        assert unsealed(key, kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :]) is None
    assert unsealed(key, None) is unsealed(key, 3) is unsealed(key, [kept]) is None


class Far:
    """Something far away that fails as long as it is told to."""

    def __init__(self) -> None:
        self.why = "gone"
        self.tried: list[float] = []

    def probe(self) -> str:
        self.tried.append(time.monotonic())
        return self.why


def test_it_rests_after_some_failures_in_a_row_and_comes_back_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaking, "FIRST_REST_S", 0.01)
    far = Far()
    circuit = Circuit("far", probe=far.probe, failures=3)
    for _ in range(5):
        circuit.failed("slow")
        circuit.failed("slow")
        circuit.succeeded()
    assert not circuit.why
    for _ in range(3):
        circuit.failed("slow")
    assert "slow" == circuit.why
    until(lambda: len(far.tried) >= 3)
    assert "gone" == circuit.why
    far.why = ""
    until(lambda: not circuit.why)
    tried = len(far.tried)
    circuit.failed("once is chance")
    assert not circuit.why
    assert tried == len(far.tried)


def test_what_fails_again_soon_rests_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaking, "FIRST_REST_S", 0.02)
    far = Far()
    far.why = ""  # it answers when tried, and fails when used
    circuit = Circuit("far", probe=far.probe, failures=1)
    rests = []
    for _ in range(4):
        started = time.monotonic()
        circuit.failed("slow")
        until(lambda: not circuit.why)
        rests.append(time.monotonic() - started)
    assert rests[3] >= 0.8 * 8 * 0.02
    assert rests[2] >= 0.8 * 4 * 0.02


def test_a_stopped_circuit_tries_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaking, "FIRST_REST_S", 0.02)
    far = Far()
    circuit = Circuit("far", probe=far.probe, failures=1)
    circuit.failed("slow")
    circuit.stop()
    time.sleep(0.1)
    assert [] == far.tried


def test_errands_hang_without_keeping_anybody() -> None:
    go = threading.Event()
    errands = Errands(threads=2, waiting=3, name="test")
    hanging = [errands.send(lambda: go.wait(SOON_S)) for _ in range(2)]
    until(lambda: all(one is not None and one.running() for one in hanging))
    waiting = [errands.send(lambda: "done") for _ in range(4)]
    assert [True, True, True, False] == [one is not None for one in waiting]
    first = waiting[0]
    assert first is not None
    with pytest.raises(TimeoutError):
        first.result(0.01)
    assert first.cancel()
    go.set()
    assert ["done", "done"] == [one.result(SOON_S) for one in waiting[1:] if one is not None]
    assert first.cancelled()
    errands.close()
    assert errands.send(lambda: "late") is None


def test_an_errand_that_fails_tells_whoever_sent_it_and_the_thread_goes_on() -> None:
    errands = Errands(threads=1, waiting=3, name="test")
    failing = errands.send(lambda: 1 // 0)
    assert failing is not None
    with pytest.raises(ZeroDivisionError):
        failing.result(SOON_S)
    after = errands.send(lambda: "done")
    assert after is not None
    assert "done" == after.result(SOON_S)
    errands.close()


def test_what_still_waits_when_errands_close_is_cancelled() -> None:
    go = threading.Event()
    errands = Errands(threads=1, waiting=3, name="test")
    hanging = errands.send(lambda: go.wait(SOON_S))
    until(lambda: hanging is not None and hanging.running())
    waiting = errands.send(lambda: "done")
    errands.close()
    assert waiting is not None
    with pytest.raises(CancelledError):
        waiting.result(SOON_S)
    go.set()
