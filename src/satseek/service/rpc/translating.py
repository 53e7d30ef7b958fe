"""Messages of satseek.v1 → what the verbs take, and what they give → messages.

Knows both wires' words, nothing of how anything is found. Fields are checked by the same schemas
that REST's are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json

from satseek.errors import InvalidRequest
from satseek.service.bodies import validated
from satseek.service.explaining import shown_explanation
from satseek.service.messages import (
    MAX_TEXT,
    ClassifyAsked,
    CollectionShown,
    SearchAsked,
    SimilarityAsked,
)
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.searching import thumbnail_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.message import Message

    from satseek.service.concepts import ConceptShown
    from satseek.service.verbs import Classified, Compared, Found, Source
    from satseek.types import Hit, LabelScore, ModelCard, Vectors

_ONCE = (
    "collection", "text", "start", "end", "k", "area_crs", "least", "concept", "rank_by",
    "group_by", "duplicate_cosine", "explain",
)  # fmt: skip
_SEVERAL = ("liked", "disliked", "where", "levels", "collections")

PIECE_HITS = 100
"""Hits in one piece of a stream: some 50 kB, far below what any client takes in one message."""


def search_asked(request: pb.SearchRequest) -> SearchAsked:
    """Check a search; raises RequestValidationError."""
    fields = present(request, *_ONCE)
    fields |= {name: list(getattr(request, name)) for name in _SEVERAL}
    if request.HasField("bbox"):
        box = request.bbox
        fields["bbox"] = (box.west, box.south, box.east, box.north)
    if request.HasField("area"):
        fields["area"] = area_in(request.area)
    return validated(SearchAsked, fields)


def classify_asked(request: pb.ClassifyRequest) -> ClassifyAsked:
    """Check a classification; raises RequestValidationError."""
    fields = present(request, "collection", "chip") | {"labels": list(request.labels)}
    for name in ("templates", "distractors"):
        if request.HasField(name):
            fields[name] = list(getattr(request, name).texts)
    return validated(ClassifyAsked, fields)


def similarity_asked(request: pb.SimilarityRequest) -> SimilarityAsked:
    """Check a comparison; raises RequestValidationError."""
    return validated(SimilarityAsked, {"text": list(request.texts)})


def image_in(request: pb.SearchRequest | pb.ClassifyRequest | pb.SimilarityRequest) -> bytes | None:
    """Return an image's bytes; None where there is none."""
    return request.image if request.HasField("image") else None


def content(item: pb.Item) -> str | bytes:
    """Return an item's text, or its image's bytes.

    Raises:
        InvalidRequest: it has neither, or the text is too long.
    """
    kind = item.WhichOneof("content")
    if kind is None:
        raise InvalidRequest("expected an item with a text or an image, came neither")
    if kind == "image":
        return item.image
    if len(item.text) > MAX_TEXT:
        raise InvalidRequest(
            f"expected a text of at most {MAX_TEXT} letters, came {len(item.text)}"
        )
    return item.text


def pieces(found: Found, *, size: int | None = None) -> Iterator[pb.SearchResponse]:
    """Write hits, all in one message or so many in each; one message where there is none."""
    answer = found.answer
    step = size or max(1, len(answer.hits))
    explanation = _explanation(found)
    for first in range(0, max(1, len(answer.hits)), step):
        yield pb.SearchResponse(
            collection=found.collection,
            model=model(found.card),
            plan=answer.plan,
            generation=answer.generation,
            seconds=answer.seconds,
            translated=answer.translated,
            weight=answer.weight,
            concept=found.concept,
            warnings=found.warnings,
            sources=[_source(one) for one in found.sources],
            explanation=explanation,
            hits=[_hit(hit, found.place_of(hit)) for hit in answer.hits[first : first + step]],
        )


def classified(one: Classified) -> pb.ClassifyResponse:
    """Write how labels fit."""
    labels = one.classification.labels
    return pb.ClassifyResponse(
        model=model(one.card),
        best=one.classification.best.label,
        labels=[_label(label) for label in labels],
        translated=one.translated,
    )


