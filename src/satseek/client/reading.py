"""JSON of a server → results, and problem documents → the errors that the server raised.

Does not know how it travelled.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek import errors
from satseek.client.results import (
    Collection,
    CollectionExplanation,
    Embedding,
    Explanation,
    Hit,
    Hits,
    Label,
    Labels,
    Model,
    Stats,
    Way,
)
from satseek.types import Concept

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

_PREFIX = "urn:satseek:problem:"


def hits_of(answer: Json) -> Hits:
    """Read the answer of a search."""
    return Hits(
        hits=tuple(_hit(one) for one in answer["hits"]),
        collection=answer["collection"],
        model=model_of(answer["model"]),
        plan=answer["plan"],
        generation=answer["generation"],
        seconds=answer["seconds"],
        collections=tuple(one["collection"] for one in answer["sources"]),
        translated=answer["translated"],
        weight=answer["weight"],
        concept=answer["concept"],
        warnings=tuple(answer["warnings"]),
        explanation=_explanation(answer.get("explanation")),
    )


def _explanation(told: Json | None) -> Explanation | None:
    if told is None:
        return None
    collections = tuple(
        CollectionExplanation(
            collection=one["collection"],
            living=one["living"],
            passing=one["passing"],
            ways=tuple(
                Way(name=way["name"], rows=way["rows"], expected_ms=way["expected_ms"])
                for way in one["ways"]
            ),
            candidates=one["candidates"],
            filter_ms=one["filter_ms"],
            search_ms=one["search_ms"],
        )
        for one in told["collections"]
    )
    return Explanation(
        embedding_ms=told["embedding_ms"], searches=told["searches"], collections=collections
    )


def concept_of(answer: Json) -> Concept:
    """Read one version of a concept."""
    lists = {name: tuple(answer[name]) for name in ("prompts", "negatives", "liked", "disliked")}
    return Concept(
        name=answer["name"],
        version=answer["version"],
        notes=answer["notes"],
        least=answer["least"],
        created=_time(answer["created"]),
        **lists,
    )


def labels_of(answer: Json) -> Labels:
    """Read the answer of a classification, or of a comparison."""
    listed = answer["labels"] if "labels" in answer else answer["texts"]
    return Labels(
        labels=tuple(Label(label=one["label"], scores=one["scores"]) for one in listed),
        model=model_of(answer["model"]),
        translated=answer.get("translated", {}),
    )


def collection_of(answer: Json) -> Collection:
    """Read what a collection amounts to."""
    extent = answer["extent"]
    return Collection(
        name=answer["name"],
        model=model_of(answer["model"]),
        searchable=answer["searchable"],
        chips=answer["chips"],
        scenes=answer["scenes"],
        refusals=answer["refusals"],
        generation=answer["generation"],
        extent=tuple(extent) if extent else None,
        start=_time(answer["start"]),
        end=_time(answer["end"]),
    )


def stats_of(answer: Json) -> Stats:
    """Read what lies in a collection's folder."""
    pending = answer["pending"]
    return Stats(
        name=answer["collection"],
        generation=answer["generation"],
        chips=answer["chips"],
        rows=answer["rows"],
        dead=answer["dead"],
        coded=answer["coded"],
        bytes=answer["bytes"],
        bytes_of=answer["bytes_of"],
        pending=None if pending is None else pending["model"],
        recall={kind: seen["recall"] for kind, seen in answer["recall"].items()},
    )


def embedding_of(answer: Json) -> Embedding:
    """Read vectors, sent as base64 of little-endian float32."""
    rows = [np.frombuffer(base64.b64decode(row), "<f4") for row in _rows(answer)]
    vectors = np.stack(rows).astype(np.float32) if rows else np.empty((0, answer["dim"]))
    return Embedding(
        vectors=vectors.astype(np.float32, copy=False), model=model_of(answer["model"])
    )


def model_of(answer: Json) -> Model:
    """Read which model answered."""
    return Model(name=answer["name"], version=answer["version"])


def refusal_of(status: int, problem: Json) -> errors.SatseekError:
    """Make the error that the server raised; of a kind unknown here, its nearest relative."""
    kind = str(problem.get("type", "")).removeprefix(_PREFIX)
    detail = str(problem.get("detail") or f"the server answered {status}")
    found = _KINDS.get(kind) or _BY_STATUS.get(status)
    if found is None:
        found = errors.InvalidRequest if 400 <= status < 500 else errors.SatseekError  # noqa: PLR2004
    request = problem.get("request_id")
    return found(f"{detail} (request {request})" if request and status >= 500 else detail)  # noqa: PLR2004


def _rows(answer: Json) -> list[str]:
    return [*answer["texts"], *answer["images"]]


def _hit(one: Json) -> Hit:
    return Hit(
        rank=one["rank"],
        chip=one["chip"],
        scene=one["scene"],
        cell=one["cell"],
        datetime=_time(one["datetime"]),
        valid_fraction=one["valid_fraction"],
        footprint=one["footprint"],
        scores=one["scores"],
        collection=one["collection"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _slug(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


_KINDS: Mapping[str, type[errors.SatseekError]] = {
    _slug(name): kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.SatseekError)
}
_BY_STATUS: Mapping[int, type[errors.SatseekError]] = {
    401: errors.Unauthenticated,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.ImageTooLarge,
    429: errors.Overloaded,
    502: errors.Overloaded,
    503: errors.Overloaded,
    504: errors.DeadlineExceeded,
}
"""Where a gateway in between answered, without a problem document of ours."""
