"""Bodies of the Open Inference Protocol: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
import importlib.util
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.exceptions import HTTPException

from satseek.errors import InvalidRequest
from satseek.service.inference.inflating import inflated
from satseek.service.inference.jsonbodies import Body, read_request
from satseek.service.inference.tensors import (
    MAX_ROWS,
    Given,
    TensorSpec,
    join_bytes,
    numbers_of,
    split_bytes,
    texts_of,
)

ROOT = Path(__file__).parents[3]
TEXT = TensorSpec(name="text", datatypes=("BYTES",), shape=(-1,))
PIXELS = TensorSpec(name="pixel_values", datatypes=("FP32", "FP16"), shape=(-1, 3, 2, 2))
IDS = TensorSpec(name="input_ids", datatypes=("INT64", "INT32"), shape=(-1, 4))


def _given(datatype: str, shape: tuple[int, ...], **content: Any) -> Given:
    return Given(name="one", datatype=datatype, shape=shape, **content)


def _read(body: bytes, header_length: str | None = None) -> Body:
    return read_request(body, model="satseek", version="", header_length=header_length)


def _request(*inputs: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"inputs": inputs, **more}).encode()


def test_elements_come_back_as_they_were_joined() -> None:
    elements = [b"", b"\0", b"a harbour", bytes(range(256))]

    assert elements == split_bytes(join_bytes(elements), name="text")


def test_the_length_of_an_element_is_little_endian() -> None:
    assert b"\x03\0\0\0abc" == join_bytes([b"abc"])


@pytest.mark.parametrize(
    "raw", [b"\x03\0\0", b"\x03\0\0\0ab", b"\xff\xff\xff\xffab", join_bytes([b""] * (MAX_ROWS + 1))]
)
def test_lengths_that_do_not_add_up_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        split_bytes(raw, name="text")


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
@pytest.mark.parametrize(
    "content",
    [
        {"raw": join_bytes([b"a", "é".encode()])},
        {"listed": ["a", "é"]},
        {"listed": [["a"], ["é"]]},
        {"listed": [b"a", "é".encode()]},
    ],
)
def test_texts_are_read_however_they_come(shape: tuple[int, ...], content: dict[str, Any]) -> None:
    assert ["a", "é"] == texts_of(_given("BYTES", shape, **content), TEXT)


@pytest.mark.parametrize(
    "given",
    [
        _given("FP32", (1,), raw=b"\0" * 4),
        _given("BYTES", (2,), raw=join_bytes([b"a"])),
        _given("BYTES", (1, 2), raw=join_bytes([b"a", b"b"])),
        _given("BYTES", (0,), raw=b""),
        _given("BYTES", (-1,), raw=b""),
        _given("BYTES", (MAX_ROWS + 1,), listed=["a"] * (MAX_ROWS + 1)),
        _given("BYTES", (1,), raw=join_bytes([b"\xff\xfe"])),
        _given("BYTES", (1,), listed=[7]),
        _given("BYTES", (1,), listed=[["a", "b"]]),
    ],
)
def test_texts_that_cannot_be_are_refused(given: Given) -> None:
    with pytest.raises(InvalidRequest):
        texts_of(given, TEXT)


@pytest.mark.parametrize(("datatype", "dtype"), [("FP32", "<f4"), ("FP16", "<f2")])
def test_numbers_keep_their_value(datatype: str, dtype: str) -> None:
    expected = np.linspace(-1, 1, 24, dtype=dtype).reshape(2, 3, 2, 2)

    raw = numbers_of(_given(datatype, (2, 3, 2, 2), raw=expected.tobytes()), PIXELS)
    listed = numbers_of(_given(datatype, (2, 3, 2, 2), listed=expected.ravel().tolist()), PIXELS)
    nested = numbers_of(_given(datatype, (2, 3, 2, 2), listed=expected.tolist()), PIXELS)

    for found in (raw, listed, nested):
        assert np.float32 == found.dtype
        np.testing.assert_array_equal(expected.astype(np.float32), found)


@pytest.mark.parametrize(
    "given",
    [
        _given("UINT8", (1, 4), raw=b"\0" * 4),
        _given("INT64", (1, 4), raw=b"\0" * 31),
        _given("INT64", (1, 3), raw=b"\0" * 24),
        _given("INT64", (4,), raw=b"\0" * 32),
        _given("INT64", (1, 4), listed=[1, 2, 3]),
        _given("INT64", (1, 4), listed=[1, 2, 3, 0.5]),
        _given("INT64", (1, 4), listed=[1, 2, 3, "4"]),
        _given("INT64", (1, 4), listed=[1, 2, 3, True, None]),
        _given("INT64", (1, 4), listed=[[1, 2], [3]]),
        _given("INT64", (1, 4), listed=[1, 2, 3, 10**30]),
    ],
)
def test_numbers_that_cannot_be_are_refused(given: Given) -> None:
    with pytest.raises(InvalidRequest):
        numbers_of(given, IDS)


def test_raw_bytes_belong_to_inputs_in_their_order() -> None:
    first, second = join_bytes([b"a harbour"]), b"\x01\0\0\0\0\0\0\0" * 4
    header = _request(
        {
            "name": "text",
            "datatype": "BYTES",
            "shape": [1],
            "parameters": {"binary_data_size": len(first)},
        },
        {
            "name": "input_ids",
            "datatype": "INT64",
            "shape": [1, 4],
            "parameters": {"binary_data_size": len(second)},
        },
        id="7",
        parameters={"binary_data_output": True},
        outputs=[{"name": "text_vectors", "parameters": {"binary_data": False}}],
    )

    body = _read(header + first + second, str(len(header)))

    assert "7" == body.asked.request_id
    assert [first, second] == [bytes(one.raw or b"") for one in body.asked.inputs]
    assert {"text_vectors": False} == body.binary
    assert body.otherwise


WHOLE = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}
BINARY = {"name": "text", "datatype": "BYTES", "shape": [1]}


@pytest.mark.parametrize(
    ("body", "header_length"),
    [
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b"\xff\xfe", None),
        (_request(), "99999"),
        (_request(WHOLE), "-1"),
        (_request(WHOLE), "²"),
        (_request(WHOLE), "1" * 5000),
        (_request(BINARY), None),
        (_request({**WHOLE, "parameters": {"binary_data_size": 5}}), None),
        (_request({**BINARY, "parameters": {"binary_data_size": 5}}), None),
        (_request({**BINARY, "parameters": {"binary_data_size": -1}}), None),
        (_request({**BINARY, "parameters": {"binary_data_size": "x"}}), None),
        (_request({**BINARY, "parameters": {"shared_memory_region": "r"}}), None),
        (_request(WHOLE, outputs=[{"name": "x", "parameters": {"classification": 3}}]), None),
        (_request(WHOLE, outputs=[{"name": "x", "parameters": {"binary_data": "yes"}}]), None),
        (_request(WHOLE, parameters={"sequence_id": 3}), None),
        (_request(*[WHOLE] * 9), None),
        (_request({**WHOLE, "shape": "1"}), None),
    ],
)
def test_bodies_that_cannot_be_are_refused(body: bytes, header_length: str | None) -> None:
    with pytest.raises(InvalidRequest):
        _read(body, header_length)


def test_bytes_that_belong_to_no_input_are_refused() -> None:
    header = _request(WHOLE)

    with pytest.raises(InvalidRequest, match="expected 0 raw bytes"):
        _read(header + b"more", str(len(header)))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bytes])
def test_a_packed_body_is_unpacked(pack: Any) -> None:
    names: dict[Any, str] = {gzip.compress: "GZIP ", zlib.compress: "deflate", bytes: ""}

    assert b"words" * 9 == inflated(pack(b"words" * 9), encoding=names[pack], max_bytes=45)


def test_a_body_that_unpacks_to_more_than_allowed_is_refused_before_it_is_there() -> None:
    bomb = gzip.compress(bytes(200_000_000))

    with pytest.raises(HTTPException) as refused:
        inflated(bomb, encoding="gzip", max_bytes=1_000_000)

    assert 413 == refused.value.status_code


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"words",
        gzip.compress(b"words", mtime=0)[:-4],
        gzip.compress(b"words", mtime=0) + b"more",
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(packed: bytes) -> None:
    with pytest.raises(InvalidRequest):
        inflated(packed, encoding="gzip", max_bytes=1000)


def test_another_packing_is_refused() -> None:
    with pytest.raises(HTTPException) as refused:
        inflated(b"", encoding="br", max_bytes=1000)

    assert 415 == refused.value.status_code


def test_generated_messages_are_those_of_the_proto_file(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not on this machine")
    path = ROOT / "proto" / "inference" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_open_inference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    module.generate(tmp_path)

    name = "open_inference_pb2.py"
    kept = ROOT / "src" / "satseek" / "service" / "inference" / "generated" / name
    assert _described(tmp_path / name) == _described(kept)


def _described(path: Path) -> str:
    """The line that holds all messages: the others name the generator's version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("DESCRIPTOR = "))