def compared(one: Compared) -> pb.SimilarityResponse:
    """Write how texts fit."""
    return pb.SimilarityResponse(model=model(one.card), texts=[_label(text) for text in one.texts])


def embedded(card: ModelCard, vectors: Vectors) -> pb.EmbedResponse:
    """Write vectors, (n, dim)."""
    rows = [pb.Vector(values=row) for row in vectors]
    return pb.EmbedResponse(model=model(card), vectors=rows)


def listed(collections: Sequence[CollectionShown]) -> pb.ListCollectionsResponse:
    """Write what collections amount to."""
    return pb.ListCollectionsResponse(collections=[_collection(one) for one in collections])


def model(card: ModelCard) -> pb.Model:
    """Write which model it was."""
    return pb.Model(name=card.name, version=card.version)


def described(card: ModelCard) -> pb.GetModelResponse:
    """Write what a model is."""
    return pb.GetModelResponse(
        name=card.name,
        version=card.version,
        dim=card.dim,
        image_size=card.image_size,
        context_length=card.context_length,
        family=card.family,
        score_head=card.score_head,
        precision=card.precision,
        logit_scale=card.logit_scale,
        logit_bias=card.logit_bias,
        licences=dict(card.licences),
        training_data=card.training_data,
        accuracy=dict(card.accuracy),
        parent=card.parent,
    )


def _hit(hit: Hit, collection: str) -> pb.Hit:
    chip = hit.chip
    return pb.Hit(
        rank=hit.rank,
        chip=chip.id,
        scene=chip.scene_id,
        cell=chip.cell,
        datetime=chip.datetime.isoformat() if chip.datetime else None,
        valid_fraction=chip.valid_fraction,
        footprint=json.dumps(chip.footprint) if chip.footprint else None,
        scores={str(kind): value for kind, value in hit.scores.items()},
        thumbnail=thumbnail_path(collection, chip.id),
        collection=collection,
    )


def _source(one: Source) -> pb.Source:
    return pb.Source(
        collection=one.collection,
        model=model(one.card),
        plan=one.plan,
        generation=one.generation,
    )


def _explanation(found: Found) -> pb.Explanation | None:
    shown = shown_explanation(found)
    if shown is None:
        return None
    collections = [
        pb.CollectionExplanation(
            **one.model_dump(exclude={"ways"}),
            ways=[pb.Way(**way.model_dump()) for way in one.ways],
        )
        for one in shown.collections
    ]
    return pb.Explanation(**shown.model_dump(exclude={"collections"}), collections=collections)


def concepts(saved: Sequence[ConceptShown]) -> pb.ListConceptsResponse:
    """Write concepts."""
    return pb.ListConceptsResponse(concepts=[pb.Concept(**one.model_dump()) for one in saved])


def _label(one: LabelScore) -> pb.Label:
    return pb.Label(
        label=one.label, scores={str(kind): value for kind, value in one.scores.items()}
    )


def _collection(one: CollectionShown) -> pb.Collection:
    box = one.extent and dict(zip(("west", "south", "east", "north"), one.extent, strict=True))
    return pb.Collection(
        name=one.name,
        model=pb.Model(name=one.model.name, version=one.model.version),
        searchable=one.searchable,
        chips=one.chips,
        scenes=one.scenes,
        refusals=one.refusals,
        generation=one.generation,
        extent=pb.BoundingBox(**box) if box else None,
        start=one.start,
        end=one.end,
    )


def present(request: Message, *names: str) -> dict[str, Any]:
    """Give the fields that a request has, by name."""
    return {name: getattr(request, name) for name in names if request.HasField(name)}


def area_in(text: str) -> Any:
    """Read an area: GeoJSON, or WKT as it is; raises RequestValidationError."""
    return _geojson(text) if text.lstrip().startswith("{") else text


def _geojson(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError as error:
        wrong = {"loc": ("area",), "msg": f"expected GeoJSON, came no JSON: {error}"}
        raise RequestValidationError([wrong | {"type": "value"}]) from error
