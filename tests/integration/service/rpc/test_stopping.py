"""Health that follows the model and the end, and an end under load that loses nothing."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import rpcclient
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shipped import activate, store_variant

from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Status = health_pb2.HealthCheckResponse
CLIENTS = 8
END_SECONDS = 40


def states_of(channel: grpc.Channel, name: str) -> tuple[Any, list[str]]:
    """Watch a service's health; the list grows."""
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=name))
    seen: list[str] = []

    def follow() -> None:
        seen.extend(Status.ServingStatus.Name(one.status) for one in watch)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread, seen


def wait_for(seen: list[str], expected: list[str]) -> None:
    deadline = time.monotonic() + rpcclient.SECONDS
    while seen != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert expected == seen


def test_health_follows_the_model_and_the_end(client: rpcclient.Client, tmp_path: Path) -> None:
    data = tmp_path / "data"
    store = ModelStore(data / "models")
    broken = store_variant(store, tmp_path / "broken", mean=0.1, dim=7)
    first = store_variant(store, tmp_path / "first", mean=0.2)
    second = store_variant(store, tmp_path / "second", mean=0.3)
    activate(store, broken)
    with rpcclient.called(data, ready=False) as called, called.channel() as channel:
        watches = [states_of(channel, name) for name in ("", "satseek.v1.Satseek")]
        unknown = states_of(channel, "none")
        for _, seen in watches:
            wait_for(seen, ["NOT_SERVING"])
        refs = [activate(store, first)]
        for _, seen in watches:
            wait_for(seen, ["NOT_SERVING", "SERVING"])
        refs.append(activate(store, second))
        ask = client.stub(channel).GetModel
        deadline = time.monotonic() + rpcclient.SECONDS
        while ask(client.pb.GetModelRequest()).version not in refs[1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert [["NOT_SERVING", "SERVING"]] * 2 == [seen for _, seen in watches]
        called.server.process.send_signal(signal.SIGTERM)
        for thread, seen in (*watches, unknown):
            thread.join(END_SECONDS)
            assert not thread.is_alive()
            assert "SERVICE_UNKNOWN" in seen or ["NOT_SERVING", "SERVING", "NOT_SERVING"] == seen
        assert 0 == called.server.process.wait(END_SECONDS)


def test_an_end_under_load_loses_no_call_that_was_taken(
    client: rpcclient.Client, data: Path, picture: bytes
) -> None:
    """Whatever the server says it answered, its caller has; the others are told so at once."""
    answered: set[str] = set()
    refused: dict[str, grpc.StatusCode] = {}
    with rpcclient.called(data) as called:

        def keep_asking(number: int) -> None:
            with called.channel() as channel:
                stub = client.stub(channel)
                for turn in itertools.count():
                    name = f"load-{number}-{turn}"
                    request = client.pb.ClassifyRequest(image=picture, labels=["a", "b"])
                    try:
                        stub.Classify(request, metadata=[("x-request-id", name)], timeout=60)
                    except grpc.RpcError as error:
                        refused[name] = error.code()
                        return
                    answered.add(name)

        with ThreadPoolExecutor(CLIENTS) as pool:
            for number in range(CLIENTS):
                pool.submit(keep_asking, number)
            deadline = time.monotonic() + rpcclient.SECONDS
            while len(answered) < 5 * CLIENTS and time.monotonic() < deadline:
                time.sleep(0.01)
            called.server.process.send_signal(signal.SIGTERM)
        assert 0 == called.server.process.wait(END_SECONDS)
        taken = {
            line["id"]: line["status"]
            for line in map(json.loads, called.server.lines().splitlines()[2:])
            if line.get("path", "").endswith("/Classify")
        }
    told = {name: status for name, status in taken.items() if status != "OK"}
    assert len(answered) >= 5 * CLIENTS
    assert answered == taken.keys() - told.keys()
    assert told == {name: refused[name].name for name in told}
    assert set(refused.values()) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_a_stream_is_answered_as_far_as_it_was_read_and_told_to_go_elsewhere(
    client: rpcclient.Client, data: Path
) -> None:
    done = threading.Event()

    def items() -> Iterator[Any]:
        for at in range(20):
            yield client.pb.EmbedEachRequest(id=str(at), item=client.pb.Item(text=f"field {at}"))
        done.wait(rpcclient.SECONDS)

    with rpcclient.called(data) as called, called.channel() as channel:
        answers = client.stub(channel).EmbedEach(items())
        seen = [next(answers).id for _ in range(20)]
        called.server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(answers)
        assert [str(at) for at in range(20)] == seen
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "Stopping" == rpcclient.reason(ended.value)
        done.set()
        assert 0 == called.server.process.wait(END_SECONDS)
