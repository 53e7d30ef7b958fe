"""Every call → let in with who makes it, watched, answered or refused with one status.

Knows metadata and messages' bytes, neither what is asked nor how anybody is recognised. What is
refused is refused before any message of it is read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import unquote

import grpc

from satseek.embed.patience import Patience, waiting
from satseek.errors import (
    Abandoned,
    DeadlineExceeded,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    Unauthenticated,
)
from satseek.logs import log_line
from satseek.service.access.admitting import NOBODY, Shown
from satseek.service.access.forwarding import HEADER
from satseek.service.access.guarding import AUDITED
from satseek.service.calling import Caller, request_id
from satseek.service.limits import Permits
from satseek.service.rpc.calling import calling
from satseek.service.rpc.policy import OPEN, rule
from satseek.service.rpc.receiving import Incoming
from satseek.service.rpc.statuses import Code, refusal, stopping
from satseek.service.tracing import trace_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from satseek.service.access.forwarding import Proxies
    from satseek.service.access.principals import Principal
    from satseek.service.rpc.draining import Drain
    from satseek.service.rpc.policy import Rule
    from satseek.service.rpc.statuses import Refused
    from satseek.service.running import Running
    from satseek.service.tracing import Tracing

logger = logging.getLogger(__name__)

OPEN_CALLS = 128
"""Calls at once of those that everybody may make, such as watching the health: beyond them others
are refused, so that nobody unknown can keep out who is known."""

REQUEST_ID = "x-request-id"

_DENIALS: Mapping[str, str] = {
    Unauthenticated.__name__: "unauthenticated",
    PermissionDenied.__name__: "forbidden",
    RateLimited.__name__: "rate",
}
"""How refusals are counted."""

_CODES = {code.value[0]: code for code in Code}

Context: TypeAlias = Any
"""``grpc.aio.ServicerContext``; gRPC ships no types."""

Handler: TypeAlias = Any
"""``grpc.RpcMethodHandler``."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call, as its log line tells of it."""

    method: str
    """``/package.Service/Method``."""
    rule: Rule
    """What it takes."""
    metadata: Mapping[str, str]
    """What the client sent along, by small letters."""
    address: str
    """Where it comes from."""
    id: str
    """Its id: the client's own, or one made for it."""
    principal: Principal = NOBODY
    """Who makes it, once known."""
    pairs: dict[str, Any] = field(default_factory=dict)
    """What is logged of it; verbs add to it."""
    code: grpc.StatusCode = Code.OK
    """How it ended."""
    reason: str = ""
    """Kind of problem; empty: none."""
    clients_time: bool = False
    """True: what may run out is the client's own time, by its deadline or its silence."""


class Guarded(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Around every method of every service of the server."""

    def __init__(
        self, shared: Running, *, drain: Drain, proxies: Proxies, tracing: Tracing | None = None
    ) -> None:
        """Guard a server, to which proxies may tell who asks."""
        self._shared = shared
        self._drain = drain
        self._proxies = proxies
        self._tracing = tracing
        self._open = Permits(OPEN_CALLS)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Put everything that is common to all methods around one of them.

        Whatever a method's shape, the call is taken as a stream, which is the same on the wire:
        otherwise its message is read before anybody is asked who they are.
        """
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method

        async def answer(_requests: Any, context: Context) -> None:
            await self._answer(_call(method, context, self._proxies), handler, context)

        return grpc.stream_stream_rpc_method_handler(answer, None, None)

    async def _answer(self, call: _Call, handler: Handler, context: Context) -> None:
        started, refused = time.perf_counter(), None
        self._drain.count(context)
        context.set_trailing_metadata(((REQUEST_ID, call.id),))
        try:
            with self._shared.metrics.in_flight.track_inprogress():
                with self._span(call):
                    refused = await self._refusal(call, handler, context)
                if refused is not None:
                    trailing = ((REQUEST_ID, call.id), refused.metadata())
                    await context.abort(refused.code, refused.message, trailing)
        except asyncio.CancelledError:
            call.code = Code.CANCELLED
            raise
        finally:
            self._account(call, time.perf_counter() - started)

    async def _refusal(self, call: _Call, handler: Handler, context: Context) -> Refused | None:
        """Answer a call; None: that went well."""
        if self._drain.begun and call.rule is not OPEN:
            return _ended(call, stopping())
        try:
            await self._let_in(call)
            permits = self._open if call.rule is OPEN else self._shared.permits
            with permits.one():
                cut = await self._run(call, handler, context)
        except Abandoned:
            call.code = Code.CANCELLED
            return None  # there is nobody to tell
        except grpc.aio.AbortError:  # a servicer chose its own status, which the client has by now
            code = context.code()
            call.code = code if isinstance(code, Code) else _CODES.get(code, Code.UNKNOWN)
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, it ends as a status)
            return _ended(call, refusal(error))
        return _ended(call, stopping()) if cut else None

    async def _let_in(self, call: _Call) -> None:
        scope = call.rule.scope
        if scope is None:
            return
        admission = self._shared.admission
        shown = Shown(
            authorization=call.metadata.get("authorization"),
            api_key=call.metadata.get("x-api-key"),
            address=call.address,
        )
        call.principal = await admission.recognise(shown)
        call.principal.require(scope)
        await admission.count(call.principal, address=call.address)

    async def _run(self, call: _Call, handler: Handler, context: Context) -> bool:
        """Have a call answered within its time; True: the server stopped in the middle of it."""
        most = self._shared.assembly.settings.request_seconds
        endless = call.rule is OPEN or call.rule.long
        long = handler.request_streaming or (handler.response_streaming and endless)
        left = context.time_remaining()
        seconds = _shorter(left, None if long else most)
        call.clients_time = left is not None and (long or left <= most)
        patience = Patience(seconds)
        read = handler.request_deserializer or bytes
        incoming = Incoming(context, read, drain=self._drain, idle_seconds=most)
        caller = Caller(principal=call.principal, pairs=call.pairs)
        try:
            with waiting(patience), calling(caller):
                async with asyncio.timeout(seconds) as limit:
                    await _converse(handler, incoming, context)
        except InvalidRequest:
            if not incoming.cut:  # otherwise too little came because nothing more was read
                raise
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceeded(
                "the answer was not ready within the time of the request"
            ) from error
        finally:
            incoming.close()
            call.clients_time |= incoming.idle
            patience.give_up()  # whatever is still computed for it, nobody waits for
        return incoming.cut

    def _span(self, call: _Call) -> Any:
        if self._tracing is None or call.rule is OPEN:
            return nullcontext()
        return _traced(self._tracing, call)

    def _account(self, call: _Call, seconds: float) -> None:
        shared, status = self._shared, call.code.name
        shared.metrics.count_request(
            door="grpc", method="POST", route=call.method, status=_counted(call), seconds=seconds
        )
        if call.reason in _DENIALS:
            shared.metrics.count_denied(_DENIALS[call.reason])
        if call.rule is OPEN:
            if not logger.isEnabledFor(logging.DEBUG):
                return
        elif call.principal is not NOBODY:  # failed attempts are written where they are counted
            shown = {name: call.pairs[name] for name in AUDITED if name in call.pairs}
            shared.admission.note(
                call.principal,
                str(call.rule.scope),
                call.method,
                _outcome(call.code),
                **{"address": call.address, "id": call.id, "status": status, **shown},
            )
        log_line(
            logger,
            "request",
            method="gRPC",
            path=call.method,
            status=status,
            ms=round(seconds * 1000, 1),
            client=call.address,
            id=call.id,
            **({"reason": call.reason} if call.reason else {}),
            **call.pairs,
        )


