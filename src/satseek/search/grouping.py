"""Chips in the order of their cosines → hits: one of each place or scene, no near-duplicates.

Does not know collections: they are asked for as many chips as it takes, in few rounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.checks import MAX_K
from satseek.sieving import SPARE, Sieve, deeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.search.looking import Candidate, Looked, Looking
    from satseek.types import GroupBy, Hit, Query, Vectors

_AT_ONCE = 256
"""Chips whose vectors are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Hits, and what is to be said of them."""

    hits: tuple[Hit, ...]
    """Best first."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""


def gather(looking: Sequence[Looking], query: Query) -> Gathered:
    """Give the best hits of all collections together, as if they were one.

    A chip is left out where a better hit shares its place or scene, or is too much like it, as the
    query says. As many chips are looked at as it takes, up to ``MAX_K`` of each collection.

    Args:
        looking: Each collection, looked at in the query's direction.
        query: How many hits are wanted, and what is left out.
    """
    thinned = query.group_by is not None or query.duplicate_cosine is not None
    depth = min(query.k * (SPARE if thinned else 1), MAX_K)
    while True:
        looked = [one.look(depth) for one in looking]
        kept = _kept(_known(looked), looking, query)
        is_all = all(one.is_all for one in looked)
        if len(kept) == query.k or is_all or depth == MAX_K:
            break
        depth = deeper(depth, kept=len(kept), wanted=query.k, most=MAX_K)
    hits = tuple(replace(one.hit, rank=rank) for rank, one in enumerate(kept, start=1))
    if not thinned or is_all or len(hits) == query.k:
        return Gathered(hits=hits)
    return Gathered(hits=hits, warnings=(shortfall(len(hits), query.k),))


def shortfall(found: int, wanted: int) -> str:
    """Say that no more hits are left among the chips that may be looked at."""
    return (
        f"{found} hits instead of {wanted}: among the best {MAX_K} chips all others share a place "
        "or scene with a better one, or look like it"
    )


def check_group_by(text: str | None) -> GroupBy | None:
    """Give what of each only one hit is wanted; None: every chip.

    Raises:
        InvalidRequest: it is neither place nor scene.
    """
    match text:
        case None | "place" | "scene":
            return text
    raise InvalidRequest(f"group_by: expected place or scene, came {text[:40]!r}")


def check_duplicate_cosine(bound: float | None) -> None:
    """Refuse a bound that is no cosine of near-duplicates.

    Raises:
        InvalidRequest: it is not above 0, or above 1.
    """
    if bound is not None and not 0 < bound <= 1:
        raise InvalidRequest(f"duplicate_cosine: expected above 0 and up to 1, came {bound}")


def _known(looked: Sequence[Looked]) -> list[Candidate]:
    """Give the candidates that no chip can come before which has not been looked at."""
    ends = [one.candidates[-1].order for one in looked if not one.is_all and one.candidates]
    known = sorted(
        (candidate for one in looked for candidate in one.candidates), key=lambda one: one.order
    )
    return [one for one in known if all(one.order <= end for end in ends)]


def _kept(known: Sequence[Candidate], looking: Sequence[Looking], query: Query) -> list[Candidate]:
    sieve = Sieve(duplicate_cosine=query.duplicate_cosine)
    kept: list[Candidate] = []
    for start in range(0, len(known), _AT_ONCE):
        if len(kept) >= query.k:
            break
        part = known[start : start + _AT_ONCE]
        vectors = None if query.duplicate_cosine is None else _vectors(part, looking)
        passes = sieve.passing([one.group for one in part], vectors)
        kept += [one for one, passed in zip(part, passes, strict=True) if passed]
    return kept[: query.k]


def _vectors(part: Sequence[Candidate], looking: Sequence[Looking]) -> Vectors:
    streams = np.array([one.stream for one in part])
    found: Vectors | None = None
    for number in np.unique(streams):
        places = np.flatnonzero(streams == number)
        own = looking[int(number)].vectors([part[int(place)] for place in places])
        if found is None:
            found = np.empty((len(part), own.shape[1]), dtype=np.float32)
        found[places] = own
    assert found is not None
    return found
