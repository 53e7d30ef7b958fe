"""Turns what rounding did to a tower's features into a last layer that makes up for part of it.

Does not know images or texts. No gradient: the best last layer for given inputs is a regression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.quantize.observing import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from satseek.quantize.rewriting import Linear, Tower
    from satseek.quantize.rounding import Range
    from satseek.types import Features

PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Ridge penalties tried, in units of the mean squared length of a layer's input."""


def tuned(
    tower: Tower,
    rows: NDArray[Any],
    wanted: Features,
    *,
    ranges: Mapping[str, Range],
    floating: tuple[str, ...],
    threads: int,
) -> Iterator[Tower]:
    """Towers whose last linear layer was refitted, one for each penalty.

    Solves min over D of |H D − (wanted − given)|² + λ |D|² in its dual form, as there are fewer
    rows than channels (Saunders et al., Ridge Regression Learning Algorithm in Dual Variables,
    ICML 1998).

    Args:
        tower: Float tower.
        rows: What to fit on: chips or ids, not those that the result is judged by.
        wanted: Features of the float tower for them, (n, dim).
        ranges: As in ``Tower.built``.
        floating: As in ``Tower.built``.
        threads: Of one call.
    """
    last = tower.last_linear()
    given, inputs = _seen(tower, last, rows, ranges=ranges, floating=floating, threads=threads)
    if inputs.shape[0] != len(rows) or given.shape[1] != last.outputs:
        return  # the last layer is no projection of pooled rows: nothing to fit
    bias = tower.bias_of(last)
    ones = np.ones((len(inputs), 1 if bias else 0))
    entries = np.concatenate([inputs, ones], axis=1)  # (n, inputs + 1)
    kernel = entries @ entries.T  # (n, n)
    missed = wanted.astype(np.float64) - given
    for penalty in PENALTIES:
        ridge = penalty * np.trace(kernel) / len(kernel)
        change = entries.T @ np.linalg.solve(kernel + ridge * np.eye(len(kernel)), missed)
        weight = tower.weights[last.weight] + change[: last.inputs].astype(np.float32)
        changes = {last.weight: weight.astype(np.float32)}
        if bias:
            changes[bias] = (tower.weights[bias] + change[last.inputs]).astype(np.float32)
        yield tower.changed(changes)


def _seen(
    tower: Tower,
    last: Linear,
    rows: NDArray[Any],
    *,
    ranges: Mapping[str, Range],
    floating: tuple[str, ...],
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of the rounded tower, and what its last linear layer read."""
    model = tower.built(ranges=ranges, floating=floating, observed=[last.entry])
    features, inputs = zip(*Runner(model, threads=threads).watched(rows), strict=True)
    flat = np.concatenate(inputs).reshape(-1, last.inputs)
    return np.concatenate(features).astype(np.float64), flat.astype(np.float64)
