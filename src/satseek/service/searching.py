"""``/v1/search``: a request → hits, as JSON or as GeoJSON.

Knows the use-case and the wire, nothing of how hits are found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi import Query as QueryParameter
from starlette.requests import Request
from starlette.responses import Response

from satseek.index.checks import check_k
from satseek.search.filtering import read_filter
from satseek.search.geojson import feature_collection, hit_feature
from satseek.search.searching import search
from satseek.service.bodies import decode, read_body, validated
from satseek.service.describing import SEARCH_BODY, SEARCH_RESPONSES
from satseek.service.messages import DEFAULT_K, HitShown, ModelShown, SearchAnswer, SearchAsked
from satseek.service.negotiating import GEOJSON, JSON, preferred
from satseek.service.running import Running, running
from satseek.types import Query

if TYPE_CHECKING:
    from satseek.assemble import Matched
    from satseek.search.searching import Answer
    from satseek.types import Hit, ModelCard, Pixels

router = APIRouter(tags=["search"])

Shared = Annotated[Running, Depends(running)]


@router.post(
    "/v1/search", summary="Find chips", openapi_extra=SEARCH_BODY, responses=SEARCH_RESPONSES
)
async def post_search(request: Request, shared: Shared) -> Response:
    """Find the chips nearest to words, an image, liked chips, or all of them together."""
    asked, image = await read_body(request, SearchAsked, shared=shared)
    return await _answer(asked, image, shared, request=request, form=_form(request))


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
    f: Annotated[
        Literal["json", "geojson"] | None,
        QueryParameter(description="Format, for clients that cannot set the Accept header."),
    ] = None,
) -> Response:
    """Find the chips nearest to words: an address that a GIS can open as it is."""
    fields = {"text": text, "collection": collection, "start": start, "end": end, "k": k}
    asked = validated(SearchAsked, fields | {"bbox": bbox or None})
    form = {"json": JSON, "geojson": GEOJSON}[f] if f else _form(request)
    return await _answer(asked, None, shared, request=request, form=form)


async def _answer(
    asked: SearchAsked, image: bytes | None, shared: Running, *, request: Request, form: str
) -> Response:
    root = request.scope.get("root_path", "")
    write = _geojson if form == GEOJSON else _json

    check_k(asked.k)

    async def work(name: str, matched: Matched) -> tuple[Answer, bytes]:
        model = matched.model
        pixels = None if image is None else await decode(image, model.card, running=shared)
        query = _query(asked, pixels)

        def found() -> tuple[Answer, bytes]:
            with matched.pinned() as index:
                answer = search(query, index=index, embedder=model.embedder)
            return answer, write(name, answer, model.card, root)

        answer, content = await shared.in_thread(found)
        pairs: dict[str, Any] = request.scope["satseek.pairs"]
        pairs |= {"collection": name, "model": model.ref, "k": asked.k}
        pairs |= {"hits": len(answer.hits), "plan": answer.plan}
        return answer, content

    answer, content = await shared.with_collection(asked.collection, work)
    shared.metrics.count_search(answer)
    return Response(content, media_type=form, headers={"vary": "accept"})


def _query(asked: SearchAsked, image: Pixels | None) -> Query:
    return Query(
        text=asked.text,
        image=image,
        liked=tuple(asked.liked),
        disliked=tuple(asked.disliked),
        where=read_filter(bbox=asked.bbox, area=asked.area, start=asked.start, end=asked.end),
        k=asked.k,
    )


def thumbnail_path(name: str, chip_id: str, *, root: str = "") -> str:
    """Path under which a JPEG of a chip is served."""
    return f"{root}/v1/collections/{quote(name, safe='')}/thumbnail?chip={quote(chip_id, safe='')}"


def _json(name: str, answer: Answer, card: ModelCard, root: str) -> bytes:
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
    chip = hit.chip
    return HitShown(
        rank=hit.rank,
        chip=chip.id,
        scene=chip.scene_id,
        cell=chip.cell,
        datetime=chip.datetime.isoformat() if chip.datetime else None,
        valid_fraction=chip.valid_fraction,
        footprint=dict(chip.footprint) if chip.footprint else None,
        scores={str(kind): value for kind, value in hit.scores.items()},
        thumbnail=thumbnail,
    )


def _geojson(name: str, answer: Answer, card: ModelCard, root: str) -> bytes:
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


def _form(request: Request) -> str:
    return preferred(request.headers.get("accept", ""), (JSON, GEOJSON))
