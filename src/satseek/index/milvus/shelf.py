"""The chips of one collection in a Milvus → counted, found, walked through, written.

Does not know filters, generations, or what a search is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import ChipNotFound
from satseek.index.milvus.expressions import both, literals, numbers
from satseek.index.milvus.layout import ALL_FIELDS, VECTOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from satseek.index.milvus.connecting import Connection
    from satseek.index.milvus.engines import Engine
    from satseek.index.milvus.layout import VectorKind
    from satseek.types import Vectors

_ANSWER_BYTES = 32 * 2**20
"""Bytes of vectors asked for at once: half of what Milvus sends in one answer (64 MB)."""

_MOST_ENTITIES = 16_384
"""Entities that Milvus gives in one answer to a search (docs, limitations)."""

_IDS_AT_ONCE = 2_000
"""Ids or rows named in one expression: some 200 kB of it."""

_WITH_CHIP = 1_000
"""Bytes of a chip besides its vector, about: its footprint and ids."""


class Shelf:
    """The chips; safe to share between threads."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        *,
        dim: int,
        engine: Engine,
        vectors: VectorKind,
    ) -> None:
        """Open a shelf.

        Args:
            connection: To Milvus.
            name: Of the collection of Milvus that holds it.
            dim: Numbers in a vector.
            engine: The index of the vectors.
            vectors: How they are kept: queries must come the same way.
        """
        self._connection = connection
        self._name = name
        self.dim = dim
        self.engine = engine
        self._halves = vectors == "float16"
        self.most = min(_MOST_ENTITIES, _ANSWER_BYTES // (4 * dim + _WITH_CHIP))
        """Entities with vectors that are asked for at once."""

    def count(self, expression: str = "") -> int:
        """Count the chips that an expression lets pass."""
        return int(self._query(expression, ["count(*)"])[0]["count(*)"])

    def near(
        self, queries: Vectors, *, expression: str, limit: int, wide: bool = False
    ) -> list[list[dict[str, Any]]]:
        """Give the entities nearest to each query, vectors included, by Milvus' own comparison.

        Args:
            queries: float32, shape (n, dim), n above 0.
            expression: Which chips may be given.
            limit: Entities per query, at most ``most``.
            wide: Look into every list of the index.
        """
        parameters = dict(self.engine.wide if wide else self.engine.search)
        if self.engine.refined is not None:
            parameters[self.engine.refined] = 2 * limit
        if "ef" in parameters:
            parameters["ef"] = max(parameters["ef"], limit)
        found: list[list[dict[str, Any]]] = []
        at_once = max(1, self.most // limit)
        for start in range(0, len(queries), at_once):
            part = queries[start : start + at_once]
            answers = self._connection.call(
                "search",
                collection_name=self._name,
                data=list(part.astype(np.float16) if self._halves else part),
                anns_field=VECTOR,
                filter=expression,
                limit=limit,
                search_params={"metric_type": "COSINE", "params": parameters},
                output_fields=[*ALL_FIELDS, VECTOR],
                consistency_level="Strong",
            )
            found += [[{"id": hit["id"], **hit["entity"]} for hit in hits] for hits in answers]
        return found

    def of_rows(self, rows: Sequence[int], *fields: str) -> list[dict[str, Any]]:
        """Give entities by row, in their order.

        Raises:
            ChipNotFound: A row that no living chip has.
        """
        found: dict[int, dict[str, Any]] = {}
        wanted = sorted(set(rows))
        at_once = min(_IDS_AT_ONCE, self.most)
        for start in range(0, len(wanted), at_once):
            part = numbers(wanted[start : start + at_once])
            found |= {one["row"]: one for one in self._query(f"row in {part}", ["row", *fields])}
        for row in rows:
            if row not in found:
                raise ChipNotFound(f"{self._name}: expected the row of a chip, came {row}")
        return [found[row] for row in rows]

    def living(self, rows: Iterable[int], *fields: str) -> list[dict[str, Any]]:
        """Give the entities that there are of some rows, without order."""
        wanted = list(rows)
        found: list[dict[str, Any]] = []
        at_once = min(_IDS_AT_ONCE, self.most)
        for start in range(0, len(wanted), at_once):
            part = numbers(wanted[start : start + at_once])
            found += self._query(f"row in {part}", ["row", *fields])
        return found

    def of_ids(self, ids: Sequence[str], *fields: str) -> list[dict[str, Any]]:
        """Give the entities that there are of some chip ids, without order."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = literals(ids[start : start + _IDS_AT_ONCE])
            found += self._query(f"id in {part}", ["id", *fields])
        return found

    def walk(
        self, spans: Sequence[tuple[int, int]], *fields: str, expression: str = "", after: int = -1
    ) -> Iterator[list[dict[str, Any]]]:
        """Walk over the entities that an expression lets pass, part by part, by row.

        A chip that is replaced meanwhile comes again under its new row, which is a later one.

        Args:
            spans: Rows ever given: first of a run, and first behind it; ascending.
            fields: Which.
            expression: Which chips.
            after: The row to begin behind.
        """
        width = self.most if VECTOR in fields else _MOST_ENTITIES
        if spans and spans[-1][1] > after + 1 and self.count(expression) <= width:
            # few: one answer has them all, wherever they lie
            spans = [(spans[0][0], spans[-1][1])]
            width = max(width, spans[0][1] - spans[0][0])
        for first, end in spans:
            for start in range(max(first, after + 1), end, width):
                rows = f"row >= {start} and row < {min(start + width, end)}"
                part = self._query(both(rows, expression), ["row", *fields])
                if part:
                    yield sorted(part, key=lambda one: one["row"])

    def put(self, entities: list[dict[str, Any]]) -> None:
        """Write entities; those of the same id go."""
        at_once = max(1, self.most)
        for start in range(0, len(entities), at_once):
            part = entities[start : start + at_once]
            self._connection.call("upsert", collection_name=self._name, data=part)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove entities by chip id; those that are not there are passed over."""
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = literals(ids[start : start + _IDS_AT_ONCE])
            self._connection.call("delete", collection_name=self._name, filter=f"id in {part}")

    def flush(self) -> None:
        """Have everything written to where it is kept."""
        self._connection.call("flush", collection_name=self._name)

    def _query(self, expression: str, fields: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._connection.call(
            "query",
            collection_name=self._name,
            filter=expression,
            output_fields=fields,
            consistency_level="Strong",
        )
        return found
