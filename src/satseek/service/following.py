"""Activations and rollbacks in the store → the model that this server answers with.

Knows no route. What is wanted is opened, checked and warm before anything changes; until then, and
where it is refused, the model in force goes on answering.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from anyio import to_thread

from satseek.errors import SatseekError
from satseek.logs import log_line
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from satseek.service.running import Running

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""How often the store is asked, with one small file: an activation is noticed within a second."""

RETRY_SECONDS = 60.0
"""How often what was refused is tried again, which reads a whole model: its files may have been put
right, or its disk mounted."""


async def follow(shared: Running) -> None:
    """Put the wanted model in force, then every later one, until cancelled."""
    pinned, readiness = shared.assembly.models.pinned, shared.readiness
    seen = await _state(shared)
    await change_model(shared)
    tried = time.monotonic()
    while not (pinned and readiness.ready):
        await asyncio.sleep(POLL_SECONDS)
        state = seen if pinned else await _state(shared)
        refused = readiness.refused or not readiness.ready
        if state not in (seen, None) or (refused and time.monotonic() - tried >= RETRY_SECONDS):
            seen = state or seen
            await change_model(shared)
            tried = time.monotonic()


async def change_model(shared: Running) -> None:
    """Put in force what is wanted now, once it is warm; a refusal is logged and shown."""
    models, readiness = shared.assembly.models, shared.readiness
    try:
        wanted = await to_thread.run_sync(models.wanted)
    except SatseekError as error:
        _refuse(shared, str(error))
        return
    except Exception as error:  # noqa: BLE001 (whatever a runtime makes of a file: it is logged)
        _refuse(shared, f"{type(error).__name__}: {error}", cause=error)
        return
    readiness.refused = readiness.reason = ""
    if wanted.ref == readiness.model:
        return
    before, readiness.model = readiness.model, wanted.ref
    models.swap(wanted)
    shared.metrics.count_swap("done")
    log_line(
        logger,
        "model in force",
        model=readiness.model,
        engine=wanted.choices[0].name,
        before=before or "none",
    )


def _refuse(shared: Running, reason: str, *, cause: Exception | None = None) -> None:
    """Say why there is no other model; the same again is not said again."""
    readiness, shown = shared.readiness, without_folders(reason)
    if shown in (readiness.refused, readiness.reason):
        return
    shared.metrics.count_swap("refused")
    if readiness.ready:
        readiness.refused = shown
        text = "model refused, %s stays in force: %s"
        logger.error(text, readiness.model, reason, exc_info=cause)
    else:
        readiness.reason = shown
        logger.error("no model: %s", reason, exc_info=cause)


async def _state(shared: Running) -> tuple[int, ...] | None:
    """Ask the store for its state; None where it has none, or none that can be read now."""
    try:
        return await to_thread.run_sync(shared.assembly.models.state_token)
    except (SatseekError, OSError) as error:
        logger.warning("model store: %s", error)
        return None
