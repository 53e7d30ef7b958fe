"""A call at the gRPC door → who makes it and how long they wait, for the servicers behind the door.

Does not know how anybody was recognised: the interceptor did that before the servicer was called.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from satseek.embed.patience import Patience, current_patience, waiting
from satseek.service.calling import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

_CURRENT: ContextVar[Caller] = ContextVar("satseek_rpc_caller")


def current_caller() -> Caller:
    """Return who makes the call that this computes for, as the interceptor left it.

    Raises:
        LookupError: this runs in no call.
    """
    return _CURRENT.get()


@contextmanager
def calling(caller: Caller) -> Iterator[Caller]:
    """Compute what is inside for somebody."""
    token = _CURRENT.set(caller)
    try:
        yield caller
    finally:
        _CURRENT.reset(token)


@contextmanager
def waiting_for_one(seconds: float) -> Iterator[Patience]:
    """Compute one item of a stream: so many seconds from now, and no longer than the whole stream.

    A stream may go on for hours; each of its items is waited for as long as a request of its own.
    """
    whole = current_patience()
    left = whole.left()
    patience = Patience(seconds if left is None else min(seconds, left))
    forget = whole.on_give_up(patience.give_up)
    try:
        with waiting(patience):
            yield patience
    except asyncio.CancelledError:
        patience.give_up()
        raise
    finally:
        forget()
