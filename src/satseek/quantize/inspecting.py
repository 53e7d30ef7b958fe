"""Turns two files of one tower into how faithfully each linear layer is kept, channel by channel.

Does not know how the second was made. A model's vectors may hide a damaged layer where the layers
around it make up for it; the layer's own output cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from satseek.errors import DamagedData
from satseek.quantize.observing import Runner
from satseek.quantize.rewriting import Tower

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def gain_errors(
    candidate: Path, reference: Path, rows: NDArray[Any], *, threads: int = 0
) -> dict[str, float]:
    """By layer, how far its channels' gains lie from 1: root mean square over channels.

    A channel's gain is the factor by which the candidate's output of it fits the reference's best,
    Σ c·r / Σ r², over all rows and tokens. Rounding moves it by a hundredth, a wrong scale by what
    it is wrong.

    Args:
        candidate: ONNX file that was made from ``reference``.
        reference: ONNX file of the float tower.
        rows: A few entries, of real chips or texts.
        threads: Of one call; 0: all cores.

    Raises:
        DamagedData: a file is no tower, or the candidate lacks a layer of the reference.
    """
    tower = Tower.read(reference)
    linears = tower.linears()
    outputs = [linear.output for linear in linears]
    judged = _watching(candidate, outputs)
    products = {output: np.zeros(0) for output in outputs}
    squares = dict(products)
    for (_, *mine), (_, *theirs) in zip(
        Runner(judged, threads=threads).watched(rows),
        Runner(tower.built(observed=outputs), threads=threads).watched(rows),
        strict=True,
    ):
        for output, one, other in zip(outputs, mine, theirs, strict=True):
            left, right = (part.reshape(-1, part.shape[-1]) for part in (one, other))
            products[output] = _added(products[output], np.einsum("nc,nc->c", left, right))
            squares[output] = _added(squares[output], np.einsum("nc,nc->c", right, right))
    return {
        linear.name: _away(products[linear.output], squares[linear.output]) for linear in linears
    }


def _watching(path: Path, outputs: list[str]) -> Any:
    """The graph of a file with some of its tensors as outputs."""
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's errors have no common base but this one
        reason = " ".join(str(error).split())
        raise DamagedData(f"{path}: expected an ONNX tower: {reason}") from error
    there = {name for node in model.graph.node for name in node.output}
    missing = [name for name in outputs if name not in there]
    if missing:
        raise DamagedData(f"{path}: expected the layers of its parent, {missing[0]} is missing")
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs
    )
    return model


def _added(total: NDArray[np.float64], part: NDArray[np.float32]) -> NDArray[np.float64]:
    return total + part if total.size else part.astype(np.float64)


def _away(products: NDArray[np.float64], squares: NDArray[np.float64]) -> float:
    used = squares > squares.mean() * 1e-6  # a channel that is always 0 has no gain
    return float(np.sqrt(np.mean((products[used] / squares[used] - 1) ** 2)))
