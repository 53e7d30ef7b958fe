"""Streams on the real server: order, single errors, back-pressure, cancelling, deadlines."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
import rpcclient
from google.rpc import error_details_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Code = grpc.StatusCode
AHEAD = 64
"""Items of one stream that the server works on at once."""


def items(client: rpcclient.Client, contents: Any, **first: str) -> Iterator[Any]:
    pb = client.pb
    for at, content in enumerate(contents):
        item = pb.Item(**{"text" if isinstance(content, str) else "image": content})
        yield pb.EmbedEachRequest(id=str(at), item=item, **(first if at == 0 else {}))


class Slowly:
    """A client's items, one of which waits until it is told to go on; counts what was taken."""

    def __init__(self, requests: Iterator[Any], *, hold_at: int = -1) -> None:
        self._requests = requests
        self._hold_at = hold_at
        self.go_on = threading.Event()
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        for at, request in enumerate(self._requests):
            if at == self._hold_at:
                self.go_on.wait(rpcclient.SECONDS)
            self.taken += 1
            yield request


def counted(called: rpcclient.Called) -> set[str]:
    """Give the statuses of the calls so far, as the figures have them."""
    deadline = time.monotonic() + rpcclient.SECONDS
    while time.monotonic() < deadline:
        figures = httpx.get(f"{called.server.url}/metrics", timeout=rpcclient.SECONDS).text
        found = set(re.findall(r'Satseek/(?:EmbedEach|Search)",status="(\w+)"', figures))
        if found:  # a call is counted just after its answer
            return found
        time.sleep(0.05)
    raise AssertionError(figures)


def test_each_item_is_answered_before_the_next_is_sent(
    client: rpcclient.Client, stub: Any, picture: bytes
) -> None:
    asked = Slowly(items(client, ["a harbour", picture]), hold_at=1)
    answers = stub.EmbedEach(iter(asked))
    assert "0" == next(answers).id
    assert 1 == asked.taken
    asked.go_on.set()
    assert ["1"] == [one.id for one in answers]


def test_an_item_that_cannot_be_embedded_does_not_end_the_stream(
    client: rpcclient.Client, stub: Any, picture: bytes
) -> None:
    pb = client.pb
    contents = ["a harbour", b"no image", picture, "!?", "a forest"]
    empty = pb.EmbedEachRequest(id="empty")
    answers = list(stub.EmbedEach(itertools.chain(items(client, contents), [empty])))
    assert ["0", "1", "2", "3", "4", "empty"] == [one.id for one in answers]
    kinds = [one.error.reason if one.HasField("error") else "" for one in answers]
    assert ["", "UnreadableImage", "", "EmptyText", "", "InvalidRequest"] == kinds
    assert {3} == {one.error.code for one in answers if one.HasField("error")}
    whole = stub.Embed(pb.EmbedRequest(items=[pb.Item(text="a forest")]))
    assert list(whole.vectors[0].values) == pytest.approx(list(answers[4].vector.values), abs=1e-6)


def test_many_items_are_answered_in_order(client: rpcclient.Client, stub: Any) -> None:
    texts = [f"field number {at % 40} beside a road" for at in range(400)]
    answers = list(stub.EmbedEach(items(client, texts)))
    assert [str(at) for at in range(400)] == [one.id for one in answers]
    first = [list(one.vector.values) for one in answers[:40]]
    again = [list(one.vector.values) for one in answers[360:]]
    assert first == [pytest.approx(one, abs=1e-6) for one in again]


