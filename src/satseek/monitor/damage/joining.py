"""What was seen before and after → the same cells at both moments, decided and outlined.

Does not know parcels. A cell seen at one moment alone is kept: that it was not seen is evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import GridMismatch
from satseek.monitor.change.blending import around
from satseek.monitor.damage.deciding import QUANTILE, decide_alone, decide_paired
from satseek.monitor.damage.learning import learn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.monitor.damage.cells import SeenCells
    from satseek.monitor.damage.deciding import Decided, Kinds
    from satseek.types import Vectors

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

UNSEEN = -1
"""Row, class and source of a cell that a moment did not see."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """One moment, cell by cell; all of shape (n,) but for the logits."""

    rows: NDArray[np.int64]
    """Row of the chip; `UNSEEN`: none."""
    valid: Floats
    """Share of the cell that was measured, 0–1."""
    hidden: Marks
    """True: a cloud was measured, not the ground."""
    classes: NDArray[np.int64]
    """The class that fits best; `UNSEEN`: not seen."""
    sources: NDArray[np.int64]
    """Number of the date; `UNSEEN`: none."""
    logits: Floats
    """Shape (n, classes); NaN where not seen."""

    @property
    def seen(self) -> Floats:
        """Share of the cell whose ground was seen, 0–1."""
        return np.where(self.hidden, 0.0, self.valid)

    @property
    def clouded(self) -> Floats:
        """Share of the cell that shows a cloud instead, 0–1."""
        return np.where(self.hidden, self.valid, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """The cells of all moments."""

    cells: tuple[str, ...]
    """Names, ascending."""
    after: Sight
    """After the event."""
    before: Sight | None
    """Before it; None: not asked for."""
    decided: Decided
    """What became of each cell."""

    @property
    def judged(self) -> Floats:
        """Share of each cell of which something can be said: seen at every moment asked for."""
        if self.before is None:
            return self.after.seen
        return np.minimum(self.after.seen, self.before.seen)


def join(
    after: SeenCells,
    before: SeenCells | None,
    kinds: Kinds,
    *,
    quantile: float = QUANTILE,
    vectors: tuple[Callable[[Rows], Vectors], Callable[[Rows], Vectors]] | None = None,
) -> Joined:
    """Lay moments side by side, and decide every cell, two moments by a quantile.

    Args:
        after: Seen after the event.
        before: Seen before it; None: after alone.
        kinds: What classes mean.
        quantile: Of the steps of sound cells; see `deciding.decide_paired`.
        vectors: Give those of rows before and after, where two moments are to teach how much of a
            cell is affected; see `learning.learn`. None: labels alone tell.

    Raises:
        GridMismatch: before and after have cells, but none in common.
    """
    if before is None:
        sight = _sight(after.cells, after, kinds)
        decided = decide_alone(_bare(sight), kinds)
        return Joined(cells=after.cells, after=sight, before=None, decided=decided)
    common = set(after.cells) & set(before.cells)
    if after.cells and before.cells and not common:
        raise GridMismatch(
            f"before and after share no cell ({before.cells[0]} … and {after.cells[0]} …): index "
            "both on one grid, as `satseek assess` does with folders"
        )
    cells = tuple(sorted({*after.cells, *before.cells}))
    last, first = _sight(cells, after, kinds), _sight(cells, before, kinds)
    near = around(cells)
    decided = decide_paired(_bare(first), _bare(last), kinds, near=near, quantile=quantile)
    if vectors is not None:
        was, now = vectors

        def pairs(places: NDArray[np.int64]) -> Vectors:
            return np.hstack([was(first.rows[places]), now(last.rows[places])])

        decided = learn(decided, pairs, cells=cells, near=near)
    return Joined(cells=cells, after=last, before=first, decided=decided)


def _sight(cells: Sequence[str], seen: SeenCells, kinds: Kinds) -> Sight:
    places = {cell: place for place, cell in enumerate(cells)}
    at = np.array([places[cell] for cell in seen.cells], dtype=np.int64)
    logits = np.full((len(cells), len(kinds.sound)), np.nan)
    logits[at] = seen.logits
    found = {
        name: np.full(len(cells), UNSEEN, dtype=np.int64) for name in ("rows", "classes", "sources")
    }
    found["rows"][at], found["sources"][at] = seen.rows, seen.sources
    found["classes"][at] = _classes(seen, kinds)
    valid = np.zeros(len(cells))
    valid[at] = seen.valid_fractions
    hidden = np.zeros(len(cells), dtype=np.bool_)
    hidden[at] = seen.hidden
    return Sight(valid=valid, hidden=hidden, logits=logits, **found)


def _classes(seen: SeenCells, kinds: Kinds) -> NDArray[np.int64]:
    """Give the class that fits each cell best: what hides only where it does."""
    if not len(seen):
        return np.empty(0, dtype=np.int64)
    barred = kinds.hidden[None, :] & ~seen.hidden[:, None]
    return np.asarray(np.where(barred, -np.inf, seen.logits).argmax(axis=1))


def _bare(sight: Sight) -> Floats:
    """Give the logits of what shows ground: a cloud must not pass for a change."""
    return np.where(sight.hidden[:, None], np.nan, sight.logits)
