"""A body of the Open Inference Protocol over REST → what it asks for; vectors → a body.

Knows JSON and the binary extension, nothing of models. Sources: the protocol's REST specification
(github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md) and
github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import to_json

from satseek.errors import InvalidRequest
from satseek.service.inference.inferring import InferAsked, Inferred
from satseek.service.inference.tensors import Given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.types import Vectors

HEADER_LENGTH = "inference-header-content-length"
"""Header: bytes of JSON in front of the raw tensors."""

UNSERVED = ("shared_memory_region", "classification", "sequence_id")
"""Parameters that would change the answer and are not served; others are passed over."""


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    parameters: dict[str, Any] = Field(default_factory=dict)

    def check_served(self) -> None:
        """Refuse parameters that nobody could obey."""
        for name in UNSERVED:
            if self.parameters.get(name):
                raise InvalidRequest(f"the parameter {name} is not served here")


class _Input(_Read):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None


class _Output(_Read):
    name: str


class _Request(_Read):
    id: str = ""
    inputs: list[_Input] = Field(max_length=8)
    outputs: list[_Output] = Field(default_factory=list, max_length=8)


class _Binary(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    binary_data: StrictBool | None = None
    binary_data_output: StrictBool = False
    binary_data_size: int | None = Field(None, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request that was read."""

    asked: InferAsked
    """What is asked for."""
    binary: Mapping[str, bool]
    """Outputs that come back as raw bytes (True) or as numbers (False)."""
    otherwise: bool
    """The same of outputs that are not named."""


def read_request(body: bytes, *, model: str, version: str, header_length: str | None) -> Body:
    """Read a body.

    Args:
        body: Its bytes, unpacked.
        model: Name in the address.
        version: Version in the address; empty: none.
        header_length: Value of ``Inference-Header-Content-Length``; None: all of it is JSON.

    Raises:
        InvalidRequest: it is not what the protocol says.
    """
    length = _length(header_length, len(body))
    try:
        request = _Request.model_validate_json(body[:length])
        wanted = {one.name: _Binary.model_validate(one.parameters) for one in request.outputs}
        all_binary = _Binary.model_validate(request.parameters).binary_data_output
        given = _given(request.inputs, memoryview(body)[length:])
    except ValidationError as error:
        raise InvalidRequest(_explained(error)) from error
    for part in (request, *request.inputs, *request.outputs):
        part.check_served()
    return Body(
        asked=InferAsked(
            model=model,
            version=version,
            request_id=request.id,
            inputs=given,
            outputs=tuple(one.name for one in request.outputs),
        ),
        binary={
            name: all_binary if one.binary_data is None else one.binary_data
            for name, one in wanted.items()
        },
        otherwise=all_binary,
    )


def write_answer(inferred: Inferred, body: Body) -> tuple[bytes, int | None]:
    """Write an answer, and how many bytes of it are JSON; None: all of them."""
    raw: list[bytes] = []
    outputs = []
    for name, vectors in inferred.vectors.items():
        described: dict[str, Any] = {
            "name": name,
            "datatype": "FP32",
            "shape": list(vectors.shape),
        }
        if body.binary.get(name, body.otherwise):
            raw.append(raw_bytes(vectors))
            described["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            described["data"] = vectors.ravel().tolist()
        outputs.append(described)
    header = {
        "model_name": inferred.offer.name,
        "model_version": inferred.offer.version,
        **({"id": inferred.request_id} if inferred.request_id else {}),
        "outputs": outputs,
    }
    text = to_json(header)
    return (b"".join([text, *raw]), len(text)) if raw else (text, None)


def raw_bytes(vectors: Vectors) -> bytes:
    """Little-endian, row by row."""
    return vectors.astype("<f4", copy=False).tobytes()


def _length(header: str | None, total: int) -> int:
    if header is None:
        return total
    if not (header.isascii() and header.isdigit()) or int(header[:12]) > total:
        raise InvalidRequest(
            f"expected {HEADER_LENGTH} from 0 to {total}, the body's length, came {header[:40]!r}"
        )
    return int(header)


def _given(inputs: list[_Input], raw: memoryview) -> tuple[Given, ...]:
    """Give each input its elements: its own list, or its share of the raw bytes."""
    found, at = [], 0
    for one in inputs:
        size = _Binary.model_validate(one.parameters).binary_data_size
        if (size is None) == (one.data is None):
            raise InvalidRequest(f"{one.name[:200]}: expected either data or binary_data_size")
        if size is not None and at + size > len(raw):
            raise InvalidRequest(f"{one.name[:200]}: its {size} raw bytes are not in the body")
        found.append(
            Given(
                name=one.name,
                datatype=one.datatype,
                shape=tuple(one.shape),
                raw=None if size is None else raw[at : at + size],
                listed=one.data,
            )
        )
        at += size or 0
    if at != len(raw):
        raise InvalidRequest(f"expected {at} raw bytes behind the JSON, came {len(raw)}")
    return tuple(found)


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}"
