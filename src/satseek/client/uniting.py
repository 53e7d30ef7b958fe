"""What several servers found → one answer, as if one server held all that they hold.

Sends nothing. Cosines of one model version compare wherever they were computed, so that the ranking
is exact; those of two do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from satseek.client.results import Explanation, Hit, Hits
from satseek.errors import ModelMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.errors import SatseekError

MOST = 10_000
"""Hits that a server gives at most."""

DEFAULT_K = 10
"""Hits where nothing was said."""

Order: TypeAlias = tuple[float, int, str, str, int]
"""What hits are sorted by, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of several servers."""

    asked: Mapping[str, Any]
    """What ``Client.search`` takes."""
    servers: Sequence[str]
    """Their addresses."""
    partial: bool
    """True: servers that do not answer are told, not raised."""

    @property
    def k(self) -> int:
        """Number of hits, as a server reads it."""
        given = self.asked.get("k")
        cut = self.asked.get("least") is not None
        return int(given) if given is not None else MOST if cut else DEFAULT_K

    @property
    def by_percentile(self) -> bool:
        """True where cosines are not what hits are ordered by."""
        return bool(self.asked.get("rank_by") == "percentile")

    @property
    def distinct(self) -> bool:
        """True where near-duplicates are left out."""
        return self.asked.get("duplicate_cosine") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the servers that answered have found."""

    answers: Mapping[int, Hits] = field(default_factory=dict)
    """By the number of the server."""
    missing: Mapping[int, SatseekError] = field(default_factory=dict)
    """Why the others did not answer."""

    def beside(self, newer: Found) -> Found:
        """Give this with what was found later, which counts where both have something."""
        missing = {**self.missing, **newer.missing}
        both = {**self.answers, **newer.answers}
        answers = {number: one for number, one in both.items() if number not in missing}
        return Found(answers=answers, missing=missing)

    def open_at(self, depth: int) -> list[int]:
        """Number the servers that may hold more than the chips that they were asked for."""
        return [number for number, one in self.answers.items() if len(one) >= depth]

    def hits(self, wanted: Wanted, *, depth: int | None = None) -> list[Hit]:
        """Give hits, best first; equal ones by collection, chip and server.

        Args:
            wanted: What was asked.
            depth: How many each server was asked for, where a hit counts only if no chip can come
                before it that was not asked for; None: all hits.
        """
        placed = [
            (_order(hit, number, wanted), replace(hit, server=wanted.servers[number]))
            for number, one in self.answers.items()
            for hit in one
        ]
        placed.sort(key=lambda one: one[0])
        ends = [
            _order(self.answers[number][-1], number, wanted)
            for number in (self.open_at(depth) if depth is not None else ())
        ]
        return [hit for order, hit in placed if all(order <= end for end in ends)]


def _order(hit: Hit, number: int, wanted: Wanted) -> Order:
    """Place a hit among all: by percentile those of one server stay in its own order."""
    if wanted.by_percentile:
        return -hit.scores["percentile"], hit.rank, hit.collection, hit.chip, number
    return -hit.scores["cosine"], 0, hit.collection, hit.chip, number


def check_models(found: Found, wanted: Wanted) -> None:
    """Refuse to compare what does not compare.

    Raises:
        ModelMismatch: several model versions, and cosines or vectors would be compared.
    """
    versions = {str(one.model) for one in found.answers.values()}
    if len(versions) <= 1 or (wanted.by_percentile and not wanted.distinct):
        return
    made = ", ".join(f"{wanted.servers[at]} by {one.model}" for at, one in found.answers.items())
    raise ModelMismatch(
        f"cosines of different models cannot be compared ({made}): ask with rank_by percentile and "
        "without duplicate_cosine, or re-embed one of them"
    )


def united(hits: Sequence[Hit], found: Found, wanted: Wanted) -> Hits:
    """Give the hits that were kept as one answer.

    Args:
        hits: Best first.
        found: Of at least one server.
        wanted: What was asked.
    """
    numbers = sorted(found.answers)
    answers = [found.answers[number] for number in numbers]
    told = [(wanted.servers[number], found.answers[number]) for number in numbers]
    first = answers[0]
    return Hits(
        hits=tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)),
        collection=first.collection,
        model=first.model,
        plan="several servers: " + "; ".join(f"{server}: {one.plan}" for server, one in told),
        generation=max(one.generation for one in answers),
        seconds=max(one.seconds for one in answers),
        collections=tuple(dict.fromkeys(name for one in answers for name in one.collections)),
        translated=first.translated,
        warnings=_warnings(found, wanted),
        explanation=_explanation(told),
        missing=tuple(wanted.servers[number] for number in sorted(found.missing)),
    )


def _warnings(found: Found, wanted: Wanted) -> tuple[str, ...]:
    absent = [
        f"{wanted.servers[number]} did not answer, and its hits are missing: {error}"
        for number, error in sorted(found.missing.items())
    ]
    answers = found.answers.values()
    said = [warning for one in answers for warning in one.warnings]
    if len({one.translated for one in answers}) > 1:
        said.append("the servers' glossaries translate the words differently")
    return tuple(dict.fromkeys((*absent, *said)))


def _explanation(told: Sequence[tuple[str, Hits]]) -> Explanation | None:
    """Put together what the servers explain; None: nobody asked."""
    known = [(server, one.explanation) for server, one in told if one.explanation is not None]
    if not known:
        return None
    return Explanation(
        embedding_ms=max(one.embedding_ms for _, one in known),
        searches=sum(one.searches for _, one in known),
        collections=tuple(
            replace(part, collection=f"{server} {part.collection}")
            for server, one in known
            for part in one.collections
        ),
    )
