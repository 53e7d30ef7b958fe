"""Queries and a condition → the k best chips of each, with exact cosines, by a Milvus' candidates.

Does not know what is done with them. Milvus proposes, and what it proposes is compared here with
the vectors as they are kept, in float64, equal ones in the order of chip ids: as the embedded index
answers. More is asked for until k chips pass and no other could stand among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index.halves import check_units
from satseek.index.milvus.layout import ALL_FIELDS, VECTOR, stored
from satseek.index.ranking import best, exact_cosines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.index.milvus.expressions import Condition
    from satseek.index.milvus.shelf import Shelf
    from satseek.index.protocol import Rows
    from satseek.types import Vectors

_SPARE = 16
"""Candidates asked for beyond twice the hits: what ties with the last hit is mostly among them."""

_SPARE_TIMES = 4
"""Times the hits that are asked for where footprints decide, or where the index is not exact."""

_MORE = 4
"""Times as many are asked for where these were too few."""

_MARGIN = 1e-5
"""Farthest that Milvus' float32 cosine of a float32 vector lies from the exact one, ten times over:
the sum of 1,000 products of unit vectors errs by some 1e-6."""


@dataclass(slots=True, kw_only=True)
class Looking:
    """One search of a collection."""

    shelf: Shelf
    """Its chips."""
    condition: Condition
    """Which of them may answer."""
    spans: Sequence[tuple[int, int]]
    """Rows ever given."""
    k: int
    """Hits wanted."""
    seen: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The entities that answered, by row, vectors included."""
    scanned: int = 0
    """Queries that were compared with every passing chip, as candidates did not settle them."""

    def answers(self, queries: Vectors) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Give each query's best rows and their cosines.

        Args:
            queries: float32, shape (n, dim), unit rows.
        """
        if not len(queries):
            return []
        limit = min(self._first_limit(), self.shelf.most)
        found = self.shelf.near(queries, expression=self.condition.expression, limit=limit)
        return [
            self._settled(query, near, limit) for query, near in zip(queries, found, strict=True)
        ]

    def _first_limit(self) -> int:
        sure = self.condition.area is None and self.shelf.engine.exact
        return (2 if sure else _SPARE_TIMES) * self.k + _SPARE

    def _settled(
        self, query: NDArray[np.float32], near: list[dict[str, Any]], limit: int
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Ask for more candidates until no other chip could be among the k best."""
        wide = False
        while True:
            cosines = self._cosines(query, near)
            passing = self.condition.passing(near)
            if len(near) < limit:
                if self.shelf.engine.exact or self._has_all(len(near)):
                    return self._best(near, cosines, passing)
                if wide:
                    break
                wide = True
            else:
                enough = int(passing.sum()) >= self.k
                if enough and self._clear(cosines, passing):
                    return self._best(near, cosines, passing)
                if limit >= self.shelf.most:
                    break
                limit = min(limit * _MORE, self.shelf.most)
            near = self.shelf.near(
                query[None], expression=self.condition.expression, limit=limit, wide=wide
            )[0]
        self.scanned += 1
        return self._scanned(query)

    def _has_all(self, found: int) -> bool:
        return found >= self.shelf.count(self.condition.expression)

    def _clear(self, cosines: NDArray[np.float32], passing: NDArray[np.bool_]) -> bool:
        """Tell whether the k-th hit lies clear of whatever was not proposed."""
        passed = np.sort(cosines[passing])[::-1]
        return bool(passed[self.k - 1] > cosines.min() + _MARGIN)

    def _cosines(
        self, query: NDArray[np.float32], near: list[dict[str, Any]]
    ) -> NDArray[np.float32]:
        vectors = stored(near, dim=self.shelf.dim)
        if len(near):
            check_units(vectors, source="Milvus")
        return exact_cosines(query, vectors)

    def _best(
        self,
        near: list[dict[str, Any]],
        cosines: NDArray[np.float32],
        passing: NDArray[np.bool_],
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Give the hits, and remember what they are."""
        found, by_row = self._ranked(near, cosines, passing)
        self.seen |= {int(row): by_row[int(row)] for row in found[0]}
        return found

    def _ranked(
        self,
        near: list[dict[str, Any]],
        cosines: NDArray[np.float32],
        passing: NDArray[np.bool_],
    ) -> tuple[tuple[Rows, NDArray[np.float32]], dict[int, dict[str, Any]]]:
        by_row = {int(one["row"]): one for one, passes in zip(near, passing, strict=True) if passes}
        rows = np.fromiter(by_row, dtype=np.int64, count=len(by_row))
        found = best(
            rows,
            cosines[passing],
            k=self.k,
            names=lambda some: [str(by_row[int(row)]["id"]) for row in some],
        )
        return found, by_row

    def _scanned(self, query: NDArray[np.float32]) -> tuple[Rows, NDArray[np.float32]]:
        """Compare a query with every chip that passes, part by part."""
        kept: list[dict[str, Any]] = []
        expression = self.condition.expression
        for part in self.shelf.walk(self.spans, *ALL_FIELDS, VECTOR, expression=expression):
            near = [*kept, *part]
            cosines, passing = self._cosines(query, near), self.condition.passing(near)
            (rows, _), by_row = self._ranked(near, cosines, passing)
            kept = [by_row[int(row)] for row in rows]
        return self._best(kept, self._cosines(query, kept), np.ones(len(kept), dtype=np.bool_))