@contextmanager
def _traced(tracing: Tracing, call: _Call) -> Iterator[None]:
    """Open a span around a call (https://opentelemetry.io/docs/specs/semconv/rpc/grpc)."""
    service, _, method = call.method.lstrip("/").partition("/")
    with tracing.request(f"{service}/{method}", call.metadata) as span:
        call.pairs["trace"] = trace_id(span)
        span.set_attribute("rpc.system", "grpc")
        span.set_attribute("rpc.service", service)
        span.set_attribute("rpc.method", method)
        span.set_attribute("satseek.request_id", call.id)
        try:
            yield
        finally:
            span.set_attribute("rpc.grpc.status_code", int(call.code.value[0]))


async def _converse(handler: Handler, incoming: Incoming, context: Context) -> None:
    """Call a method, whatever its shape, and send what it answers."""
    behaviour = _behaviour(handler)
    asked = incoming if handler.request_streaming else await incoming.only()
    answer = behaviour(asked, context)
    written = handler.response_serializer or bytes
    if not handler.response_streaming:
        await _send(context, written(await answer))
        return
    async with aclosing(answer) as answers:
        async for one in answers:
            await _send(context, written(one))


async def _send(context: Context, content: bytes) -> None:
    """Send a message; raises Abandoned where nobody is there to take it."""
    try:
        await context.write(content)
    except Exception as error:  # gRPC names none of those that it raises then
        raise Abandoned("the client went away before its answer was sent") from error


def _ended(call: _Call, refused: Refused) -> Refused:
    call.code, call.reason = refused.code, refused.reason
    return refused


def _behaviour(handler: Handler) -> Callable[[Any, Any], Any]:
    shapes = (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    )
    return cast("Callable[[Any, Any], Any]", next(one for one in shapes if one is not None))


def _shorter(left: float | None, most: float | None) -> float | None:
    """Return the sooner of the client's deadline and ours; None: there is neither."""
    known = [one for one in (left, most) if one is not None]
    return max(0.0, min(known)) if known else None


def _call(method: str, context: Context, proxies: Proxies) -> _Call:
    pairs = [pair for pair in context.invocation_metadata() or () if type(pair[1]) is str]
    metadata = dict(pairs)
    forwarded = [value for name, value in pairs if name == HEADER]
    return _Call(
        method=method,
        rule=rule(method),
        metadata=metadata,
        address=proxies.client(_address(context.peer()), forwarded),
        id=request_id(metadata.get(REQUEST_ID, "")),
    )


def _address(peer: str) -> str:
    """``ipv4:10.0.0.7:50312`` → ``10.0.0.7``; ``ipv6:%5B::1%5D:50312`` → ``::1``."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return "-"
    return unquote(rest).rpartition(":")[0].strip("[]") or "-"


def _counted(call: _Call) -> str:
    """Name the status that figures have: a client whose own time ran out has gone away."""
    late = call.code is Code.DEADLINE_EXCEEDED and call.clients_time
    return str((Code.CANCELLED if late else call.code).name)


def _outcome(code: grpc.StatusCode) -> str:
    if code is Code.OK:
        return "done"
    failed = {Code.INTERNAL, Code.DATA_LOSS, Code.UNKNOWN, Code.CANCELLED}
    return "failed" if code in failed else "refused"
