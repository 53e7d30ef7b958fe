"""``/v2``: the Open Inference Protocol over REST, with its binary extension.

Knows the wire; what is asked for is done in ``inferring``.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.inference import offers
from satseek.service.inference.inferring import infer
from satseek.service.inference.inflating import inflated
from satseek.service.inference.jsonbodies import HEADER_LENGTH, Body, read_request, write_answer
from satseek.service.inference.offers import Offer, offer
from satseek.service.inference.tensors import TensorSpec
from satseek.service.running import Running, running

router = APIRouter(tags=["Open Inference Protocol"])

Shared = Annotated[Running, Depends(running)]

Name = Annotated[
    str,
    Path(
        description="`satseek`, whichever model is in force; or a stored model's name.",
        examples=[offers.IN_FORCE],
    ),
]
Version = Annotated[str, Path(description="12 hex digits.", examples=["0123456789ab"])]

_BINARY = "application/octet-stream"
_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": {"type": "array", "items": {}},
        "parameters": {"type": "object"},
    },
}
_REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string", "description": "Comes back in the answer."},
        "parameters": {"type": "object"},
        "inputs": {
            "type": "array",
            "items": _TENSOR,
            "description": "`image` or `pixel_values`, `text` or `input_ids`.",
        },
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
            },
            "description": "`image_vectors`, `text_vectors`; left out: all that the inputs make.",
        },
    },
}
_EXAMPLE = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a harbour"]}]}
_INFER: dict[str, Any] = {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _REQUEST, "example": _EXAMPLE},
                _BINARY: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
    "responses": {
        200: {"content": {"application/json": {"schema": {"type": "object"}}, _BINARY: {}}},
        **dict.fromkeys((404, 413, 415, 422, 429), PROBLEM),
    },
    "response_class": Response,
}
_NOT_FOUND: Any = {404: PROBLEM}


@router.get("/v2", summary="The server")
async def get_server() -> dict[str, Any]:
    """Name, version and the extensions of the protocol that are answered."""
    return {
        "name": offers.IN_FORCE,
        "version": offers.server_version(),
        "extensions": list(offers.EXTENSIONS),
    }


@router.get("/v2/health/live", summary="Live?")
async def get_live() -> dict[str, bool]:
    """Answer as long as the process does."""
    return {"live": True}


@router.get("/v2/health/ready", summary="Ready?", responses={503: {}})
async def get_ready(shared: Shared) -> JSONResponse:
    """Tell whether a model is loaded."""
    ready = shared.readiness.ready
    return JSONResponse({"ready": ready}, status_code=200 if ready else 503)


@router.get("/v2/models/{name}", summary="A model", responses=_NOT_FOUND)
async def get_model(name: Name, shared: Shared) -> dict[str, Any]:
    """Inputs, outputs and versions of a model; ``satseek`` is whichever is in force."""
    return _metadata(await _offer(shared, name))


@router.get("/v2/models/{name}/versions/{version}", summary="A version", responses=_NOT_FOUND)
async def get_version(name: Name, version: Version, shared: Shared) -> dict[str, Any]:
    """Describe one version of a model likewise."""
    return _metadata(await _offer(shared, name, version))


@router.get("/v2/models/{name}/ready", summary="A model ready?", responses=_NOT_FOUND)
async def get_model_ready(name: Name, shared: Shared) -> JSONResponse:
    """Tell whether a model answers; a stored one is opened when first asked for."""
    return _ready(await _offer(shared, name), shared)


@router.get(
    "/v2/models/{name}/versions/{version}/ready",
    summary="A version ready?",
    responses=_NOT_FOUND,
)
async def get_version_ready(name: Name, version: Version, shared: Shared) -> JSONResponse:
    """Tell the same of one version."""
    return _ready(await _offer(shared, name, version), shared)


@router.get("/v2/models/{name}/config", summary="A configuration", responses=_NOT_FOUND)
async def get_config(name: Name, shared: Shared) -> dict[str, Any]:
    """Describe a model as the model configuration extension does."""
    return _config(await _offer(shared, name))


@router.get(
    "/v2/models/{name}/versions/{version}/config",
    summary="A version's configuration",
    responses=_NOT_FOUND,
)
async def get_version_config(name: Name, version: Version, shared: Shared) -> dict[str, Any]:
    """Describe one version likewise."""
    return _config(await _offer(shared, name, version))


@router.post("/v2/repository/index", summary="Every model")
async def post_index(shared: Shared) -> list[dict[str, str]]:
    """List every model and version that can be asked for."""
    found = await shared.in_thread(lambda: offers.listed(shared))
    return [
        {
            "name": one.name,
            "version": one.version,
            "state": "READY" if one.ready else "LOADING",
            "reason": "",
        }
        for one in found
    ]


@router.post("/v2/models/{name}/infer", summary="Embed", **_INFER)
async def post_infer(name: Name, request: Request, shared: Shared) -> Response:
    """Embed images and texts: `image` → `image_vectors`, `text` → `text_vectors`."""
    return await _infer(request, shared, name=name, version="")


@router.post("/v2/models/{name}/versions/{version}/infer", summary="Embed by one version", **_INFER)
async def post_version_infer(
    name: Name, version: Version, request: Request, shared: Shared
) -> Response:
    """Embed by one version of a model."""
    return await _infer(request, shared, name=name, version=version)


async def _infer(request: Request, shared: Running, *, name: Name, version: str) -> Response:
    content, headers = await request.body(), request.headers
    limit = shared.assembly.settings.max_upload_bytes
    encoding = headers.get("content-encoding", "")

    def read() -> Body:
        return read_request(
            inflated(content, encoding=encoding, max_bytes=limit),
            model=name,
            version=version,
            header_length=headers.get(HEADER_LENGTH),
        )

    body = await shared.weighed(read, size=limit if encoding else len(content))
    inferred = await infer(body.asked, shared=shared, caller=caller(request))
    size = sum(one.nbytes for one in inferred.vectors.values())
    written, length = await shared.weighed(lambda: write_answer(inferred, body), size=size)
    if length is None:
        return Response(written, media_type="application/json")
    return Response(written, media_type=_BINARY, headers={HEADER_LENGTH: str(length)})


async def _offer(shared: Running, name: Name, version: str = "") -> Offer:
    return await shared.in_thread(lambda: offer(shared, name, version))


def _metadata(found: Offer) -> dict[str, Any]:
    return {
        "name": found.name,
        "versions": list(found.versions),
        "platform": offers.PLATFORM,
        "inputs": [_tensor(one) for one in offers.inputs(found.card)],
        "outputs": [_tensor(one) for one in offers.outputs(found.card)],
        "parameters": offers.figures(found.card),
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatypes[0], "shape": list(spec.shape)}


def _config(found: Offer) -> dict[str, Any]:
    return {
        "name": found.name,
        "platform": offers.PLATFORM,
        "backend": offers.PLATFORM,
        "max_batch_size": 0,
        "input": [{**_configured(one), "optional": True} for one in offers.inputs(found.card)],
        "output": [_configured(one) for one in offers.outputs(found.card)],
        "parameters": {
            name: {"string_value": value} for name, value in offers.figures(found.card).items()
        },
    }


def _configured(spec: TensorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "data_type": offers.config_type(spec),
        "dims": list(spec.shape),
    }


def _ready(found: Offer, shared: Running) -> JSONResponse:
    ready = found.name != offers.IN_FORCE or shared.readiness.ready
    shown = {"name": found.name, "version": found.version, "ready": ready}
    return JSONResponse(shown, status_code=200 if ready else 503)
