"""A request → who asks it, for the verbs, and the id that it is told by.

Does not know how anybody was recognised: that was done before the request came here.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from satseek.service.access.principals import LOCAL

if TYPE_CHECKING:
    from starlette.requests import Request

    from satseek.service.access.principals import Principal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and where the request's log line is gathered."""

    principal: Principal = LOCAL
    """Who."""
    pairs: dict[str, Any] = field(default_factory=dict)
    """What is logged of the request beside its address; verbs add to it."""


def caller(request: Request) -> Caller:
    """Return who asks over HTTP, as authentication left it on the request."""
    scope = request.scope
    return Caller(
        principal=scope.get("satseek.principal", LOCAL), pairs=scope.get("satseek.pairs", {})
    )


def request_id(asked: str) -> str:
    """Return the id that a client gave its request, or one made for it where that is none."""
    return asked if _REQUEST_ID.fullmatch(asked) else secrets.token_hex(8)
