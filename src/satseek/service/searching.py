"""``/v1/search``: a request → hits, as JSON or as GeoJSON.

Knows the use-case and the wire, nothing of how hits are found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi import Query as QueryParameter
from starlette.requests import Request
from starlette.responses import Response

from satseek.search.geojson import feature_collection, hit_feature
from satseek.service.bodies import read_body, validated
from satseek.service.calling import caller
from satseek.service.describing import SEARCH_BODY, SEARCH_RESPONSES
from satseek.service.messages import (
    DEFAULT_K,
    HitShown,
    ModelShown,
    SearchAnswer,
    SearchAsked,
)
from satseek.service.negotiating import GEOJSON, Format, form_of
from satseek.service.running import Running, running
from satseek.service.verbs import Found, find

if TYPE_CHECKING:
    from satseek.types import Hit

router = APIRouter(tags=["search"])

Shared = Annotated[Running, Depends(running)]


@router.post(
    "/v1/search", summary="Find chips", openapi_extra=SEARCH_BODY, responses=SEARCH_RESPONSES
)
async def post_search(request: Request, shared: Shared) -> Response:
    """Find the chips nearest to words, an image, liked chips, or all of them together."""
    asked, image = await read_body(request, SearchAsked, shared=shared)
    return await _answer(asked, image, shared, request=request, form=form_of(request))


@router.get("/v1/search", summary="Find chips by words", responses=SEARCH_RESPONSES)
async def get_search(
    request: Request,
    shared: Shared,
    *,
    text: Annotated[str, QueryParameter(description="Words to look for.")],
    collection: Annotated[
        str | None, QueryParameter(description="Left out: the only one, or `default`.")
    ] = None,
    bbox: Annotated[
        str | None, QueryParameter(description="West,south,east,north in degrees.")
    ] = None,
    start: Annotated[str | None, QueryParameter(description="Earliest date.")] = None,
    end: Annotated[str | None, QueryParameter(description="Latest date, inclusive.")] = None,
    k: Annotated[int, QueryParameter(description="Number of hits.")] = DEFAULT_K,
    f: Format = None,
) -> Response:
    """Find the chips nearest to words: an address that a GIS can open as it is."""
    fields = {"text": text, "collection": collection, "start": start, "end": end, "k": k}
    asked = validated(SearchAsked, fields | {"bbox": bbox or None})
    return await _answer(asked, None, shared, request=request, form=form_of(request, f))


async def _answer(
    asked: SearchAsked, image: bytes | None, shared: Running, *, request: Request, form: str
) -> Response:
    root = request.scope.get("root_path", "")
    write = _geojson if form == GEOJSON else _json
    content = await find(
        asked, image, shared=shared, caller=caller(request), write=lambda one: write(one, root)
    )
    return Response(content, media_type=form, headers={"vary": "accept"})


def thumbnail_path(name: str, chip_id: str, *, root: str = "") -> str:
    """Path under which a JPEG of a chip is served."""
    return f"{root}/v1/collections/{quote(name, safe='')}/thumbnail?chip={quote(chip_id, safe='')}"


def _json(one: Found, root: str) -> bytes:
    name, answer, card = one.collection, one.answer, one.card
    shown = SearchAnswer(
        collection=name,
        model=ModelShown(name=card.name, version=card.version),
        plan=answer.plan,
        generation=answer.generation,
        seconds=answer.seconds,
        hits=[_shown(hit, thumbnail_path(name, hit.chip.id, root=root)) for hit in answer.hits],
    )
    return shown.model_dump_json().encode()


def _shown(hit: Hit, thumbnail: str) -> HitShown:
    scores = {str(kind): value for kind, value in hit.scores.items()}
    return HitShown.of(hit.chip, thumbnail=thumbnail, rank=hit.rank, scores=scores)


def _geojson(one: Found, root: str) -> bytes:
    name, answer, card = one.collection, one.answer, one.card
    content = feature_collection(
        (),
        collection=name,
        model={"name": card.name, "version": card.version},
        plan=answer.plan,
        generation=answer.generation,
        seconds=answer.seconds,
    )
    for hit in answer.hits:
        feature = hit_feature(hit)
        feature["properties"]["thumbnail"] = thumbnail_path(name, hit.chip.id, root=root)
        content["features"].append(feature)
    return json.dumps(content).encode()
