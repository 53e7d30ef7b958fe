"""A change that somebody asks for → lines of the audit trail around it.

Does not know what changes. What cannot be written down is not done.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import CancelScope

from satseek.embed.patience import Patience, waiting
from satseek.errors import DamagedData, DiskFull, SatseekError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from satseek.service.calling import Caller
    from satseek.service.running import Running


@asynccontextmanager
async def record(
    action: str, target: str, *, shared: Running, caller: Caller, **pairs: Any
) -> AsyncIterator[None]:
    """Write down what is about to be done, and afterwards what came of it.

    Raises:
        DiskFull, DamagedData: it cannot be written down; nothing was done.
    """
    audit = shared.admission.audit

    def append(outcome: str, **more: Any) -> None:
        audit.append(caller.principal, action, target, outcome, **pairs, **more)

    async def end(outcome: str, **more: Any) -> None:
        """Write what came of it, also where nobody waits for it any more."""

        def write() -> None:
            try:
                append(outcome, **more)
            except (DiskFull, DamagedData):  # it is done: all that is left is to say so later
                audit.note(caller.principal, action, target, outcome, **pairs, **more)

        with CancelScope(shield=True), waiting(Patience()):
            await shared.in_thread(write)

    await shared.in_thread(lambda: append("begun"))
    caller.pairs.update(action=action, target=target)
    try:
        yield
    except SatseekError as error:
        await end("refused", reason=type(error).__name__)
        raise
    except BaseException as error:
        await end("failed", reason=type(error).__name__)
        raise
    await end("done")
