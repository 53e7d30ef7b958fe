"""An assembly → what all routes of one application share: threads, permits, figures, readiness.

Does not know the routes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from satseek.errors import SatseekError
from satseek.logs import log_line
from satseek.service.limits import Permits
from satseek.service.metrics import Metrics
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.assemble import Assembly

T = TypeVar("T")

logger = logging.getLogger(__name__)

DECODERS = 2
"""Images decoded at once: one of the largest allowed takes up to a gigabyte meanwhile."""

WARM_TEXT = "a satellite image"
"""Embedded once before the service calls itself ready: the first run of a tower is slower."""


@dataclass(slots=True)
class Readiness:
    """Whether the model is loaded; written by the loading task only."""

    ready: bool = False
    """True once a text has been embedded."""
    reason: str = "the model is being loaded"
    """Why not, while it is not."""


@dataclass(frozen=True, slots=True)
class Running:
    """What all routes of one application share."""

    assembly: Assembly
    """The working parts."""
    permits: Permits
    """How much is worked on at once."""
    threads: CapacityLimiter
    """Threads for towers and index, so that the event loop stays free."""
    decoders: CapacityLimiter
    """Threads for decoding images: fewer, as memory is short before processors are."""
    metrics: Metrics = field(default_factory=Metrics)
    """Figures."""
    readiness: Readiness = field(default_factory=Readiness)
    """Whether the model is loaded."""

    @classmethod
    def of(cls, assembly: Assembly) -> Running:
        """Make room for as many requests as the settings allow."""
        count = assembly.settings.max_concurrent_requests
        return cls(assembly, Permits(count), CapacityLimiter(count), CapacityLimiter(DECODERS))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run what computes or reads off the event loop."""
        return await to_thread.run_sync(work, limiter=self.threads)

    async def in_decoder(self, work: Callable[[], T]) -> T:
        """Run what decodes an image off the event loop, few at once; the others wait."""
        return await to_thread.run_sync(work, limiter=self.decoders)

    async def load(self) -> None:
        """Load the model; a refusal is logged and shown by the readiness probe."""
        try:
            await to_thread.run_sync(self._warm_up)
        except SatseekError as error:
            self.readiness.reason = without_folders(str(error))
            logger.error("no model: %s", error)  # noqa: TRY400 (one line for the operator)
        else:
            self.readiness.ready = True

    def _warm_up(self) -> None:
        embedder = self.assembly.embedder
        embedder.embed_texts([WARM_TEXT])
        log_line(logger, "ready", model=f"{embedder.card.name}@{embedder.card.version}")


def running(request: Request) -> Running:
    """Return what the application of this request shares."""
    shared: Running = request.app.state.running
    return shared
