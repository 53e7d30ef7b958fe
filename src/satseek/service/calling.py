"""A request → who asks it, for the verbs.

Does not know how anybody was recognised: that was done before the request came here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from satseek.service.access.principals import LOCAL

if TYPE_CHECKING:
    from starlette.requests import Request

    from satseek.service.access.principals import Principal


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
