"""``inference.GRPCInferenceService``: the Open Inference Protocol over gRPC.

Knows the service's methods; what is asked for is done in ``inferring``, and who asks was found out
before a method is called. Errors are left to the server, which has one table of statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from satseek.errors import ModelNotServed, SatseekError
from satseek.service.inference import offers
from satseek.service.inference.generated import open_inference_pb2 as messages
from satseek.service.inference.inferring import infer
from satseek.service.inference.offers import Offer, offer
from satseek.service.inference.protobodies import config, index, metadata, read_request, written
from satseek.service.rpc.calling import current_caller, waiting_for_one
from satseek.service.rpc.statuses import refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from satseek.service.running import Running

SERVICE = "inference.GRPCInferenceService"


def register(server: grpc.aio.Server, shared: Running) -> list[str]:
    """Add the service to a server; returns the names of what was added."""
    answering = _Answering(shared)
    handlers = {
        method.name: _handler(method, getattr(answering, _snake(method.name)))
        for method in messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    return [SERVICE]


class _Answering:
    """The methods of the service, by their names in snake case."""

    def __init__(self, shared: Running) -> None:
        self._shared = shared

    async def server_live(self, _request: Any, _context: Any) -> messages.ServerLiveResponse:
        return messages.ServerLiveResponse(live=True)

    async def server_ready(self, _request: Any, _context: Any) -> messages.ServerReadyResponse:
        return messages.ServerReadyResponse(ready=self._shared.readiness.ready)

    async def server_metadata(
        self, _request: Any, _context: Any
    ) -> messages.ServerMetadataResponse:
        return messages.ServerMetadataResponse(
            name=offers.IN_FORCE, version=offers.server_version(), extensions=offers.EXTENSIONS
        )

    async def model_ready(
        self, request: messages.ModelReadyRequest, _context: Any
    ) -> messages.ModelReadyResponse:
        try:
            found = await self._offer(request)
        except ModelNotServed:
            return messages.ModelReadyResponse(ready=False)
        ready = found.name != offers.IN_FORCE or self._shared.readiness.ready
        return messages.ModelReadyResponse(ready=ready)

    async def model_metadata(
        self, request: messages.ModelMetadataRequest, _context: Any
    ) -> messages.ModelMetadataResponse:
        return metadata(await self._offer(request))

    async def model_config(
        self, request: messages.ModelConfigRequest, _context: Any
    ) -> messages.ModelConfigResponse:
        return config(await self._offer(request))

    async def repository_index(
        self, request: messages.RepositoryIndexRequest, _context: Any
    ) -> messages.RepositoryIndexResponse:
        found = await self._shared.in_thread(lambda: offers.listed(self._shared))
        return index([one for one in found if one.ready or not request.ready])

    async def model_infer(
        self, request: messages.ModelInferRequest, _context: Any
    ) -> messages.ModelInferResponse:
        shared = self._shared
        asked = await shared.weighed(lambda: read_request(request), size=request.ByteSize())
        return written(await infer(asked, shared=shared, caller=current_caller()))

    async def model_stream_infer(
        self, requests: AsyncIterator[messages.ModelInferRequest], context: Any
    ) -> AsyncIterator[messages.ModelStreamInferResponse]:
        """Answer each request in turn; one that is refused does not end the stream."""
        seconds = self._shared.assembly.settings.request_seconds
        async for request in requests:
            try:
                with waiting_for_one(seconds):
                    answer = await self.model_infer(request, context)
            except SatseekError as error:
                unanswered = messages.ModelInferResponse(id=request.id)
                yield messages.ModelStreamInferResponse(
                    error_message=refusal(error).message, infer_response=unanswered
                )
            else:
                yield messages.ModelStreamInferResponse(infer_response=answer)

    async def _offer(self, request: Any) -> Offer:
        name, version, shared = request.name, request.version, self._shared
        return await shared.in_thread(lambda: offer(shared, name, version))


def _handler(method: Any, behaviour: Any) -> grpc.RpcMethodHandler:
    make = (
        grpc.stream_stream_rpc_method_handler
        if method.client_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return make(
        behaviour,
        request_deserializer=getattr(messages, method.input_type.name).FromString,
        response_serializer=getattr(messages, method.output_type.name).SerializeToString,
    )


def _snake(name: str) -> str:
    """``ModelInfer`` → ``model_infer``."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).lstrip("_")
