"""A change that somebody asks for → lines of the audit trail around it.

Does not know what changes. What cannot be written down is not done.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError

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
    caller.pairs.update(action=action, target=target)
    audit = shared.admission.audit

    async def write(outcome: str, **more: Any) -> None:
        await shared.in_thread(
            lambda: audit.append(caller.principal, action, target, outcome, **pairs, **more)
        )

    await write("begun")
    try:
        yield
    except SatseekError as error:
        await write("refused", reason=type(error).__name__)
        raise
    await write("done")
