"""Turns the ONNX file of a float tower into one that computes or stores its weights smaller.

Does not know what a tower sees: it finds the linear layers in the graph itself, so that every
family goes the same way. Knows nothing of ranges beyond the two numbers it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from satseek.errors import DamagedData
from satseek.quantize.drawing import HALF, Writer, renamed
from satseek.quantize.rounding import WEIGHT_LIMIT, from_upper_halves

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.quantize.drawing import Store
    from satseek.quantize.rounding import Range

_TABLE = 2  # dimensions of a matrix, and of a table of token vectors
_CASTS = {TensorProto.FLOAT16, TensorProto.BFLOAT16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """One product of an activation with a weight matrix."""

    name: str
    """As in the checkpoint, such as ``vision_model.encoder.layers.0.mlp.fc1``."""
    entry: str
    """Tensor that it multiplies; layers that read the same tensor share their range."""
    output: str
    """Tensor that it gives, before the bias."""
    weight: str
    """Name of its matrix."""
    inputs: int
    """Rows of the matrix."""
    outputs: int
    """Columns of the matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """A layer normalisation whose output goes into linear layers alone."""

    scale: str
    """Name of its scale."""
    bias: str
    """Name of its bias."""
    output: str
    """Tensor that the layers read."""
    linears: tuple[Linear, ...]
    """Those layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """The graph of one tower with its float weights apart."""

    model: Any
    """``onnx.ModelProto`` as read, without its nodes and initializers."""
    nodes: tuple[Any, ...]
    """Its nodes; weights are named directly, casts of stored weights are left out."""
    weights: Mapping[str, NDArray[np.float32]]
    """Float weights by name."""
    halves: frozenset[str]
    """Those of them that the parent stores as float16."""
    constants: Mapping[str, Any]
    """Everything else, as stored."""

    @classmethod
    def read(cls, path: Path) -> Tower:
        """Read an ONNX file.

        Raises:
            DamagedData: it is none, or no linear layer with float weights is in it.
        """
        try:
            tower = cls.of(onnx.load(str(path)))
        except FileNotFoundError as error:
            raise DamagedData(f"{path}: expected an ONNX tower, found no such file") from error
        except Exception as error:  # protobuf's errors have no common base but this one
            reason = " ".join(str(error).split())
            raise DamagedData(f"{path}: expected an ONNX tower: {reason}") from error
        if not tower.linears():
            raise DamagedData(f"{path}: expected linear layers with float weights, found none")
        return tower

    @classmethod
    def of(cls, model: Any) -> Tower:
        """Take a graph apart; it is not changed."""
        stored = {tensor.name: tensor for tensor in model.graph.initializer}
        gathered = {node.input[0] for node in model.graph.node if node.op_type == "Gather"}
        names, weights, halves = {}, {}, set()
        for node in model.graph.node:
            if node.op_type != "Cast" or node.input[0] not in stored:
                continue
            tensor = stored[node.input[0]]
            if tensor.data_type in _CASTS and tensor.name not in gathered:
                name = tensor.name.removesuffix(HALF)
                names[node.output[0]] = name
                weights[name] = _floats(tensor)
                halves.add(name)
        casts = {tensor for tensor in stored if tensor.removesuffix(HALF) in halves}
        for name, tensor in stored.items():
            if name not in casts and tensor.data_type == TensorProto.FLOAT:
                weights[name] = _floats(tensor)
        nodes = tuple(
            renamed(node, names) for node in model.graph.node if node.output[0] not in names
        )
        constants = {
            name: _copied(tensor)
            for name, tensor in stored.items()
            if name not in weights and name not in casts
        }
        return cls(
            model=_frame(model),
            nodes=nodes,
            weights=weights,
            halves=frozenset(halves),
            constants=constants,
        )

    @property
    def entry(self) -> str:
        """Name of the tensor that the tower takes."""
        return str(self.model.graph.input[0].name)

    def linears(self) -> list[Linear]:
        """Every product with a weight matrix, in the graph's order."""
        return [
            Linear(
                name=node.input[1].removesuffix(".weight"),
                entry=node.input[0],
                output=node.output[0],
                weight=node.input[1],
                inputs=self.weights[node.input[1]].shape[0],
                outputs=self.weights[node.input[1]].shape[1],
            )
            for node in self.nodes
            if node.op_type == "MatMul"
            and node.input[1] in self.weights
            and self.weights[node.input[1]].ndim == _TABLE
        ]

    def norms(self) -> list[Norm]:
        """Layer normalisations whose output only linear layers read."""
        readers: dict[str, list[str]] = {}
        for node in self.nodes:
            for name in node.input:
                readers.setdefault(name, []).append(node.output[0])
        by_output = {linear.output: linear for linear in self.linears()}
        found = []
        for node in self.nodes:
            read_by = readers.get(node.output[0], [])
            if node.op_type == "LayerNormalization" and all(r in by_output for r in read_by):
                found.append(
                    Norm(
                        scale=node.input[1],
                        bias=node.input[2],
                        output=node.output[0],
                        linears=tuple(by_output[r] for r in read_by),
                    )
                )
        return [norm for norm in found if norm.linears]

    def last_linear(self) -> Linear:
        """The linear layer nearest to the features."""
        return self.linears()[-1]

    def bias_of(self, linear: Linear) -> str | None:
        """Name of what is added to a linear layer's product; None where nothing is."""
        for node in self.nodes:
            if node.op_type == "Add" and linear.output in node.input:
                other = next(name for name in node.input if name != linear.output)
                return other if other in self.weights else None
        return None

    def changed(self, weights: Mapping[str, NDArray[np.float32]]) -> Tower:
        """The same graph with some weights replaced."""
        return replace(self, weights={**self.weights, **weights})

    def built(
        self,
        *,
        ranges: Mapping[str, Range] | None = None,
        floating: Collection[str] = (),
        store: Store = "kept",
        observed: Collection[str] = (),
        weight_limit: int = WEIGHT_LIMIT,
    ) -> Any:
        """Write the graph: an ``onnx.ModelProto``.

        Args:
            ranges: by tensor; linear layers that read one of them compute in integers.
            floating: names of linear layers that stay in float all the same.
            store: how float weights are stored.
            observed: tensors that become outputs, after ``features``.
            weight_limit: largest integer of a weight; 127 is all 8 bits.
        """
        writer = Writer(self, ranges or {}, frozenset(floating), store, weight_limit)
        return writer.model(observed)


def write_tower(model: Any, path: Path) -> None:
    """Write a graph; the same graph gives the same bytes.

    Raises:
        OSError: it could not be written, such as where the disk is full.
    """
    path.write_bytes(model.SerializeToString(deterministic=True))


def check_tower(model: Any) -> None:
    """Let the onnx library check shapes and types."""
    onnx.checker.check_model(model, full_check=True)


def _frame(model: Any) -> Any:
    """A model's name, types and versions: what is left once its weights and nodes are apart."""
    frame = onnx.ModelProto(ir_version=model.ir_version)
    frame.opset_import.extend(model.opset_import)
    frame.graph.name = model.graph.name
    frame.graph.input.extend(model.graph.input)
    frame.graph.output.extend(model.graph.output)
    return frame


def _copied(tensor: Any) -> Any:
    """The same tensor on its own: one that belongs to a model keeps all of it in memory."""
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    return copy


def _floats(tensor: Any) -> NDArray[np.float32]:
    if tensor.data_type != TensorProto.BFLOAT16:
        return numpy_helper.to_array(tensor).astype(np.float32)
    halves = np.frombuffer(tensor.raw_data, np.uint16)
    return from_upper_halves(halves).reshape(tuple(tensor.dims))
