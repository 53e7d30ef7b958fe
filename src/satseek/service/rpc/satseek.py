"""satseek.v1: calls → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of how anything is found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc

from satseek.service.collections import accounts
from satseek.service.concepts import shown_concepts
from satseek.service.rpc.alerts import Alerting
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.embedding import embed_all, embed_each, embed_few
from satseek.service.rpc.findings import Reviewing
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.jobbing import Jobbing
from satseek.service.rpc.lands import Lands
from satseek.service.rpc.translating import (
    PIECE_HITS,
    classified,
    classify_asked,
    compared,
    concepts,
    described,
    image_in,
    listed,
    pieces,
    search_asked,
    similarity_asked,
)
from satseek.service.rpc.watches import Watching
from satseek.service.verbs import classify, compare, find

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.descriptor import MethodDescriptor

    from satseek.service.running import Running

SERVICE = pb.DESCRIPTOR.services_by_name["Satseek"]
"""The service, as its proto file describes it."""


def register(server: grpc.aio.Server, shared: Running) -> list[str]:
    """Put the service on a server; returns its name."""
    return register_methods(server, SERVICE, Servicer(shared), messages=pb)


def register_methods(
    server: grpc.aio.Server, service: Any, servicer: object, *, messages: Any
) -> list[str]:
    """Put a service's methods on a server: those that the servicer has, in small letters.

    Args:
        server: Where to.
        service: The service's descriptor.
        servicer: Its methods are named ``search_stream`` where the service's are ``SearchStream``.
        messages: The module of the generated messages.
    """
    handlers = {
        method.name: _handler(method, getattr(servicer, small(method.name)), messages)
        for method in service.methods
        if hasattr(servicer, small(method.name))
    }
    generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
    server.add_generic_rpc_handlers((generic,))
    return [service.full_name]


def small(name: str) -> str:
    """``SearchStream`` → ``search_stream``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Servicer(Jobbing, Reviewing, Alerting, Lands, Watching):
    """The service's methods; the interceptor has let their callers in."""

    def __init__(self, shared: Running) -> None:
        self._shared = shared

    async def search(self, request: pb.SearchRequest, _context: Any) -> pb.SearchResponse:
        """Find chips."""
        (answer,) = await self._found(request, size=None)
        return answer

    async def search_stream(
        self, request: pb.SearchRequest, _context: Any
    ) -> AsyncIterator[pb.SearchResponse]:
        """Find chips, and answer in pieces."""
        for piece in await self._found(request, size=PIECE_HITS):
            yield piece

    async def classify(self, request: pb.ClassifyRequest, _context: Any) -> pb.ClassifyResponse:
        """Score labels on an image or a chip."""
        asked, image = classify_asked(request), image_in(request)
        return classified(
            await classify(asked, image, shared=self._shared, caller=current_caller())
        )

    async def similarity(
        self, request: pb.SimilarityRequest, _context: Any
    ) -> pb.SimilarityResponse:
        """Compare an image with texts."""
        asked, image = similarity_asked(request), image_in(request)
        return compared(await compare(asked, image, shared=self._shared, caller=current_caller()))

    async def embed(self, request: pb.EmbedRequest, _context: Any) -> pb.EmbedResponse:
        """Embed a few items."""
        return await embed_few(request, shared=self._shared, caller=current_caller())

    async def embed_stream(
        self, requests: AsyncIterator[pb.EmbedStreamRequest], _context: Any
    ) -> pb.EmbedResponse:
        """Embed many items, answered at the end."""
        return await embed_all(requests, shared=self._shared, caller=current_caller())

    def embed_each(
        self, requests: AsyncIterator[pb.EmbedEachRequest], _context: Any
    ) -> AsyncIterator[pb.EmbedEachResponse]:
        """Embed items, each answered as soon as it is done."""
        return embed_each(requests, shared=self._shared, caller=current_caller())

    async def list_collections(
        self, _request: pb.ListCollectionsRequest, _context: Any
    ) -> pb.ListCollectionsResponse:
        """List the collections that the caller sees."""
        shared, who = self._shared, current_caller().principal
        who.require("search")
        return await shared.in_thread(lambda: listed(accounts(shared.collections(who), shared)))

    async def list_concepts(
        self, _request: pb.ListConceptsRequest, _context: Any
    ) -> pb.ListConceptsResponse:
        """List the saved concepts."""
        shared, who = self._shared, current_caller().principal
        who.require("search")
        return await shared.in_thread(lambda: concepts(shown_concepts(shared, who)))

    async def get_model(self, request: pb.GetModelRequest, _context: Any) -> pb.GetModelResponse:
        """Show a model's card."""
        current_caller().principal.require("search")
        ref = request.model if request.HasField("model") else None
        named = self._shared.assembly.model_named
        return described((await self._shared.in_thread(lambda: named(ref))).card)

    async def _found(
        self, request: pb.SearchRequest, *, size: int | None
    ) -> list[pb.SearchResponse]:
        asked, image = search_asked(request), image_in(request)
        return await find(
            asked,
            image,
            shared=self._shared,
            caller=current_caller(),
            write=lambda one: list(pieces(one, size=size)),
        )


def _handler(method: MethodDescriptor, behaviour: Any, messages: Any) -> grpc.RpcMethodHandler:
    shapes = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    shape = shapes[method.client_streaming, method.server_streaming]
    return shape(
        behaviour,
        request_deserializer=getattr(messages, method.input_type.name).FromString,
        response_serializer=getattr(messages, method.output_type.name).SerializeToString,
    )
