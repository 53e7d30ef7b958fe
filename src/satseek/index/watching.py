"""Searches answered a second time, exactly → whether a collection still finds what it promises.

Does not know how a search is answered, nor who asked it. Kept in memory alone.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.tuning import RECALL, most_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.index.protocol import Found, QueryKind
    from satseek.types import Filter, Vectors

WINDOW = 256
"""Comparisons of a kind that the mean is taken over: the newest ones."""

ENOUGH = 20
"""Comparisons from which a mean says something."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A search that codes answered."""

    query: Vectors
    """float32, shape (1, dim)."""
    k: int
    """Hits wanted."""
    where: Filter
    """Checked."""
    kind: QueryKind
    """What the query was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was seen of one kind of query."""

    samples: int
    """Searches compared since the watch began."""
    recent: int
    """Of these, the ones that the mean is of."""
    recall: float
    """Share of the true answers that was found, in the mean, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a watch makes of what it saw."""

    kind: QueryKind
    """Of query."""
    watched: Watched
    """What was seen of it."""
    promised: float
    """Recall that it fell below."""


def recall_of(found: Found, truth: Found) -> float:
    """Tell which share of the true answers was found, 0–1; equal cosines count for one another.

    Args:
        found: Of one query.
        truth: Of the same query, generation and k, exactly.
    """
    true = truth.cosines[0][truth.rows[0] >= 0]
    if not true.size:
        return 1.0
    cosines = found.cosines[0][found.rows[0] >= 0]
    return float(min((cosines >= true[-1]).sum(), true.size) / true.size)


class RecallWatch:
    """The comparisons of one collection; safe to share between threads."""

    def __init__(self, *, promised: float = RECALL) -> None:
        """Begin with nothing seen.

        Args:
            promised: Recall below which the mean must not fall.
        """
        self._promised = promised
        self._guard = threading.Lock()
        self._recalls: dict[QueryKind, deque[float]] = {}
        self._queries: dict[QueryKind, deque[Vectors]] = {}
        self._samples: dict[QueryKind, int] = {}

    def note(self, asked: Asked, recall: float) -> None:
        """Take in one comparison."""
        with self._guard:
            self._recalls.setdefault(asked.kind, deque(maxlen=WINDOW)).append(recall)
            self._queries.setdefault(asked.kind, deque(maxlen=WINDOW)).append(asked.query)
            self._samples[asked.kind] = self._samples.get(asked.kind, 0) + 1

    def watched(self) -> Mapping[QueryKind, Watched]:
        """Tell what was seen, by kind."""
        with self._guard:
            return {kind: self._of(kind) for kind, line in self._recalls.items() if line}

    def verdict(self) -> Verdict | None:
        """Name the kind that has surely fallen below what is promised; None where none has."""
        with self._guard:
            for kind, line in self._recalls.items():
                if len(line) >= ENOUGH and most_mean(np.array(line)) < self._promised:
                    return Verdict(kind=kind, watched=self._of(kind), promised=self._promised)
        return None

    def queries(self) -> Mapping[QueryKind, Vectors]:
        """Give the queries compared lately, by kind: what people really ask."""
        with self._guard:
            return {kind: np.concatenate(line) for kind, line in self._queries.items() if line}

    def begin_anew(self) -> None:
        """Forget recalls of what has been mended; samples stay counted, queries stay known."""
        with self._guard:
            for line in self._recalls.values():
                line.clear()

    def _of(self, kind: QueryKind) -> Watched:
        line: NDArray[np.float64] = np.array(self._recalls[kind])
        return Watched(
            samples=self._samples[kind], recent=len(line), recall=round(float(line.mean()), 4)
        )
