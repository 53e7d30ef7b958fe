"""Turns the ONNX file of a float tower into one that computes or stores its weights smaller.

Does not know what a tower sees: it finds the linear layers in the graph itself, so that every
family goes the same way. Knows nothing of ranges beyond the two numbers it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

WEIGHT_LIMIT = 63
"""Largest weight as an integer: 7 bits of sign and size. A processor without VNNI adds pairs of
u8×s8 products in 16 bits: 2 · 255 · 127 overflows there and saturates, 2 · 255 · 63 = 32,130 does
not (Intel, AVX2 ``VPMADDUBSW``), so that one file gives the same vectors everywhere."""

LEVELS = 255
"""Steps of an unsigned 8-bit activation."""

LARGEST_HALF = 65504.0

Store = Literal["kept", "float16", "bfloat16"]
"""How float weights lie in the file: as in the parent, or cast to float32 when loaded."""

_HALF = ".half"
_TABLE = 2  # dimensions of a matrix, and of a table of token vectors
_CASTS = {TensorProto.FLOAT16, TensorProto.BFLOAT16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What an activation is clipped to before it becomes 8 bits."""

    low: float
    """Taken as 0 where it is above: zero itself stays exact."""
    high: float
    """Taken as 0 where it is below."""

    def step(self) -> tuple[np.float32, np.uint8]:
        """Scale and zero point of the unsigned 8-bit form."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = np.float32(max((high - low) / LEVELS, 1e-12))
        return scale, np.uint8(np.clip(round(-low / float(scale)), 0, LEVELS))


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
    """``onnx.ModelProto`` as read."""
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
                name = tensor.name.removesuffix(_HALF)
                names[node.output[0]] = name
                weights[name] = _floats(tensor)
                halves.add(name)
        casts = {tensor for tensor in stored if tensor.removesuffix(_HALF) in halves}
        for name, tensor in stored.items():
            if name not in casts and tensor.data_type == TensorProto.FLOAT:
                weights[name] = _floats(tensor)
        nodes = tuple(
            _renamed(node, names) for node in model.graph.node if node.output[0] not in names
        )
        constants = {n: t for n, t in stored.items() if n not in weights and n not in casts}
        return cls(
            model=model, nodes=nodes, weights=weights, halves=frozenset(halves), constants=constants
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
        writer = _Writer(self, ranges or {}, frozenset(floating), store, weight_limit)
        return writer.model(observed)


class _Writer:
    """One graph in the making."""

    def __init__(
        self,
        tower: Tower,
        ranges: Mapping[str, Range],
        floating: frozenset[str],
        store: Store,
        weight_limit: int,
    ) -> None:
        self._tower, self._ranges, self._store = tower, ranges, store
        self._limit = weight_limit
        self._integer = {
            one.output: one
            for one in tower.linears()
            if one.entry in ranges and one.name not in floating
        }
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}
        self._rounded: dict[str, str] = {}
        self._named: dict[str, str] = {}

    def model(self, observed: Collection[str]) -> Any:
        for node in self._tower.nodes:
            if node.output[0] in self._integer:
                self._product(self._integer[node.output[0]])
            elif self._is_wide_lookup(node):
                self._lookup(node)
            else:
                names = {name: self._name(name) for name in node.input}
                self._nodes.append(_renamed(node, names))
        return self._closed(observed)

    def _product(self, linear: Linear) -> None:
        """``x @ w`` with both made of integers; runtimes fuse the five nodes into one product."""
        whole, scales = integers(self._tower.weights[linear.weight], limit=self._limit)
        name = linear.weight
        parts = [
            self._tensor(f"{name}.int8", whole),
            self._tensor(f"{name}.scale", scales),
            self._tensor(f"{name}.zero", np.zeros(len(scales), np.int8)),
        ]
        self._node("DequantizeLinear", parts, f"{name}.float", axis=1)
        taken = [self._activation(linear.entry), f"{name}.float"]
        self._node("MatMul", taken, linear.output)

    def _activation(self, entry: str) -> str:
        if entry not in self._rounded:
            scale, zero = self._ranges[entry].step()
            by = [
                self._tensor(f"{entry}.scale", np.asarray(scale)),
                self._tensor(f"{entry}.zero", np.asarray(zero)),
            ]
            self._node("QuantizeLinear", [entry, *by], f"{entry}.uint8")
            self._node("DequantizeLinear", [f"{entry}.uint8", *by], f"{entry}.rounded")
            self._rounded[entry] = f"{entry}.rounded"
        return self._rounded[entry]

    def _is_wide_lookup(self, node: Any) -> bool:
        smaller = bool(self._ranges) or self._store != "kept"
        table = self._tower.weights.get(node.input[0]) if node.op_type == "Gather" else None
        return smaller and table is not None and np.abs(table).max(initial=0) <= LARGEST_HALF

    def _lookup(self, node: Any) -> None:
        """Rows of a table stored as float16: only those looked up are cast."""
        table = self._tower.weights[node.input[0]].astype(np.float16)
        names = {node.input[0]: self._tensor(f"{node.input[0]}{_HALF}", table)}
        found = _renamed(node, names)
        found.output[0] = found.name = f"{node.output[0]}{_HALF}"
        self._nodes.append(found)
        self._node("Cast", [found.output[0]], node.output[0], to=TensorProto.FLOAT)

    def _name(self, name: str) -> str:
        """Store what a node reads, where it is a weight or a constant, and say under which name."""
        if name in self._named:
            return self._named[name]
        self._named[name] = name
        if name in self._tower.constants:
            self._tensors[name] = self._tower.constants[name]
        elif name in self._tower.weights:
            self._named[name] = self._weight(name, self._tower.weights[name])
        return self._named[name]

    def _weight(self, name: str, values: NDArray[np.float32]) -> str:
        half = self._store == "float16" or (self._store == "kept" and name in self._tower.halves)
        if self._store == "bfloat16" and values.ndim:
            stored = f"{name}.bfloat16"
            self._tensors[stored] = _bfloat16(stored, values)
        elif half and values.ndim and np.abs(values).max(initial=0) <= LARGEST_HALF:
            stored = self._tensor(f"{name}{_HALF}", values.astype(np.float16))
        else:
            return self._tensor(name, values)
        self._node("Cast", [stored], f"{name}.cast", to=TensorProto.FLOAT)
        return f"{name}.cast"

    def _tensor(self, name: str, values: NDArray[Any]) -> str:
        self._tensors[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def _closed(self, observed: Collection[str]) -> Any:
        graph = self._tower.model.graph
        seen = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in observed]
        return helper.make_model(
            helper.make_graph(
                self._nodes,
                graph.name,
                list(graph.input),
                [*graph.output, *seen],
                initializer=list(self._tensors.values()),
            ),
            opset_imports=list(self._tower.model.opset_import),
            ir_version=self._tower.model.ir_version,
            producer_name="satseek",
        )


def integers(
    weight: NDArray[np.float32], *, limit: int = WEIGHT_LIMIT
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers of ±``limit`` and one scale per column: (in, out) and (out,)."""
    scales = np.maximum(np.abs(weight).max(axis=0) / limit, 1e-12).astype(np.float32)
    whole = np.clip(np.rint(weight / scales), -limit, limit).astype(np.int8)
    return whole, scales


def write_tower(model: Any, path: Path) -> None:
    """Write a graph; the same graph gives the same bytes.

    Raises:
        OSError: it could not be written, such as where the disk is full.
    """
    path.write_bytes(model.SerializeToString(deterministic=True))


def check_tower(model: Any) -> None:
    """Let the onnx library check shapes and types."""
    onnx.checker.check_model(model, full_check=True)


def _floats(tensor: Any) -> NDArray[np.float32]:
    if tensor.data_type != TensorProto.BFLOAT16:
        return numpy_helper.to_array(tensor).astype(np.float32)
    bits = np.frombuffer(tensor.raw_data, np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(tuple(tensor.dims))


def _bfloat16(name: str, values: NDArray[np.float32]) -> Any:
    """The upper half of each float32's bits, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    upper = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return helper.make_tensor(name, TensorProto.BFLOAT16, values.shape, upper.tobytes(), raw=True)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for place, name in enumerate(node.input):
        copy.input[place] = names.get(name, name)
    return copy
