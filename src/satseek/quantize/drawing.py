"""Turns a float tower taken apart into the graph of a smaller one, node by node.

Does not know where ranges come from, nor which layers should stay in float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from satseek.quantize.rounding import LARGEST_HALF, integers, upper_halves

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from satseek.quantize.rewriting import Linear, Tower
    from satseek.quantize.rounding import Range

Store = Literal["kept", "float16", "bfloat16"]
"""How float weights lie in the file: as in the parent, or cast to float32 when loaded."""

HALF = ".half"
"""Ends the names of weights that are stored as float16."""


class Writer:
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
        """The whole ``onnx.ModelProto``; ``observed`` tensors become outputs after the features."""
        for node in self._tower.nodes:
            if node.output[0] in self._integer:
                self._product(self._integer[node.output[0]])
            elif self._is_wide_lookup(node):
                self._lookup(node)
            else:
                names = {name: self._name(name) for name in node.input}
                self._nodes.append(renamed(node, names))
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
        names = {node.input[0]: self._tensor(f"{node.input[0]}{HALF}", table)}
        found = renamed(node, names)
        found.output[0] = found.name = f"{node.output[0]}{HALF}"
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
            self._tensors[stored] = bfloat16_tensor(stored, values)
        elif half and values.ndim and np.abs(values).max(initial=0) <= LARGEST_HALF:
            stored = self._tensor(f"{name}{HALF}", values.astype(np.float16))
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
        made = helper.make_model(
            helper.make_graph(self._nodes, graph.name, list(graph.input), [*graph.output, *seen]),
            opset_imports=list(self._tower.model.opset_import),
            ir_version=self._tower.model.ir_version,
            producer_name="satseek",
        )
        while self._tensors:  # one by one: a large tower's weights are in memory once, not thrice
            made.graph.initializer.append(self._tensors.pop(next(iter(self._tensors))))
        return made


def bfloat16_tensor(name: str, values: NDArray[np.float32]) -> Any:
    """An initializer of the type that NumPy does not have."""
    raw = upper_halves(values).tobytes()
    return helper.make_tensor(name, TensorProto.BFLOAT16, values.shape, raw, raw=True)


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """The same node, reading other names."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for place, name in enumerate(node.input):
        copy.input[place] = names.get(name, name)
    return copy
