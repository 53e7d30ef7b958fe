"""A question for several servers → what to ask each of them next, until the answer is known.

Knows requests and results, and sends nothing: it is told what came. So the client that waits and
the one that is awaited have the same conversation.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from satseek.client.asking import Ask, ask_search
from satseek.client.images import content_of
from satseek.client.results import Hits
from satseek.client.uniting import MOST, Found, Wanted, check_models, united
from satseek.errors import Conflict, InvalidRequest, Overloaded, SatseekError
from satseek.sieving import SPARE, Sieve, deeper

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from satseek.client.results import Hit

_ONE_SERVERS = ("liked", "disliked", "concept")
"""What lies on one server, and cannot be asked of the others."""

_VECTORS = "/v1/search/export?format=geojson&vectors=true"
"""Route that gives hits with their vectors."""

Asks: TypeAlias = Sequence[tuple[int, Ask[Any]]]
"""What is to be asked at once: numbers of servers, and requests."""

Came: TypeAlias = Sequence[Any]
"""What came, in that order: a result, or the error that came instead."""

_Named: TypeAlias = dict[tuple[str, str, str], NDArray[np.float32]]
"""Vectors by server, collection and chip."""


def conversing(wanted: Wanted) -> Generator[Asks, Came, Hits]:
    """Ask servers, and unite what they find.

    Raises:
        InvalidRequest: what lies on one server was named, or what was asked cannot be.
        ModelMismatch: several model versions, and cosines or vectors would be compared.
        Conflict: a collection was changed meanwhile.
        SatseekError: what a server refused; or that it does not answer, unless that is allowed.
    """
    named = [name for name in _ONE_SERVERS if wanted.asked.get(name)]
    if named:
        raise InvalidRequest(
            f"{', '.join(named)}: cannot be asked of several servers, as chips and concepts lie on "
            "one of them; give words or an image"
        )
    if wanted.asked.get("image") is not None:  # an open file can be sent to one of them only
        image = content_of(wanted.asked["image"])
        wanted = replace(wanted, asked={**wanted.asked, "image": image})
    if wanted.distinct:
        return (yield from _distinct(wanted))
    found = yield from _ask_all(wanted, wanted.asked, range(len(wanted.servers)))
    check_models(found, wanted)
    hits = found.hits(wanted)
    groups = yield from _groups(hits, wanted)
    return united(_kept(hits, groups, {}, wanted), found, wanted)


def _distinct(wanted: Wanted) -> Generator[Asks, Came, Hits]:
    """Ask for as many chips, with their vectors, as it takes to leave near-duplicates out.

    What one server alone would leave out is no guide: the better chip that it looks like may itself
    be left out for one of another server.
    """
    asked = {**wanted.asked, "group_by": None, "duplicate_cosine": None}
    depth = min(SPARE * wanted.k, MOST)
    found, vectors = Found(), _Named()
    numbers: Sequence[int] = range(len(wanted.servers))
    while True:
        asked["k"] = depth
        newest = yield from _ask_all(wanted, asked, numbers)
        found = found.beside(newest)
        check_models(found, wanted)
        vectors |= yield from _vectors(asked, newest, wanted)
        known = found.hits(wanted, depth=depth)
        groups = yield from _groups(known, wanted)
        hits = _kept(known, groups, vectors, wanted)
        numbers = found.open_at(depth)
        if len(hits) == wanted.k or not numbers or depth == MOST:
            break
        depth = deeper(depth, kept=len(hits), wanted=wanted.k, most=MOST)
    answer = united(hits, found, wanted)
    if len(hits) == wanted.k or not numbers:
        return answer
    said = f"{len(hits)} hits instead of {wanted.k}: a server gives {MOST} chips at most"
    return replace(answer, warnings=(*answer.warnings, said))


def _ask_all(
    wanted: Wanted, asked: Mapping[str, Any], numbers: Sequence[int]
) -> Generator[Asks, Came, Found]:
    came = yield [(number, ask_search(**asked)) for number in numbers]
    answers: dict[int, Hits] = {}
    missing: dict[int, SatseekError] = {}
    for number, one in zip(numbers, came, strict=True):
        if isinstance(one, Hits):
            answers[number] = one
        elif wanted.partial and _is_absent(one):
            missing[number] = one
        else:
            raise _told(one, wanted.servers[number])
    if len(missing) == len(wanted.servers):
        raise _told(missing[0], wanted.servers[0])
    return Found(answers=answers, missing=missing)


def _is_absent(error: SatseekError) -> bool:
    """Tell whether a server does not answer, or fails whatever it is asked."""
    return isinstance(error, Overloaded) or type(error) is SatseekError


def _told(error: SatseekError, server: str) -> SatseekError:
    """Say which server it was."""
    said = str(error)
    return error if server in said else type(error)(f"{server}: {said}")


def _vectors(
    asked: Mapping[str, Any], found: Found, wanted: Wanted
) -> Generator[Asks, Came, _Named]:
    """Fetch the vectors of hits."""
    plain = ask_search(**asked)
    question = Ask(
        method=plain.method,
        path=_VECTORS,
        read=_features,
        json=plain.json,
        form=plain.form,
        images=plain.images,
    )
    came = yield [(number, question) for number in found.answers]
    vectors = _Named()
    for (number, hits), features in zip(found.answers.items(), came, strict=True):
        server = wanted.servers[number]
        if isinstance(features, SatseekError):
            raise _told(features, server)
        vectors |= {(server, *name): vector for name, vector in features.items()}
        if any((server, hit.collection, hit.chip) not in vectors for hit in hits):
            raise Conflict(f"{server}: a collection was changed meanwhile; ask again")
    return vectors


def _features(answer: Any) -> dict[tuple[str, str], NDArray[np.float32]]:
    return {
        (one["properties"]["collection"], one["id"]): np.array(
            one["properties"]["embedding"], dtype=np.float32
        )
        for one in answer["features"]
    }


def _groups(hits: Sequence[Hit], wanted: Wanted) -> Generator[Asks, Came, list[Hashable]]:
    """Name the place or scene of each hit; None: it stands for itself."""
    if wanted.asked.get("group_by") is None:
        return [None for _ in hits]
    if wanted.asked["group_by"] == "scene":
        return [(hit.server, hit.collection, hit.scene) for hit in hits]
    held = list(dict.fromkeys((hit.server, hit.collection) for hit in hits))
    numbers = {server: number for number, server in enumerate(wanted.servers)}
    came = yield [(numbers[server], _ask_grid(collection)) for server, collection in held]
    grids: dict[tuple[str, str], Hashable] = {}
    for (server, collection), grid in zip(held, came, strict=True):
        if isinstance(grid, SatseekError):
            raise _told(grid, server)
        grids[server, collection] = grid
    return [_place(hit, grids[hit.server, hit.collection]) for hit in hits]


def _place(hit: Hit, grid: Hashable) -> Hashable:
    """Name a place as one server does: by cells of the same grid, whoever holds them."""
    if hit.footprint is None:  # such cells count the pixels of their own scene
        return (hit.server, hit.collection, hit.scene, hit.cell)
    return (grid, hit.cell)


def _ask_grid(collection: str) -> Ask[Hashable]:
    def read(answer: Any) -> Hashable:
        told = sorted(answer["grid"].items())
        return tuple((name, tuple(it) if isinstance(it, list) else it) for name, it in told)

    return Ask(method="GET", path=f"/v1/collections/{quote(collection, safe='')}", read=read)


def _kept(
    hits: Sequence[Hit], groups: Sequence[Hashable], vectors: _Named, wanted: Wanted
) -> list[Hit]:
    sieve = Sieve(duplicate_cosine=wanted.asked.get("duplicate_cosine"))
    own = None
    if wanted.distinct and hits:
        own = np.stack([vectors[hit.server, hit.collection, hit.chip] for hit in hits])
    passes = sieve.passing(groups, own)
    return [hit for hit, passed in zip(hits, passes, strict=True) if passed][: wanted.k]
