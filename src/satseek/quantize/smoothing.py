"""Turns activations that are hard to round into easier ones, the tower's features unchanged.

Does not know ranges. A layer normalisation gives some channels far larger values than others; these
are made smaller there and larger in the weights of the layers behind: exact in float (SmoothQuant,
Xiao et al. 2022, arXiv 2211.10438, equation 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.quantize.ranges import Histogram
    from satseek.quantize.rewriting import Norm, Tower

STRENGTHS = (0.35, 0.5, 0.65)
"""Share of the difficulty that moves into the weights; the paper's own is 0.5."""

_FARTHEST = 100.0
"""No channel is scaled by more: beyond it float16 storage of the norms would lose bits."""


def smoothed(tower: Tower, histograms: Mapping[str, Histogram], *, strength: float) -> Tower:
    """Move scale from every layer normalisation into the linear layers that alone read it."""
    changes: dict[str, NDArray[np.float32]] = {}
    for norm in tower.norms():
        seen = histograms.get(norm.output)
        if seen is None or seen.peaks is None:
            continue
        scales = _scales(tower, norm, seen.peaks, strength)
        for name in (norm.scale, norm.bias):
            changes[name] = tower.weights[name] / scales
        for linear in norm.linears:
            changes[linear.weight] = tower.weights[linear.weight] * scales[:, None]
    return tower.changed(changes)


def _scales(
    tower: Tower, norm: Norm, peaks: NDArray[np.float32], strength: float
) -> NDArray[np.float32]:
    """Equation 4: max |X_j|^α / max |W_j|^(1 − α), for each channel j."""
    rows = np.max([np.abs(tower.weights[one.weight]).max(axis=1) for one in norm.linears], axis=0)
    scales = np.maximum(peaks, 1e-5) ** strength / np.maximum(rows, 1e-5) ** (1 - strength)
    scales /= np.exp(np.log(scales).mean())  # their level changes nothing
    clipped: NDArray[np.float32] = np.clip(scales, 1 / _FARTHEST, _FARTHEST).astype(np.float32)
    return clipped
