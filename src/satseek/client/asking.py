"""Verbs → requests, and what to read of their answers; for the client that waits and the async one.

Knows the routes; sends nothing.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from satseek.client.images import content_of
from satseek.client.reading import (
    collection_of,
    concept_of,
    embedding_of,
    hits_of,
    labels_of,
    model_of,
    stats_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from satseek.client.images import Image
    from satseek.client.results import Collection, Embedding, Hits, Labels, Model, Stats
    from satseek.types import Concept, GeoJSON

T = TypeVar("T")

Fields = dict[str, str | list[str]]
"""Fields of a form; those with a list come several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    """HTTP method."""
    path: str
    """Below the server's address, with its query."""
    read: Callable[[Any], T]
    """JSON → result."""
    json: Any = None
    """JSON body; None: none."""
    content: bytes | None = None
    """A file as the whole body; None: none."""
    form: Fields = field(default_factory=dict)
    """Fields of a multipart body, beside its files."""
    images: Sequence[Image] = ()
    """Files of a multipart body, each in a field ``image``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers."""


def ask_search(
    text: str | None = None,
    *,
    image: Image | None = None,
    liked: Sequence[str] = (),
    disliked: Sequence[str] = (),
    concept: str | None = None,
    bbox: Sequence[float] | None = None,
    area: GeoJSON | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
    where: Sequence[str] | Mapping[str, Any] = (),
    levels: Sequence[int] = (),
    least: float | None = None,
    k: int | None = None,
    collection: str | None = None,
    collections: Sequence[str] = (),
    rank_by: str = "cosine",
    group_by: str | None = None,
    duplicate_cosine: float | None = None,
    explain: bool = False,
) -> Ask[Hits]:
    """Find the chips nearest to words, an image, liked chips, a concept, or all of them together.

    Args:
        text: Words to look for, in English or Chinese.
        image: Example: bytes of a file, its path, an open file, uint8 (h, w, 3), a Pillow image.
        liked: Ids of chips that show what is looked for; over several collections
            ``collection/chip id``.
        disliked: Ids of chips that do not.
        concept: A saved concept: ``mines``, or ``mines@3``.
        bbox: West, south, east, north in degrees; chips that touch it pass.
        area: A polygon instead of ``bbox``: GeoJSON, or WKT.
        area_crs: Its CRS, such as ``EPSG:25833``; None: what it names, or degrees on WGS 84.
        start: Earliest date or time, ISO 8601, inclusive.
        end: Latest date or time, inclusive: a day is whole.
        where: Conditions on scenes' properties: texts such as ``eo:cloud_cover<=20``, or a mapping
            such as ``{"eo:cloud_cover": {"lte": 20}}``.
        levels: Only chips of these sizes.
        least: Least percentile of a hit against its collection, 0–100; None: no cut.
        k: Number of hits, 1 to 10,000; None: 10, or all above ``least``.
        collection: Where to look; None: the only one, or ``default``.
        collections: Several instead, ranked together; ``*``: all that you may see.
        rank_by: Over several: ``cosine`` where one model version made them all, or ``percentile``.
        group_by: ``place`` (of the hits in one grid cell only the best) or ``scene``; None: all.
        duplicate_cosine: Cosine with a better hit from which a hit is left out, above 0, up to 1.
        explain: True: the answer says how the hits were found (``explanation``).
    """
    fields: dict[str, Any] = {
        "collection": collection,
        "collections": list(collections) or None,
        "rank_by": rank_by if collections else None,
        "text": text,
        "liked": list(liked),
        "disliked": list(disliked),
        "concept": concept,
        "bbox": list(bbox) if bbox else None,
        "area": area,
        "area_crs": area_crs,
        "start": start,
        "end": end,
        "where": (where if isinstance(where, Mapping) else list(where)) or None,
        "levels": list(levels) or None,
        "least": least,
        "group_by": group_by,
        "duplicate_cosine": duplicate_cosine,
        "explain": explain or None,
        "k": k,
    }
    if image is None:
        return _asked("/v1/search", fields, hits_of)
    if isinstance(where, Mapping) and where:  # a form could not hold it
        return _asked("/v1/search", {**fields, "image": _encoded(image)}, hits_of)
    form = _form({**fields, "bbox": ",".join(map(str, bbox)) if bbox else None})
    return Ask(method="POST", path="/v1/search", form=form, images=[image], read=hits_of)


def ask_classify(
    image: Image | None = None,
    labels: Sequence[str] = (),
    *,
    chip: str | None = None,
    collection: str | None = None,
    templates: Sequence[str] | None = None,
    distractors: Sequence[str] | None = None,
) -> Ask[Labels]:
    """Score labels of your own on an image or a chip, with room for “none of these”.

    Args:
        image: As in ``search``; or none, and a chip.
        labels: What it might show; ``@mines`` is the concept of that name.
        chip: Id of a chip, instead of an image.
        collection: Of that chip.
        templates: Prompt templates, each with one ``{}``; None: the built-in ones.
        distractors: What else it might show; None: common land cover; empty: nothing else.
    """
    fields = {
        "labels": list(labels),
        "chip": chip,
        "collection": collection,
        "templates": None if templates is None else list(templates),
        "distractors": None if distractors is None else list(distractors),
    }
    if image is not None:  # as JSON: a form could not tell an empty list from none
        fields["image"] = _encoded(image)
    return _asked("/v1/classify", fields, labels_of)


