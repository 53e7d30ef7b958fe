"""Requests and the steps of their work → OpenTelemetry spans, where a collector is configured.

Knows no route. The only file that knows OpenTelemetry; without an address nothing of it is loaded.
Spans carry names, numbers and ids, never words, images or credentials.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

EXPORT_SECONDS = 2.0
"""Longest wait for the collector: one that is gone must not hold up the end of the process."""

_TRACER: ContextVar[Any] = ContextVar("satseek_tracer", default=None)


class Tracing:
    """Where the spans of one application go."""

    def __init__(self, provider: Any) -> None:
        """Take OpenTelemetry's tracer provider."""
        self._provider = provider
        self._tracer = provider.get_tracer("satseek", version("satseek"))

    @classmethod
    def to(cls, endpoint: str) -> Tracing:
        """Send spans to a collector, such as ``http://collector:4318`` (OTLP over HTTP).

        Raises:
            DependencyMissing: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
                OTLPSpanExporter,
            )
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise DependencyMissing(
                "traces need OpenTelemetry: pip install 'satseek[telemetry]'; "
                "or unset otlp_endpoint"
            ) from error
        resource = Resource.create(
            {"service.name": "satseek", "service.version": version("satseek")}
        )
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    @contextmanager
    def request(self, name: str, carrier: Mapping[str, str]) -> Iterator[Any]:
        """Trace one request, as part of the caller's trace where ``carrier`` names one.

        Args:
            name: Such as ``POST /v1/search``; it may be changed on the span.
            carrier: Header or metadata names, in small letters, with their values (W3C Trace
                Context, https://www.w3.org/TR/trace-context).
        """
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        parent = TraceContextTextMapPropagator().extract(carrier)
        token = _TRACER.set(self._tracer)
        try:
            with self._tracer.start_as_current_span(
                name, context=parent, kind=SpanKind.SERVER
            ) as span:
                yield span
        finally:
            _TRACER.reset(token)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()


@contextmanager
def step(name: str, **attributes: str | float | bool) -> Iterator[None]:
    """Trace one step of a request, in whatever thread it runs; costs nothing where none is."""
    tracer = _TRACER.get()
    if tracer is None:
        yield
        return
    with tracer.start_as_current_span(
        name, attributes={f"satseek.{key}": value for key, value in attributes.items()}
    ):
        yield


def trace_id(span: Any) -> str:
    """The trace's id as collectors show it: 32 hex digits."""
    return f"{span.get_span_context().trace_id:032x}"


class Traced:
    """ASGI middleware that opens a span for every request of a route."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request inside of its span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with self._tracing.request(scope["method"], carrier) as span:
            scope["satseek.pairs"]["trace"] = trace_id(span)

            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    _describe(span, scope, message["status"])
                await send(message)

            await self._app(scope, receive, sent)


def _describe(span: Any, scope: Scope, status: int) -> None:
    """Name a span as the semantic conventions for HTTP want it (OpenTelemetry 1.27)."""
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str) and route:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("satseek.request_id", scope.get("satseek.request_id", ""))
    if status >= 500:  # noqa: PLR2004 (server errors, RFC 9110 15.6)
        span.set_status(Status(StatusCode.ERROR))
