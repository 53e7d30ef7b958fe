"""Probes, metrics and the model's card.

Probes never wait for the model or for a permit.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from satseek.jobs.queues import state_of
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.problems import problem
from satseek.service.running import Running, running

router = APIRouter(tags=["operation"])

Shared = Annotated[Running, Depends(running)]

DRAINING = "draining: the server is stopping, and finishes what it has taken"
"""Why a server that ends is not ready."""


@router.get("/livez", summary="Is the process alive?")
async def live() -> dict[str, str]:
    """Answer as long as the event loop turns."""
    return {"status": "live"}


@router.get(
    "/readyz",
    summary="Is the model loaded?",
    response_model=dict[str, str],
    responses={503: PROBLEM},
)
async def ready(request: Request, shared: Shared) -> Any:
    """Answer 503 until a model is warm, and once the server ends; else which, and what is away."""
    readiness = shared.readiness
    if readiness.stopping:
        return _not_ready(DRAINING, request)
    if readiness.ready:
        refused = {"refused": readiness.refused} if readiness.refused else {}
        state = await shared.assembly.caches.redis_state()
        redis = {"redis": state} if state else {}  # told, but no reason not to be ready
        state = await asyncio.to_thread(state_of, shared.jobs)
        queue = {"queue": state} if state else {}  # likewise: searches go on without it
        return {"status": "ready", "model": readiness.model, **refused, **redis, **queue}
    return _not_ready(readiness.reason, request)


def _not_ready(reason: str, request: Request) -> Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        kind="NotReady",
        title="The service cannot answer searches now.",
        detail=reason,
        scope=request.scope,
    )


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(request: Request, shared: Shared) -> Response:
    """Show requests, latencies, queues, batches, caches, collections, the model in force."""
    who = caller(request).principal
    stocks = await shared.in_thread(lambda: shared.stocktaking.take(who))
    readiness = shared.readiness
    content = shared.metrics.write(
        stocks=stocks, model=readiness.model, refused=bool(readiness.refused)
    )
    return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})


@router.get("/v1/model", summary="Show the model's card", responses={503: PROBLEM})
async def model(shared: Shared) -> dict[str, Any]:
    """Show what the model in force is: version, shapes, licences, measured accuracy."""
    return await shared.in_thread(lambda: asdict(shared.assembly.model().card))
