"""What gRPC refuses, how it says so, and that it goes on afterwards."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import rpcclient
import starting
from google.rpc import error_details_pb2
from keymaking import bearer, make_key

from satseek.service.access.proving import entries

if TYPE_CHECKING:
    from pathlib import Path

Code = grpc.StatusCode
CASES: list[tuple[str, dict[str, Any], grpc.StatusCode, str]] = [
    ("Search", {"text": "x", "collection": "none"}, Code.NOT_FOUND, "CollectionNotFound"),
    ("Search", {"text": "x", "k": 0}, Code.INVALID_ARGUMENT, "InvalidK"),
    ("Search", {"text": "x", "k": -1}, Code.INVALID_ARGUMENT, "InvalidK"),
    ("Search", {}, Code.INVALID_ARGUMENT, "EmptyText"),
    ("Search", {"text": "!?"}, Code.INVALID_ARGUMENT, "EmptyText"),
    ("Search", {"image": b""}, Code.INVALID_ARGUMENT, "UnreadableImage"),
    ("Search", {"text": "x" * 1001}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Search", {"text": "x", "area": "{"}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Search", {"text": "x", "area": "{}"}, Code.INVALID_ARGUMENT, "InvalidFilter"),
    ("Search", {"text": "x", "start": "soon"}, Code.INVALID_ARGUMENT, "InvalidFilter"),
    ("Search", {"liked": ["none"]}, Code.NOT_FOUND, "ChipNotFound"),
    ("Classify", {"labels": ["a"]}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Classify", {"image": b"no", "labels": ["a"]}, Code.INVALID_ARGUMENT, "UnreadableImage"),
    ("Similarity", {"texts": ["a"]}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Embed", {}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Embed", {"items": [{}]}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Embed", {"items": [{"text": "x" * 1001}]}, Code.INVALID_ARGUMENT, "InvalidRequest"),
    ("Embed", {"items": [{"text": "x"}], "model": "other"}, Code.NOT_FOUND, "ModelNotServed"),
    ("GetModel", {"model": "../../etc"}, Code.NOT_FOUND, "ModelNotServed"),
]


@pytest.mark.parametrize(("method", "fields", "code", "kind"), CASES)
def test_what_cannot_be_is_refused_with_code_and_reason(  # noqa: PLR0917 (pytest names them)
    client: rpcclient.Client,
    stub: Any,
    method: str,
    fields: dict[str, Any],
    code: grpc.StatusCode,
    kind: str,
) -> None:
    request = getattr(client.pb, f"{method}Request")(**fields)
    with pytest.raises(grpc.RpcError) as refused:
        getattr(stub, method)(request)
    assert (code, kind) == (refused.value.code(), rpcclient.reason(refused.value))
    info = rpcclient.unpacked(refused.value, error_details_pb2.ErrorInfo)
    assert "satseek" == info.domain


def test_fields_that_are_wrong_are_named(client: rpcclient.Client, stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        stub.Search(client.pb.SearchRequest(text="x" * 1001))
    named = rpcclient.unpacked(refused.value, error_details_pb2.BadRequest).field_violations
    assert ["text"] == [one.field for one in named]


def test_a_message_of_another_kind_is_refused(called: rpcclient.Called) -> None:
    with called.channel() as channel:
        ask = channel.unary_unary("/satseek.v1.Satseek/Search")
        with pytest.raises(grpc.RpcError) as refused:
            ask(b"\xff\xff\xff")
        assert refused.value.code() is Code.INVALID_ARGUMENT
        none = channel.stream_unary("/satseek.v1.Satseek/Search")
        with pytest.raises(grpc.RpcError) as refused:
            none(iter(()))
        assert refused.value.code() is Code.INVALID_ARGUMENT
        unknown = channel.unary_unary("/satseek.v1.Satseek/Destroy")
        with pytest.raises(grpc.RpcError) as refused:
            unknown(b"")
        assert refused.value.code() is Code.UNIMPLEMENTED


def test_a_message_that_is_too_large_is_refused(client: rpcclient.Client, stub: Any) -> None:
    large = client.pb.SearchRequest(image=bytes(2**20 + 1))
    with pytest.raises(grpc.RpcError) as refused:
        stub.Search(large)
    assert refused.value.code() is Code.RESOURCE_EXHAUSTED
    assert stub.Search(client.pb.SearchRequest(text="x", k=1)).hits


def test_what_grows_beyond_the_limit_when_unpacked_is_refused(
    client: rpcclient.Client, stub: Any
) -> None:
    """100 MB of zeros are 100 kB on the wire."""
    bomb = client.pb.SearchRequest(image=bytes(100 * 2**20))
    assert len(gzip.compress(bomb.image)) < 2**20
    with pytest.raises(grpc.RpcError) as refused:
        stub.Search(bomb, compression=grpc.Compression.Gzip)
    assert refused.value.code() in {Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED}
    assert stub.Search(client.pb.SearchRequest(text="x", k=1)).hits


def test_every_call_has_an_id_and_one_line(
    client: rpcclient.Client, stub: Any, called: rpcclient.Called
) -> None:
    request = client.pb.SearchRequest(text="a small harbour", k=2)
    answer, call = stub.Search.with_call(request, metadata=[("x-request-id", "my-own-7")])
    assert 2 == len(answer.hits)
    assert ("x-request-id", "my-own-7") in [tuple(one) for one in call.trailing_metadata()]
    line = json.loads(called.line("my-own-7"))
    assert ("/satseek.v1.Satseek/Search", "OK", 2) == (line["path"], line["status"], line["hits"])
    assert "harbour" not in called.line("my-own-7")
    _, call = stub.Search.with_call(request, metadata=[("x-request-id", "not allowed")])
    assert "not allowed" not in dict(call.trailing_metadata())["x-request-id"]


def test_calls_are_counted_by_door_method_and_status(
    client: rpcclient.Client, stub: Any, http: Any
) -> None:
    with pytest.raises(grpc.RpcError):
        stub.Search(client.pb.SearchRequest(text="x", collection="none"))
    figures = http.get("/metrics").text
    labels = 'door="grpc",method="POST",route="/satseek.v1.Satseek/Search",status="NOT_FOUND"'
    assert f"satseek_requests_total{{{labels}}}" in figures


def test_who_is_not_recognised_or_may_not_is_refused(
    client: rpcclient.Client, data: Path, tmp_path: Path
) -> None:
    guarded = tmp_path / "data"
    guarded.mkdir()
    (guarded / "collections").symlink_to(data / "collections")
    reader = make_key(guarded, "reader", "--role", "reader")
    with (
        rpcclient.called(guarded, auth="keys", collection_groups='{"small": ["staff"]}') as called,
        called.channel() as channel,
    ):
        stub = client.stub(channel)
        embed = client.pb.EmbedRequest(items=[client.pb.Item(text="x")])
        for shown in ([], [("authorization", "Bearer nonsense")], [("x-api-key", reader[:-1])]):
            for ask, request in (
                (stub.Embed, embed),
                (stub.ListCollections, client.pb.ListCollectionsRequest()),
                (stub.GetModel, client.pb.GetModelRequest()),
            ):
                with pytest.raises(grpc.RpcError) as refused:
                    ask(request, metadata=shown)
                assert refused.value.code() is Code.UNAUTHENTICATED
                assert "Unauthenticated" == rpcclient.reason(refused.value)
        streamed = stub.EmbedEach(iter([client.pb.EmbedEachRequest(item=embed.items[0])]))
        with pytest.raises(grpc.RpcError) as refused:
            list(streamed)
        assert refused.value.code() is Code.UNAUTHENTICATED
        known = list(bearer(reader).items())
        assert 1 == len(stub.Embed(embed, metadata=known).vectors)
        assert 1 == len(stub.Embed(embed, metadata=[("x-api-key", reader)]).vectors)
        unseen = stub.ListCollections(client.pb.ListCollectionsRequest(), metadata=known)
        assert [] == list(unseen.collections)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Search(client.pb.SearchRequest(text="x", collection="small"), metadata=known)
        assert "CollectionNotFound" == rpcclient.reason(refused.value)
        load = channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")
        with pytest.raises(grpc.RpcError) as refused:
            load(b"", metadata=known)
        assert refused.value.code() in {Code.PERMISSION_DENIED, Code.UNIMPLEMENTED}
    trail = "".join(path.read_text() for path in (guarded / "audit").glob("*.jsonl"))
    assert "/satseek.v1.Satseek/Embed" in trail
    nobody = [one["action"] for one in entries(guarded / "audit") if one["who"] == "anonymous"]
    assert ["authenticate"] * 6 == nobody  # so that nobody unknown can fill the disk
    assert reader not in trail + called.server.lines()


def test_a_port_that_is_taken_is_said_at_once(data: Path, called: rpcclient.Called) -> None:
    port = called.address.rpartition(":")[2]
    command = [*starting.command(), "--data-dir", str(data), "serve", "--port", "0"]
    done = subprocess.run(
        [*command, "--grpc-port", port], capture_output=True, text=True, check=False, timeout=60
    )
    assert 2 == done.returncode
    assert "--grpc-port" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_the_line_that_installs_it_is_said(data: Path) -> None:
    program = (
        "import sys; sys.modules['grpc'] = None; from satseek.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "--data-dir", str(data), "serve", "--port", "0"]
    done = subprocess.run(
        [*command, "--grpc-port", "0"], capture_output=True, text=True, check=False, timeout=60
    )
    assert 3 == done.returncode
    assert "pip install 'satseek[grpc]'" in done.stderr
    assert "Traceback" not in done.stderr
