"""Rows of runs, and whatever else lies on the ground → pages of REST: GeoJSON, or lines of a table.

Knows the wire only; which rows somebody sees is known to ``runs``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from satseek.service.calling import caller
from satseek.service.describing import FEATURE, PROBLEM
from satseek.service.monitor.runs import rows_of
from satseek.service.negotiating import GEOJSON
from satseek.service.paging import link_header, next_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from satseek.monitor.runs.drafting import Row
    from satseek.monitor.runs.run import RunKind
    from satseek.service.monitor.runs import RowPage
    from satseek.service.running import Running

FileName = Annotated[str, PathParameter(max_length=400, description="Name of the file.")]

FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": {}}},
    206: {"description": "The part that `Range` asks for."},
    304: {"description": "You have it: `If-None-Match` names its `ETag`."},
    404: PROBLEM,
    416: PROBLEM,
}
"""How a file that a run left is answered."""

FEATURES: dict[str, Any] = {
    "type": "object",
    "required": ["type", "features", "next"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": FEATURE},
        "next": {"type": ["string", "null"], "description": "Path of the next page."},
    },
}
"""A page of GeoJSON."""

GEO: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page.", "content": {GEOJSON: {"schema": FEATURES}}},
    404: PROBLEM,
    409: PROBLEM,
}
"""How it is answered."""


class RowsAnswer(BaseModel):
    """One page of a table."""

    model_config = ConfigDict(frozen=True)

    rows: list[dict[str, Any]]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


async def features_of_run(
    request: Request,
    kind: RunKind,
    name: str,
    table: str,
    *,
    cursor: str | None,
    limit: int,
    where: Mapping[str, str | None],
    shared: Running,
) -> Response:
    """Answer with a page of a table whose rows are Features; takes and raises as ``rows_of``."""
    page = await _page(
        request, kind, name, table, cursor=cursor, limit=limit, where=where, shared=shared
    )
    return features_answer(request, page.rows, page.cursor)


async def rows_of_run(
    request: Request,
    response: Response,
    kind: RunKind,
    name: str,
    table: str,
    *,
    cursor: str | None,
    limit: int,
    shared: Running,
) -> RowsAnswer:
    """Answer with a page of a table; takes and raises as ``rows_of``."""
    page = await _page(
        request, kind, name, table, cursor=cursor, limit=limit, where={}, shared=shared
    )
    path = next_path(request, page.cursor)
    response.headers.update(link_header(path))
    return RowsAnswer(rows=page.rows, next=path)


def features_answer(request: Request, features: list[Row], cursor: str | None) -> Response:
    """Answer with a page of GeoJSON."""
    path = next_path(request, cursor)
    content = {"type": "FeatureCollection", "features": features, "next": path}
    return Response(json.dumps(content), media_type=GEOJSON, headers=link_header(path))


async def _page(
    request: Request,
    kind: RunKind,
    name: str,
    table: str,
    *,
    cursor: str | None,
    limit: int,
    where: Mapping[str, str | None],
    shared: Running,
) -> RowPage:
    return await rows_of(
        kind,
        name,
        table,
        cursor=cursor,
        limit=limit,
        where=where,
        shared=shared,
        caller=caller(request),
    )
