"""An endpoint → a route that refuses as standards want it: 400 for whatever cannot be asked.

The product's own interface answers 422 there; clients of standards test for 400.
"""

from __future__ import annotations

import functools
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from satseek.errors import InvalidName, InvalidRequest
from satseek.service.access.policy import rule
from satseek.service.calling import caller
from satseek.service.problems import problem
from satseek.service.running import Running, running
from satseek.service.withholding import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    Endpoint: TypeAlias = Callable[[Request, Running], Awaitable[Response]]


def route(path: str, endpoint: Endpoint, *, method: str = "GET") -> Route:
    """Make a route; one that is read answers HEAD as well."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        if rule(path).read is not None:
            caller(request).principal.require("search")
        try:
            return await endpoint(request, await running(request))
        except InvalidName as error:  # could be no collection's: there is none
            raise HTTPException(HTTPStatus.NOT_FOUND, told(error)) from error
        except RequestValidationError as error:
            return _refused(InvalidRequest(_first(error)), request)
        except InvalidRequest as error:
            return _refused(error, request)

    return Route(path, answer, methods=[method], include_in_schema=False)


def _refused(error: InvalidRequest, request: Request) -> Response:
    return problem(
        HTTPStatus.BAD_REQUEST,
        kind=type(error).__name__,
        title=(type(error).__doc__ or "").strip().splitlines()[0],
        detail=told(error),
        scope=request.scope,
    )


def _first(error: RequestValidationError) -> str:
    wrong = error.errors()[0]
    return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"


def written(
    content: Mapping[str, Any], kind: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON of some media type."""
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    return Response(body, media_type=kind, headers=dict(headers or {}))