def test_a_stream_that_answers_at_its_end_gives_all_or_none(
    client: rpcclient.Client, stub: Any
) -> None:
    pb = client.pb
    texts = [f"field number {at} beside a road" for at in range(100)]
    asked = [pb.EmbedStreamRequest(item=pb.Item(text=text)) for text in texts]
    answer = stub.EmbedStream(iter(asked))
    assert 100 == len(answer.vectors)
    for wrong, kind in (
        ([*asked, pb.EmbedStreamRequest(item=pb.Item(image=b"no"))], "UnreadableImage"),
        ([], "InvalidRequest"),
        ([pb.EmbedStreamRequest(model="other", item=asked[0].item)], "ModelNotServed"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            stub.EmbedStream(iter(wrong))
        assert kind == rpcclient.reason(refused.value)


def test_a_model_that_is_not_served_ends_the_stream(client: rpcclient.Client, stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.EmbedEach(items(client, ["x"], model="other")))
    assert (Code.NOT_FOUND, "ModelNotServed") == (
        refused.value.code(),
        rpcclient.reason(refused.value),
    )


def test_who_takes_no_answers_is_given_no_more(
    client: rpcclient.Client, called: rpcclient.Called
) -> None:
    """Answers of 1 kB fill what a connection holds, some 200 of them; the rest is not worked on."""
    with called.channel(**{"http2.bdp_probe": 0}) as channel:
        stub, texts = client.stub(channel), [f"field {at % 50}" for at in range(5000)]
        assert 5000 == sum(1 for _ in stub.EmbedEach(items(client, texts)))
        shown = [("x-request-id", "slow-1")]
        answers = stub.EmbedEach(items(client, texts), metadata=shown)
        assert "0" == next(answers).id
        time.sleep(5)  # twice as long as all of them took
        answers.cancel()
        line = json.loads(called.line("slow-1"))
        assert "CANCELLED" == line["status"]
        assert AHEAD <= line["items"] < 1000


def test_one_call_too_many_is_told_when_to_come_again_and_a_cancelled_one_frees_its_place(
    client: rpcclient.Client, data: Path
) -> None:
    with (
        rpcclient.called(data, max_concurrent_requests="1") as called,
        called.channel() as channel,
    ):
        stub = client.stub(channel)
        asked = Slowly(items(client, ["x", "y"]), hold_at=1)
        answers = stub.EmbedEach(iter(asked), metadata=[("x-request-id", "gone-1")])
        assert "0" == next(answers).id
        with pytest.raises(grpc.RpcError) as refused:
            stub.Search(client.pb.SearchRequest(text="x"))
        assert refused.value.code() is Code.RESOURCE_EXHAUSTED
        assert "Overloaded" == rpcclient.reason(refused.value)
        retry = rpcclient.unpacked(refused.value, error_details_pb2.RetryInfo)
        assert retry.retry_delay.seconds >= 1
        answers.cancel()
        asked.go_on.set()
        assert "CANCELLED" == json.loads(called.line("gone-1"))["status"]
        assert stub.Search(client.pb.SearchRequest(text="x", k=1)).hits


def test_an_idle_stream_is_ended(client: rpcclient.Client, data: Path) -> None:
    with rpcclient.called(data, request_seconds="1") as called, called.channel() as channel:
        stub = client.stub(channel)
        asked = Slowly(items(client, ["x", "y"]), hold_at=1)
        answers = stub.EmbedEach(iter(asked))
        assert "0" == next(answers).id
        with pytest.raises(grpc.RpcError) as refused:
            next(answers)
        assert (Code.DEADLINE_EXCEEDED, "DeadlineExceeded") == (
            refused.value.code(),
            rpcclient.reason(refused.value),
        )
        asked.go_on.set()
        assert {"CANCELLED"} == counted(called), "it is no failure of the server's"


def test_what_takes_longer_than_the_request_may_is_given_up(
    client: rpcclient.Client, data: Path, picture: bytes
) -> None:
    with rpcclient.called(data, request_seconds="0.001") as called, called.channel() as channel:
        with pytest.raises(grpc.RpcError) as refused:
            client.stub(channel).Search(client.pb.SearchRequest(image=picture))
        assert (Code.DEADLINE_EXCEEDED, "DeadlineExceeded") == (
            refused.value.code(),
            rpcclient.reason(refused.value),
        )
        assert {"DEADLINE_EXCEEDED"} == counted(called)


def test_the_clients_own_deadline_is_kept(
    client: rpcclient.Client, stub: Any, called: rpcclient.Called
) -> None:
    asked = Slowly(items(client, ["x", "y"]), hold_at=1)
    began = time.monotonic()
    answers = stub.EmbedEach(iter(asked), timeout=1.5, metadata=[("x-request-id", "late-1")])
    assert "0" == next(answers).id
    with pytest.raises(grpc.RpcError) as refused:
        next(answers)
    assert refused.value.code() is Code.DEADLINE_EXCEEDED
    assert time.monotonic() - began < rpcclient.SECONDS / 2
    assert json.loads(called.line("late-1"))["status"] in {"DEADLINE_EXCEEDED", "CANCELLED"}
    assert "DEADLINE_EXCEEDED" not in counted(called)
    asked.go_on.set()
