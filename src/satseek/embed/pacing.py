"""Turns what calls of one tower took into the batch that pays, and into how long a queue takes.

Does not know the tower, nor who waits. Not safe to share between threads: its owner locks it.
"""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 8
"""Calls of each size whose median counts: one that was disturbed, or the first one, which opens the
tower, does not."""

NOISE = 0.05
"""A larger batch has to be this much cheaper for each row; less is lost in noise, and everybody in
it waits longer. As for the measurement of engines (``engines/choosing.py``)."""

LOOK_AGAIN = 64
"""So often, in batches that could have been of any size, a neighbour of the best size is tried: the
machine may be busier or idler than it was."""


class Pace:
    """What calls of one tower take, by their size: 1, 2, 4 … rows."""

    def __init__(self, most_rows: int) -> None:
        """Know nothing yet; batches are never of more than ``most_rows``, at least 1."""
        self._sizes = _sizes(most_rows)
        self._costs: dict[int, deque[float]] = {}
        self._asked = 0

    def note(self, rows: int, seconds: float) -> None:
        """Remember a call."""
        size = max(one for one in self._sizes if one <= max(rows, 1))
        self._costs.setdefault(size, deque(maxlen=REMEMBERED)).append(seconds / rows)

    def next_rows(self) -> int:
        """Rows of the next batch where enough wait: mostly the best, sometimes a neighbour of it.

        The best is the smallest whose rows cost hardly more than anywhere. It is found from the
        largest on: a smaller size is tried as long as it has not been.
        """
        best = self.best_rows()
        self._asked += 1
        at = self._sizes.index(best)
        below, above = self._sizes[max(at - 1, 0)], self._sizes[min(at + 1, len(self._sizes) - 1)]
        untried = [one for one in (below, above) if one not in self._costs]
        if self._sizes[-1] in self._costs and untried:
            return untried[0]
        if self._asked % LOOK_AGAIN == 0:
            return below if self._asked % (2 * LOOK_AGAIN) else above
        return best

    def best_rows(self) -> int:
        """The size that pays, as far as is known; the largest while nothing is."""
        known = {size: self._cost(size) for size in self._sizes if size in self._costs}
        if not known or self._sizes[-1] not in known:
            return self._sizes[-1]
        least = min(known.values())
        return next(size for size, cost in known.items() if cost <= least * (1 + NOISE))

    def seconds(self, rows: int) -> float:
        """Foretell how long so many rows take, one batch after the other; 0: nothing is known."""
        if not self._costs:
            return 0.0
        best = self.best_rows()
        near = min(self._costs, key=lambda size: abs(size - min(best, max(rows, 1))))
        return rows * self._cost(near)

    def saved_s(self) -> float | None:
        """Seconds that a row costs less in company than alone; None: not known yet."""
        alone, together = self._sizes[0], self.best_rows()
        if alone not in self._costs or together not in self._costs:
            return None
        return max(0.0, self._cost(alone) - self._cost(together))

    def _cost(self, size: int) -> float:
        """Seconds of each row in calls of a size that was seen."""
        return median(self._costs[size])


def _sizes(most_rows: int) -> list[int]:
    """Powers of two up to the most, and the most itself."""
    found = [1]
    while found[-1] * 2 <= most_rows:
        found.append(found[-1] * 2)
    return found if found[-1] == most_rows else [*found, most_rows]
