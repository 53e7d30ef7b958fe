"""Streams of items → their vectors, each as soon as there is one, or all of them at the end.

Knows messages and verbs, nothing of towers. Items in flight share engine batches with everybody's.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from satseek.errors import InvalidRequest, ModelMismatch
from satseek.service.rpc.calling import waiting_for_one
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.ordering import InOrder, Room
from satseek.service.rpc.statuses import refusal
from satseek.service.rpc.translating import content, embedded, model
from satseek.service.verbs import embed_items

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from satseek.service.calling import Caller
    from satseek.service.running import Running
    from satseek.service.verbs import Embedded
    from satseek.types import ModelCard, Vectors

T = TypeVar("T")

AHEAD = 64
"""Items of one stream that are worked on at once: two batches, so that the model never waits."""

MAX_STREAM = 10_000
"""Items of a stream that is answered at its end: 41 MB of 1024 dimensions."""

MAX_ITEMS = 1000
"""Items of one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream of items of one caller."""

    shared: Running
    """What all calls share."""
    caller: Caller
    """Who sends them."""
    model: str | None
    """As asked; None: the model in force."""

    async def one(self, item: pb.Item) -> Embedded:
        """Embed one item, within the time of one request; counted by its stream."""
        counted = replace(self.caller, pairs={})
        with waiting_for_one(self.shared.assembly.settings.request_seconds):
            return await self.several([item], counted)

    async def several(self, items: Sequence[pb.Item], caller: Caller) -> Embedded:
        """Embed items of both kinds, in their order."""
        contents = [content(item) for item in items]
        return await embed_items(contents, shared=self.shared, caller=caller, model=self.model)

    def room(self) -> Room:
        """Return how much of it may be worked on at once."""
        return Room(items=AHEAD, max_bytes=self.shared.assembly.settings.max_upload_bytes)


async def embed_few(
    request: pb.EmbedRequest, *, shared: Running, caller: Caller
) -> pb.EmbedResponse:
    """Embed the items of one message.

    Raises:
        InvalidRequest: there is none, or there are too many.
    """
    if not 1 <= len(request.items) <= MAX_ITEMS:
        raise InvalidRequest(f"expected 1 to {MAX_ITEMS} items, came {len(request.items)}")
    stream = Stream(shared=shared, caller=caller, model=_asked(request))
    one = await stream.several(request.items, caller)
    return await shared.in_thread(lambda: embedded(one.card, one.vectors))


async def embed_all(
    requests: AsyncIterator[pb.EmbedStreamRequest], *, shared: Running, caller: Caller
) -> pb.EmbedResponse:
    """Embed the items of a stream, all of them or none.

    Raises:
        InvalidRequest: there is no item, or there are too many.
        ModelMismatch: another model was activated in the middle; the same again succeeds.
    """
    caller.principal.require("embed")
    first = await anext(requests, None)
    if first is None:
        raise InvalidRequest("expected at least one item, came none")
    stream = Stream(shared=shared, caller=caller, model=_asked(first))

    async def work(request: pb.EmbedStreamRequest) -> Embedded:
        return await stream.one(request.item)

    ordered = InOrder(work, room=stream.room(), size=pb.EmbedStreamRequest.ByteSize)
    card: ModelCard | None = None
    vectors: list[Vectors] = []
    async with aclosing(ordered.of(_with(first, requests))) as results:
        async for one in results:
            card = card or one.card
            check_same(card, one.card)
            if len(vectors) == MAX_STREAM:
                raise InvalidRequest(f"expected at most {MAX_STREAM} items in one stream")
            vectors.append(one.vectors)
    assert card is not None
    done = card
    caller.pairs.update(items=len(vectors), model=done.ref)
    return await shared.in_thread(lambda: embedded(done, np.concatenate(vectors)))


async def embed_each(
    requests: AsyncIterator[pb.EmbedEachRequest], *, shared: Running, caller: Caller
) -> AsyncIterator[pb.EmbedEachResponse]:
    """Embed the items of a stream one by one; what is wrong with one is its own answer.

    Raises:
        ModelNotServed: the stream names a model that is not served.
    """
    caller.principal.require("embed")
    caller.pairs.update(items=0, failed=0)
    first = await anext(requests, None)
    if first is None:
        return
    stream = Stream(shared=shared, caller=caller, model=_asked(first))
    await shared.model(stream.model)

    async def work(request: pb.EmbedEachRequest) -> pb.EmbedEachResponse:
        return await _answered(request, stream)

    ordered = InOrder(work, room=stream.room(), size=pb.EmbedEachRequest.ByteSize)
    async with aclosing(ordered.of(_with(first, requests))) as answers:
        async for answer in answers:
            caller.pairs["items"] += 1
            caller.pairs["failed"] += answer.HasField("error")
            yield answer


async def _answered(request: pb.EmbedEachRequest, stream: Stream) -> pb.EmbedEachResponse:
    try:
        one = await stream.one(request.item)
    except Exception as error:  # noqa: BLE001 (whatever it is, the next item is answered)
        refused = refusal(error)
        shown = pb.Error(code=refused.number, reason=refused.reason, message=refused.message)
        return pb.EmbedEachResponse(id=request.id, error=shown)
    vector = pb.Vector(values=one.vectors[0])
    return pb.EmbedEachResponse(id=request.id, model=model(one.card), vector=vector)


def check_same(one: ModelCard, other: ModelCard) -> None:
    """Go on only with one model; vectors of two cannot be compared."""
    if one.ref != other.ref:
        raise ModelMismatch(
            f"the model changed from {one.ref} to {other.ref} in the middle; send it again"
        )


def _asked(request: pb.EmbedRequest | pb.EmbedStreamRequest | pb.EmbedEachRequest) -> str | None:
    return request.model if request.HasField("model") else None


async def _with(first: T, rest: AsyncIterator[T]) -> AsyncIterator[T]:
    yield first
    async for one in rest:
        yield one