def test_messages_are_the_protocols_own() -> None:
    theirs = pytest.importorskip(
        "tritonclient.grpc.service_pb2",
        reason="tritonclient is not on this machine: pip install 'tritonclient[grpc,http]'",
    )
    pytest.importorskip("grpc", reason="grpc is not on this machine")
    from satseek.service.inference.generated import open_inference_pb2 as ours  # noqa: PLC0415

    pool = theirs.DESCRIPTOR.pool
    for name, message in ours.DESCRIPTOR.message_types_by_name.items():
        assert set() == _fields(message) - _fields(pool.FindMessageTypeByName(f"inference.{name}"))
    service = pool.FindServiceByName("inference.GRPCInferenceService").methods_by_name
    for method in ours.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods:
        other = service[method.name]
        assert _call(other) == _call(method)


def _fields(message: Any) -> set[tuple[Any, ...]]:
    """Name, number and type of every field, those of messages inside included."""
    found = {(message.full_name, one.name, one.number, one.type) for one in message.fields}
    return found.union(*(_fields(one) for one in message.nested_types))


def _call(method: Any) -> tuple[Any, ...]:
    return (
        method.input_type.full_name,
        method.output_type.full_name,
        method.client_streaming,
        method.server_streaming,
    )


def test_a_raw_length_is_four_bytes() -> None:
    assert struct.pack("<I", 9) + b"a harbour" == join_bytes([b"a harbour"])
