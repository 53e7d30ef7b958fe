"""Activations and rollbacks in the store → the model that this server answers with.

Knows no route. A successor is opened, checked and warm before anything changes; until then, and
where it is refused, the model in force goes on answering.
"""

from __future__ import annotations

import asyncio
import logging
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


async def follow(shared: Running) -> None:
    """Put the wanted model in force, then every later one, until cancelled."""
    seen = await _state(shared)
    await change_model(shared)
    while not shared.assembly.models.pinned:
        await asyncio.sleep(POLL_SECONDS)
        state = await _state(shared)
        if state not in (seen, None):
            seen = state
            await change_model(shared)


async def change_model(shared: Running) -> None:
    """Put in force what is wanted now, once it is warm; a refusal is logged and shown."""
    models, readiness = shared.assembly.models, shared.readiness
    try:
        successor = await to_thread.run_sync(models.successor)
    except SatseekError as error:
        _refuse(shared, str(error))
        return
    except Exception as error:  # whatever a runtime makes of a file: the one in force goes on
        logger.exception("model: its successor failed")
        _refuse(shared, f"{type(error).__name__}: {error}")
        return
    readiness.refused = ""
    if successor is None:
        return
    before, readiness.model = readiness.model, successor.ref
    models.swap(successor)
    shared.metrics.count_swap("done")
    log_line(
        logger,
        "model in force",
        model=readiness.model,
        engine=successor.choices[0].name,
        before=before or "none",
    )


def _refuse(shared: Running, reason: str) -> None:
    readiness = shared.readiness
    shared.metrics.count_swap("refused")
    if readiness.ready:
        readiness.refused = without_folders(reason)
        logger.error("model refused, %s stays in force: %s", readiness.model, reason)
    else:
        readiness.reason = without_folders(reason)
        logger.error("no model: %s", reason)


async def _state(shared: Running) -> tuple[int, ...] | None:
    """Ask the store for its state; None where it has none, or none that can be read now."""
    try:
        return await to_thread.run_sync(shared.assembly.models.state_token)
    except (SatseekError, OSError) as error:
        logger.warning("model store: %s", error)
        return None