def ask_similarity(image: Image, texts: Sequence[str]) -> Ask[Labels]:
    """Compare an image with each text as written: no template, no distractor, in your order."""
    fields = {"text": list(texts), "image": _encoded(image)}
    return _asked("/v1/similarity", fields, labels_of)


def ask_embed_texts(texts: Sequence[str], *, model: str | None = None) -> Ask[Embedding]:
    """Give the vectors of texts: the very ones that searches compare.

    Args:
        texts: One or more; each has its vector whatever else is asked beside it.
        model: ``NAME`` or ``NAME@VERSION``; None: the one in force.
    """
    fields = {"texts": list(texts), "model": model, "encoding": "base64"}
    return _asked("/v1/embed", fields, embedding_of)


def ask_embed_images(images: Sequence[Image], *, model: str | None = None) -> Ask[Embedding]:
    """Give the vectors of images; files are sent as they are read.

    Args:
        images: One to 64; of more, see ``embed_many``.
        model: ``NAME`` or ``NAME@VERSION``; None: the one in force.
    """
    form = _form({"encoding": "base64", "model": model})
    path = "/v1/embed"
    return Ask(method="POST", path=path, form=form, images=list(images), read=embedding_of)


def ask_collections() -> Ask[list[Collection]]:
    """List the collections that you may see."""
    return _get(
        "/v1/collections?limit=1000",
        lambda answer: [collection_of(one) for one in answer["collections"]],
    )


def ask_collection(name: str) -> Ask[Collection]:
    """Show one collection."""
    return _get(f"/v1/collections/{quote(name, safe='')}", collection_of)


def ask_stats(name: str) -> Ask[Stats]:
    """Count what lies in a collection's folder."""
    return _get(f"/v1/collections/{quote(name, safe='')}/stats", stats_of)


def ask_concepts() -> Ask[list[Concept]]:
    """List the saved concepts, each in its newest version."""
    return _get("/v1/concepts", lambda answer: [concept_of(one) for one in answer["concepts"]])


def ask_concept(name: str, *, version: int | None = None) -> Ask[Concept]:
    """Show a concept: the newest version, or another one."""
    asked = f"?version={version}" if version is not None else ""
    return _get(f"/v1/concepts/{quote(name, safe='')}{asked}", concept_of)


def ask_save_concept(
    name: str,
    *,
    prompts: Sequence[str] = (),
    negatives: Sequence[str] = (),
    liked: Sequence[str] = (),
    disliked: Sequence[str] = (),
    notes: str = "",
    least: float | None = None,
) -> Ask[Concept]:
    """Save a concept as the next version under its name; returns it.

    Args:
        name: Letters, digits and ``-_.``.
        prompts: Words for it, averaged.
        negatives: Words for what is mistaken for it.
        liked: Chips that show it: ``collection/chip id``.
        disliked: Chips that do not.
        notes: What is to be known of it.
        least: Least percentile of its hits, 0–100; None: no cut.
    """
    given = {
        "prompts": list(prompts),
        "negatives": list(negatives),
        "liked": list(liked),
        "disliked": list(disliked),
        "notes": notes,
        "least": least,
    }
    ask = _write(f"/v1/concepts/{quote(name, safe='')}", given, concept_of)
    return replace(ask, method="PUT")


def ask_remove_concept(name: str) -> Ask[None]:
    """Remove a concept with all its versions."""
    ask = _write(f"/v1/concepts/{quote(name, safe='')}", None, lambda _: None)
    return replace(ask, method="DELETE")


def ask_model() -> Ask[Model]:
    """Show which model is in force."""
    return _get("/v1/model", model_of)


def ask_activate(ref: str, *, force: bool = False) -> Ask[str]:
    """Activate a model version, ``NAME@VERSION``; returns it once it is activated."""
    return _write(f"/v1/models/{quote(ref, safe='@')}/activate", {"force": force}, _ref)


def ask_rollback() -> Ask[str]:
    """Go back to the model version before; returns it."""
    return _write("/v1/models/rollback", None, _ref)


def _get(path: str, read: Callable[[Any], T]) -> Ask[T]:
    return Ask(method="GET", path=path, read=read)


def _asked(path: str, fields: Mapping[str, Any], read: Callable[[Any], T]) -> Ask[T]:
    given = {name: value for name, value in fields.items() if value is not None}
    return Ask(method="POST", path=path, json=given, read=read)


def _write(path: str, given: Any, read: Callable[[Any], T]) -> Ask[T]:
    """Change something: under a key, so that a second try changes nothing more."""
    key = {"idempotency-key": secrets.token_urlsafe(18)}
    return Ask(method="POST", path=path, json=given, headers=key, read=read)


def _form(fields: Mapping[str, Any]) -> Fields:
    form: Fields = {}
    for name, value in fields.items():
        if isinstance(value, list):
            form |= {name: [str(one) for one in value]} if value else {}
        elif isinstance(value, dict):
            form[name] = json.dumps(value)
        elif value is not None:
            form[name] = str(value)
    return form


def _encoded(image: Image) -> str:
    return base64.b64encode(content_of(image)).decode()


def _ref(answer: Any) -> str:
    return str(answer["ref"])
