"""An assembly → the application that answers HTTP.

Puts routes and layers together; knows nothing that they do.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from satseek.errors import DependencyMissing, InvalidSettings, SatseekError
from satseek.service import (
    chips,
    classifying,
    collections,
    concepts,
    dates,
    embedding,
    exporting,
    health,
    jobbing,
    modelling,
    openai,
    scheduling,
    searching,
    stocks,
    tabulating,
    tiling,
    tiling_describing,
)
from satseek.service.access.guarding import Guarded
from satseek.service.access.login import login_routes
from satseek.service.documenting import add_document
from satseek.service.draining import Draining
from satseek.service.features import routes as ogc
from satseek.service.following import follow
from satseek.service.inference import rest
from satseek.service.limits import Limited
from satseek.service.listing import add_listing
from satseek.service.monitor import (
    alerts,
    assessments,
    findings,
    landuse,
    parcels,
    reports,
    samples,
    watches,
)
from satseek.service.observing import Observed
from satseek.service.problems import register
from satseek.service.references import check_references
from satseek.service.rpc.attaching import attached
from satseek.service.running import Running
from satseek.service.stac import routes as stac
from satseek.service.tracing import Traced, Tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from satseek.assemble import Assembly

ROUTERS = (
    searching.router,
    exporting.router,
    classifying.router,
    embedding.router,
    collections.router,
    stocks.router,
    dates.router,
    chips.router,
    tabulating.router,
    tiling.router,
    tiling_describing.router,
    concepts.router,
    modelling.router,
    jobbing.router,
    scheduling.router,
    findings.router,
    samples.router,
    alerts.router,
    reports.router,
    landuse.router,
    watches.router,
    parcels.router,
    assessments.router,
    health.router,
    rest.router,
    openai.router,
    ogc.router,
    stac.router,
)
"""Every route, in the order of the listing."""

UNKNOWN = (
    *(f"/{door}/{{rest:path}}" for door in ("v1", "v2", "ogc", "stac")),
    *("/v2", "/livez", "/readyz", "/metrics"),
)
"""What no route takes below these paths is refused as a problem document."""

DESCRIPTION = (
    "Search satellite imagery with words. Scores carry their names: cosine, match, share, "
    "percentile; none of them is a probability. Two doors beside these follow standards and "
    "describe themselves: the STAC API under /stac, OGC API Features under /ogc."
)


def create_application(assembly: Assembly) -> FastAPI:
    """Build the application; the model is loaded while it already answers probes."""
    check_references(assembly.settings)
    running = Running.of(assembly)
    application = FastAPI(
        title="satseek",
        version=version("satseek"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # both fetch their scripts from outside addresses
        redoc_url=None,
        redirect_slashes=False,
    )
    application.state.running = running
    register(application)
    # Not by include_router, which would make each of them anew while the first request waits.
    application.router.routes.extend(route for router in ROUTERS for route in router.routes)
    application.router.routes.extend(login_routes(running.admission, settings=assembly.settings))
    add_document(application)
    add_listing(application)
    for path in UNKNOWN:
        application.router.routes.append(Route(path, _Unknown(), include_in_schema=False))
    limit = assembly.settings.max_upload_bytes
    settings = assembly.settings
    application.add_middleware(
        Limited,
        permits=running.permits,
        max_bytes=limit,
        seconds=settings.request_seconds,
        refusal=lambda: running.refusal("image"),
    )
    application.add_middleware(
        Guarded, admission=running.admission, settings=settings, metrics=running.metrics
    )
    endpoint = assembly.settings.otlp_endpoint
    application.state.tracing = Tracing.to(endpoint) if endpoint else None
    if endpoint:
        application.add_middleware(Traced, tracing=application.state.tracing)
    application.add_middleware(Draining, readiness=running.readiness)
    application.add_middleware(Observed, metrics=running.metrics)  # the outermost
    return application


class _Unknown:
    """Whatever no route takes, by any method at all."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Refuse it."""
        raise _refusal(scope)


def _refusal(scope: Scope) -> HTTPException:
    """Tell a path that does not exist from a method that it does not take."""
    named: set[str] = set()
    matching: set[str] = set()
    for route in (one for router in ROUTERS for one in router.routes):
        matched, _ = route.matches({**scope, "path_params": {}})
        if matched is Match.PARTIAL:
            own = getattr(route, "methods", None) or set()
            matching |= own
            named |= own if getattr(route, "path", "") == scope["path"] else set()
    methods = named or matching
    if methods:
        allow = ", ".join(sorted(methods))
        return HTTPException(405, f"this path takes {allow}", {"allow": allow})
    return HTTPException(404, "there is no such path; /docs lists those there are")


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    running: Running = application.state.running
    following = asyncio.create_task(follow(running))
    if running.worker is not None:
        running.worker.start()
    running.sampling.start(running.assembly)
    warming = asyncio.create_task(running.in_thread(running.decoding.warm_up))
    try:
        async with contextlib.AsyncExitStack() as doors:
            await _open(doors, application)
            yield
    finally:
        if running.worker is not None:
            await asyncio.to_thread(running.worker.stop)
        await asyncio.to_thread(running.sampling.stop)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(running.decoding.close)
        with contextlib.suppress(asyncio.CancelledError, SatseekError):
            await warming
        running.jobs.close()
        running.answers.close()
        await asyncio.to_thread(running.monitor.close)
        running.assembly.close()
        await running.admission.close()
        if application.state.tracing is not None:
            await asyncio.to_thread(application.state.tracing.close)


async def _open(doors: contextlib.AsyncExitStack, application: FastAPI) -> None:
    """Open the door beside HTTP; where that cannot be, have the server end and say so."""
    running, tracing = application.state.running, application.state.tracing
    try:
        await doors.enter_async_context(attached(running, tracing=tracing))
    except (DependencyMissing, InvalidSettings) as error:
        end = getattr(application.state, "end", None)
        if end is None:  # no server of ours, which would show a traceback instead
            raise
        end(error)
