"""``/v1/search``: a request → hits, as JSON or as GeoJSON.

Knows the use-case and the wire, nothing of how hits are found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi import Query as QueryParameter
from starlette.requests import Request
from starlette.responses import Response

from satseek.search.geojson import feature_collection, hit_feature
from satseek.service.bodies import read_body, validated
from satseek.service.calling import caller
from satseek.service.describing import SEARCH_BODY, SEARCH_RESPONSES
from satseek.service.explaining import shown_explanation
from satseek.service.messages import (
    DEFAULT_K,
    HitShown,
    ModelShown,
    SearchAnswer,
    SearchAsked,
    SourceShown,
)
from satseek.service.negotiating import GEOJSON, Format, form_of
from satseek.service.running import Running, running
from satseek.service.verbs import Found, find

if TYPE_CHECKING:
    from satseek.types import Hit, ModelCard

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
    text: Annotated[
        str | None, QueryParameter(description="Words to look for, in English or Chinese.")
    ] = None,
    concept: Annotated[
        str | None, QueryParameter(description="A saved concept, such as `mines`.")
    ] = None,
    collection: Annotated[
        list[str] | None,
        QueryParameter(
            description="Left out: the only one, or `default`. Several times: all of them "
            "together; `*`: all that you may see."
        ),
    ] = None,
    rank_by: Annotated[
        str, QueryParameter(description="Over several collections: `cosine` or `percentile`.")
    ] = "cosine",
    bbox: Annotated[
        str | None, QueryParameter(description="West,south,east,north in degrees.")
    ] = None,
    area: Annotated[
        str | None, QueryParameter(description="A polygon instead, as GeoJSON or WKT.")
    ] = None,
    area_crs: Annotated[
        str | None, QueryParameter(description="Its CRS, such as `EPSG:25833`.")
    ] = None,
    start: Annotated[str | None, QueryParameter(description="Earliest date.")] = None,
    end: Annotated[str | None, QueryParameter(description="Latest date, inclusive.")] = None,
    where: Annotated[
        list[str] | None,
        QueryParameter(
            description="Condition such as `eo:cloud_cover<=20`; several hold together."
        ),
    ] = None,
    level: Annotated[
        list[int] | None, QueryParameter(description="Only chips of this size.")
    ] = None,
    least: Annotated[float | None, QueryParameter(description="Least percentile of a hit.")] = None,
    group_by: Annotated[
        str | None, QueryParameter(description="`place` or `scene`: one hit of each.")
    ] = None,
    duplicate_cosine: Annotated[
        float | None,
        QueryParameter(description="Cosine with a better hit from which one is left out."),
    ] = None,
    explain: Annotated[
        bool | None, QueryParameter(description="Say how the hits were found.")
    ] = None,
    k: Annotated[
        int | None,
        QueryParameter(description=f"Number of hits; left out: {DEFAULT_K}, or all above `least`."),
    ] = None,
    f: Format = None,
) -> Response:
    """Find the chips nearest to words, or to a concept: an address that a GIS can open as it is."""
    names = collection or []
    several = len(names) > 1 or "*" in names
    fields: dict[str, Any] = {
        "text": text,
        "concept": concept,
        "collection": names[0] if names and not several else None,
        "collections": names if several else None,
        "rank_by": rank_by,
        "bbox": bbox or None,
        "area": area,
        "area_crs": area_crs,
        "start": start,
        "end": end,
        "where": where,
        "levels": level,
        "least": least,
        "group_by": group_by,
        "duplicate_cosine": duplicate_cosine,
        "explain": explain,
        "k": k,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    asked = validated(SearchAsked, given)
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
    answer = one.answer
    shown = SearchAnswer(
        collection=one.collection,
        model=_model(one.card),
        plan=answer.plan,
        generation=answer.generation,
        seconds=answer.seconds,
        translated=answer.translated,
        weight=answer.weight,
        concept=one.concept,
        warnings=list(one.warnings),
        sources=[
            SourceShown(
                collection=source.collection,
                model=_model(source.card),
                plan=source.plan,
                generation=source.generation,
            )
            for source in one.sources
        ],
        explanation=shown_explanation(one),
        hits=[_shown(hit, one.place_of(hit), root=root) for hit in answer.hits],
    )
    return shown.model_dump_json().encode()


def _model(card: ModelCard) -> ModelShown:
    return ModelShown(name=card.name, version=card.version)


def _shown(hit: Hit, place: str, *, root: str) -> HitShown:
    return HitShown.of(
        hit.chip,
        thumbnail=thumbnail_path(place, hit.chip.id, root=root),
        rank=hit.rank,
        collection=place,
        scores={str(kind): value for kind, value in hit.scores.items()},
    )


def _geojson(one: Found, root: str) -> bytes:
    answer, card = one.answer, one.card
    explanation = shown_explanation(one)
    content = feature_collection(
        (),
        collection=one.collection,
        collections=[source.collection for source in one.sources],
        model={"name": card.name, "version": card.version},
        plan=answer.plan,
        generation=answer.generation,
        seconds=answer.seconds,
        translated=answer.translated,
        concept=one.concept,
        warnings=list(one.warnings),
        **({} if explanation is None else {"explanation": explanation.model_dump()}),
    )
    for hit in answer.hits:
        feature, place = hit_feature(hit), one.place_of(hit)
        thumbnail = thumbnail_path(place, hit.chip.id, root=root)
        feature["properties"].update(collection=place, thumbnail=thumbnail)
        content["features"].append(feature)
    return json.dumps(content).encode()
