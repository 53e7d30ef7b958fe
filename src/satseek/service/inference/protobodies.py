"""Messages of the Open Inference Protocol over gRPC → what they ask for; vectors → messages.

Knows the messages, nothing of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest
from satseek.service.inference import offers
from satseek.service.inference.generated import open_inference_pb2 as messages
from satseek.service.inference.inferring import InferAsked
from satseek.service.inference.jsonbodies import UNSERVED, raw_bytes
from satseek.service.inference.tensors import Given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.service.inference.inferring import Inferred
    from satseek.service.inference.offers import Listed, Offer
    from satseek.service.inference.tensors import TensorSpec

MAX_TENSORS = 8
"""Inputs or outputs of one request: a model has four and two."""

_CONTENTS: Mapping[str, str] = {
    "BYTES": "bytes_contents",
    "FP32": "fp32_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
}
"""Field that holds the elements of a datatype."""


def read_request(request: messages.ModelInferRequest) -> InferAsked:
    """Read a request.

    Raises:
        InvalidRequest: it is not what the protocol says.
    """
    if max(len(request.inputs), len(request.outputs)) > MAX_TENSORS:
        raise InvalidRequest(f"expected at most {MAX_TENSORS} inputs and as many outputs")
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidRequest(
            f"expected one of raw_input_contents for each of {len(request.inputs)} inputs, or "
            f"none at all, came {len(raw)}"
        )
    for part in (request, *request.inputs, *request.outputs):
        _check_served(part.parameters)
    return InferAsked(
        model=request.model_name,
        version=request.model_version,
        request_id=request.id,
        inputs=tuple(
            _given(one, raw[at] if raw else None) for at, one in enumerate(request.inputs)
        ),
        outputs=tuple(one.name for one in request.outputs),
    )


def written(inferred: Inferred) -> messages.ModelInferResponse:
    """Write an answer; its vectors are raw bytes."""
    return messages.ModelInferResponse(
        model_name=inferred.offer.name,
        model_version=inferred.offer.version,
        id=inferred.request_id,
        outputs=[
            messages.ModelInferResponse.InferOutputTensor(
                name=name, datatype="FP32", shape=vectors.shape
            )
            for name, vectors in inferred.vectors.items()
        ],
        raw_output_contents=[raw_bytes(vectors) for vectors in inferred.vectors.values()],
    )


def metadata(found: Offer) -> messages.ModelMetadataResponse:
    """Describe a model."""
    return messages.ModelMetadataResponse(
        name=found.name,
        versions=found.versions,
        platform=offers.PLATFORM,
        inputs=[_tensor(one) for one in offers.inputs(found.card)],
        outputs=[_tensor(one) for one in offers.outputs(found.card)],
    )


def config(found: Offer) -> messages.ModelConfigResponse:
    """Describe a model as the model configuration extension does."""
    return messages.ModelConfigResponse(
        config=messages.ModelConfig(
            name=found.name,
            platform=offers.PLATFORM,
            backend=offers.PLATFORM,
            input=[
                messages.ModelInput(
                    name=one.name, data_type=_type(one), dims=one.shape, optional=True
                )
                for one in offers.inputs(found.card)
            ],
            output=[
                messages.ModelOutput(name=one.name, data_type=_type(one), dims=one.shape)
                for one in offers.outputs(found.card)
            ],
            parameters={
                name: messages.ModelParameter(string_value=value)
                for name, value in offers.figures(found.card).items()
            },
        )
    )


def index(models: Sequence[Listed]) -> messages.RepositoryIndexResponse:
    """List models."""
    return messages.RepositoryIndexResponse(
        models=[
            messages.RepositoryIndexResponse.ModelIndex(
                name=one.name, version=one.version, state="READY" if one.ready else "LOADING"
            )
            for one in models
        ]
    )


def _given(one: messages.ModelInferRequest.InferInputTensor, raw: bytes | None) -> Given:
    """Give an input its elements: raw bytes, or the field of its datatype."""
    field = _CONTENTS.get(one.datatype)
    listed = None
    if raw is None:
        if field is None or not one.HasField("contents"):
            raise InvalidRequest(
                f"{one.name[:200]}: expected raw_input_contents, or contents of "
                f"{', '.join(_CONTENTS)}"
            )
        listed = list(getattr(one.contents, field))
    elif one.HasField("contents"):
        raise InvalidRequest(f"{one.name[:200]}: expected contents or raw_input_contents, not both")
    shape = tuple(one.shape)
    return Given(name=one.name, datatype=one.datatype, shape=shape, raw=raw, listed=listed)


def _check_served(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that nobody could obey."""
    for name in UNSERVED:
        if name in parameters:
            raise InvalidRequest(f"the parameter {name} is not served here")


def _tensor(spec: TensorSpec) -> messages.ModelMetadataResponse.TensorMetadata:
    return messages.ModelMetadataResponse.TensorMetadata(
        name=spec.name, datatype=spec.datatypes[0], shape=spec.shape
    )


def _type(spec: TensorSpec) -> messages.DataType:
    found: messages.DataType = messages.DataType.Value(offers.config_type(spec))
    return found
