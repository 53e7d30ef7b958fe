"""Turns a tower and rows for it into features, and into what passed through its tensors.

Does not know what the rows show. Runs with ONNX Runtime, a few rows at a time, keeping sums alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from satseek.quantize.ranges import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from satseek.quantize.rewriting import Tower
    from satseek.types import Features

ROWS = 4
"""Rows run at once while tensors are watched: Git-RSCLIP-base gives 50 MB of them for each."""

BATCH = 16
"""Rows run at once where only features are wanted."""

_QUIET = 3  # ONNX Runtime's severity for errors alone


class Runner:
    """One graph in memory, ready to run."""

    def __init__(self, model: Any, *, threads: int) -> None:
        """Open an ``onnx.ModelProto``; ``threads`` are those of one call, 0 for all cores."""
        graph = model.SerializeToString()
        del model  # one copy of the weights less while the session makes its own
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._entry = self._session.get_inputs()[0].name

    def features(self, rows: NDArray[Any]) -> Features:
        """Features of all rows, (n, dim)."""
        parts = [self._session.run(["features"], {self._entry: part})[0] for part in _parts(rows)]
        features: Features = np.concatenate(parts)
        return features

    def watched(self, rows: NDArray[Any]) -> Iterator[list[NDArray[np.float32]]]:
        """Every output, ``features`` first, a few rows at a time."""
        for start in range(0, len(rows), ROWS):
            yield self._session.run(None, {self._entry: rows[start : start + ROWS]})


def observe(
    tower: Tower,
    rows: NDArray[Any],
    *,
    threads: int,
    report: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> dict[str, Histogram]:
    """Count what the linear layers of a float tower read, by tensor."""
    entries = list(dict.fromkeys(linear.entry for linear in tower.linears()))
    histograms = {entry: Histogram() for entry in entries}
    runner = Runner(tower.built(observed=entries), threads=threads)
    for done, (_, *outputs) in enumerate(runner.watched(rows)):
        for entry, values in zip(entries, outputs, strict=True):
            histograms[entry].add(values)
        report("ranges", min((done + 1) * ROWS, len(rows)), len(rows))
    return histograms


def deviation(features: Features, reference: Features) -> NDArray[np.float64]:
    """1 − cosine of each row with its counterpart, (n,)."""
    left, right = features.astype(np.float64), reference.astype(np.float64)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    apart: NDArray[np.float64] = 1 - (left * right).sum(axis=1) / np.maximum(lengths, 1e-30)
    return apart


def _parts(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]
