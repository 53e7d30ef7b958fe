"""One collection and a direction → its chips in the order of their cosines, as far as is needed.

Does not know which of them are kept in the end, nor what else is asked beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from satseek.index.checks import MAX_K
from satseek.model.scores import pair_scores, percentile
from satseek.types import Hit

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Explanation, Found, QueryKind, Rows, Searchable
    from satseek.search.directions import Direction
    from satseek.types import Chip, GridSpec, Query, ScoreKind, Vectors

BACKGROUND_SAMPLE = 2048
"""Chips drawn to place a cosine among the collection's: resolves 0.05 percentile points."""

_Order: TypeAlias = tuple[float, float, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A chip that may become a hit."""

    hit: Hit
    """With its scores and its collection; its rank is not known yet."""
    order: _Order
    """Ascending is best first, over all collections: equal ones by collection and chip id."""
    group: Hashable
    """Its place or scene, where one hit of each is wanted; None: it stands for itself."""
    row: int
    """In its collection."""
    stream: int
    """Which of the collections that are asked together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The first chips of a collection in a direction."""

    candidates: tuple[Candidate, ...]
    """Best first."""
    is_all: bool
    """True where no others can become hits."""


class Looking:
    """One collection, looked at in one direction."""

    def __init__(
        self,
        query: Query,
        direction: Direction,
        *,
        index: Searchable,
        embedder: Embedder,
        clicked: Collection[str],
        name: str = "",
        grid: GridSpec | None = None,
        number: int = 0,
        rank_by: Literal["cosine", "percentile"] = "cosine",
    ) -> None:
        """Prepare to look.

        Args:
            query: What is looked for.
            direction: The same as a vector.
            index: One generation of the collection.
            embedder: Of the model that made its vectors.
            clicked: Ids of its chips that were liked or disliked: they are no hits.
            name: Of the collection, where several are asked; empty: the only one.
            grid: Its grid, which makes its places those of others with the same; None: its places
                are its own.
            number: Which of the collections it is.
            rank_by: What its chips are ordered by among those of others.
        """
        self.name = name
        self.plan = ""
        self.explanation: Explanation | None = None
        """Of the last search, with the times of all of them."""
        self.searches = 0
        self._query = query
        self._vector = direction.vector
        self._index = index
        self._card = embedder.card
        self._clicked = frozenset(clicked)
        self._grid = grid
        self._number = number
        self._rank_by = rank_by
        self._background: NDArray[np.float32] | None = None
        self._chips: dict[int, Chip] = {}
        self._last: Looked | None = None

    def look(self, k: int) -> Looked:
        """Give the best k chips or some more, or all there are; none that was clicked."""
        if self._last is not None and self._last.is_all:
            return self._last
        asked = min(k + len(self._clicked), MAX_K)
        found = self._search(asked)
        here = found.rows[0] >= 0
        rows, cosines = found.rows[0][here], found.cosines[0][here]
        scores = self._scores(cosines)
        is_all = rows.size < asked
        least = self._query.least
        if least is not None:
            scores = [one for one in scores if one["percentile"] >= least]
            is_all = is_all or len(scores) < rows.size  # percentiles fall with cosines
            rows = rows[: len(scores)]
        candidates = [
            self._candidate(chip, int(row), score)
            for chip, row, score in zip(self._chips_of(rows), rows, scores, strict=True)
            if chip.id not in self._clicked
        ]
        self._last = Looked(candidates=tuple(candidates), is_all=is_all)
        return self._last

    def vectors(self, candidates: Sequence[Candidate]) -> Vectors:
        """Give the unit vectors of candidates of this collection, (n, dim)."""
        return self._index.vectors([one.row for one in candidates])

    def _chips_of(self, rows: Rows) -> list[Chip]:
        """Give the chips of rows; those of an earlier look are not read again."""
        wanted = rows.tolist()
        new = [row for row in wanted if row not in self._chips]
        self._chips |= zip(new, self._index.chips(new), strict=True)
        return [self._chips[row] for row in wanted]

    def _search(self, k: int) -> Found:
        found = self._index.search(
            self._vector, k=k, where=self._query.where, kind=kind_of(self._query)
        )
        before, now = self.explanation, found.explanation
        if before is not None and now is not None:
            now = replace(
                now,
                filter_ms=before.filter_ms + now.filter_ms,
                search_ms=before.search_ms + now.search_ms,
            )
        self.plan, self.explanation = found.plan, now
        self.searches += 1
        return found

    def _scores(self, cosines: NDArray[np.float32]) -> list[dict[ScoreKind, float]]:
        if not len(cosines):
            return []
        places = percentile(cosines, self._cosines_around())
        scores: list[dict[ScoreKind, float]] = [
            {"cosine": float(cosine), "percentile": float(place)}
            for cosine, place in zip(cosines, places, strict=True)
        ]
        if is_text_alone(self._query):  # the model's sigmoid was trained on such pairs alone
            pairwise = pair_scores(cosines, self._card)
            scores = [one | pair for one, pair in zip(scores, pairwise, strict=True)]
        return scores

    def _cosines_around(self) -> NDArray[np.float32]:
        """Cosines of the direction with a sample of the collection."""
        if self._background is None:
            sample = self._index.sample(BACKGROUND_SAMPLE)
            # a matrix product would wake BLAS' threads for it
            self._background = np.vecdot(sample, self._vector[0])
        return self._background

    def _candidate(self, chip: Chip, row: int, scores: dict[ScoreKind, float]) -> Candidate:
        best, then = self._order(scores)
        return Candidate(
            hit=Hit(chip=chip, rank=0, scores=scores, collection=self.name),
            order=(-best, -then, self.name, chip.id),
            group=self._group(chip),
            row=row,
            stream=self._number,
        )

    def _order(self, scores: dict[ScoreKind, float]) -> tuple[float, float]:
        """What a chip is ordered by, falling, and by what where that is equal."""
        if self._rank_by == "cosine":
            return scores["cosine"], 0.0
        around = self._cosines_around()
        spread = max(float(around.std()), 1e-9)
        return scores["percentile"], (scores["cosine"] - float(around.mean())) / spread

    def _group(self, chip: Chip) -> Hashable:
        if self._query.group_by == "scene":
            return (self.name, chip.scene_id)
        if self._query.group_by == "place":
            return _place(chip, grid=self._grid or self.name, name=self.name)
        return None


def _place(chip: Chip, *, grid: GridSpec | str, name: str) -> Hashable:
    """Name the place of a chip: its cell; of a scene without georeference that of the scene."""
    if chip.footprint is None:  # such cells count the pixels of their own scene
        return (name, chip.scene_id, chip.cell)
    return (grid, chip.cell)


def kind_of(query: Query) -> QueryKind:
    """Tell what a query is made of: words alone, examples alone, or both."""
    worded = bool(query.text or query.prompts or query.negatives)
    shown = query.image is not None or bool(query.liked or query.disliked)
    if worded and shown:
        return "mixed"
    return "image" if shown else "text"


def is_text_alone(query: Query) -> bool:
    """Tell whether words alone were asked, of which nothing was taken away."""
    clicked = query.liked or query.disliked
    return query.image is None and not clicked and not query.negatives
