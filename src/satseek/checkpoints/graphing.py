"""Named weights of a SigLIP become the ONNX graphs of its two towers.

Knows no torch: graphs are written node by node, so that the same weights give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[Any]]

OPSET = 20
"""The first with Gelu, which SigLIP's MLPs are made of (its tanh form)."""

_IR_VERSION = 9
"""What opset 20 came with; higher ones are refused by older runtimes."""

_LARGEST_HALF = 65504.0


class Graph:
    """Nodes and weights of one tower, in the order in which they were added."""

    def __init__(self, *, half: bool) -> None:
        """``half``: store weights as float16; they are cast to float32 where the graph starts."""
        self._half = half
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._count = 0

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and give the name of its output."""
        self._count += 1
        output = f"{kind.lower()}_{self._count}"
        self._nodes.append(
            helper.make_node(kind, list(inputs), [output], name=output, **attributes)
        )
        return output

    def weight(self, name: str, values: NDArray[Any]) -> str:
        """Add float weights and give the name under which they are float32."""
        if not self._half or np.abs(values).max(initial=0) > _LARGEST_HALF:
            return self.constant(name, values.astype(np.float32))
        stored = self.constant(f"{name}.half", values.astype(np.float16))
        return self.node("Cast", stored, to=TensorProto.FLOAT)

    def rows(self, name: str, table: NDArray[Any], chosen: str) -> str:
        """Look up rows of a float table, casting only what was looked up."""
        if not self._half:
            return self.node("Gather", self.constant(name, table.astype(np.float32)), chosen)
        stored = self.constant(f"{name}.half", table.astype(np.float16))
        return self.node("Cast", self.node("Gather", stored, chosen), to=TensorProto.FLOAT)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add values as they are."""
        self._weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def numbers(self, values: Sequence[int]) -> str:
        """Add a small int64 constant, such as a shape."""
        self._count += 1
        return self.constant(f"numbers_{self._count}", np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Add a float32 constant without axes."""
        self._count += 1
        return self.constant(f"number_{self._count}", np.array(value, np.float32))

    def linear(self, x: str, name: str, weights: Weights) -> str:
        """``x @ weight.T + bias``."""
        by = self.weight(f"{name}.weight", weights[f"{name}.weight"].T)
        return self.node(
            "Add", self.node("MatMul", x, by), self.weight(f"{name}.bias", weights[f"{name}.bias"])
        )

    def norm(self, x: str, name: str, weights: Weights, *, epsilon: float) -> str:
        """Layer normalisation over the last axis."""
        scale = self.weight(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.weight(f"{name}.bias", weights[f"{name}.bias"])
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def attention(
        self, queries: str, keys: str, values: str, *, heads: int, width: int, mask: str = ""
    ) -> str:
        """Scaled dot-product attention; inputs (n, tokens, width).

        ``mask`` (tokens, tokens) is added before the softmax; empty: all tokens see all tokens.
        """
        size = width // heads
        split = self.numbers([0, 0, heads, size])
        q = self.node("Transpose", self.node("Reshape", queries, split), perm=[0, 2, 1, 3])
        k = self.node("Transpose", self.node("Reshape", keys, split), perm=[0, 2, 3, 1])
        v = self.node("Transpose", self.node("Reshape", values, split), perm=[0, 2, 1, 3])
        self._count += 1
        scale = self.constant(f"scale_{self._count}", np.array(size**-0.5, np.float32))
        seen = self.node("MatMul", self.node("Mul", q, scale), k)
        shares = self.node("Softmax", self.node("Add", seen, mask) if mask else seen, axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", shares, v), perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.numbers([0, 0, width]))

    def model(self, entry: Any, features: str, dim: int, *, description: str) -> Any:
        """Close the graph: ``entry`` in, ``features`` float32 (n, dim) out."""
        self._nodes.append(helper.make_node("Identity", [features], ["features"], name="features"))
        given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dim])
        graph = helper.make_graph(
            self._nodes, description, [entry], [given], initializer=self._weights
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="satseek",
        )


def image_tower(weights: Weights, config: Mapping[str, Any], *, half: bool) -> Any:
    """``pixel_values`` float32 (n, 3, size, size) → ``features``: an ``onnx.ModelProto``."""
    graph, width, heads = Graph(half=half), config["hidden_size"], config["num_attention_heads"]
    size, patch = config["image_size"], config["patch_size"]
    tokens, epsilon = (size // patch) ** 2, config["layer_norm_eps"]
    name = "vision_model.embeddings.patch_embedding"
    x = graph.node(
        "Conv",
        "pixel_values",
        graph.weight(f"{name}.weight", weights[f"{name}.weight"]),
        graph.weight(f"{name}.bias", weights[f"{name}.bias"]),
        kernel_shape=[patch, patch],
        strides=[patch, patch],
    )
    x = graph.node("Reshape", x, graph.numbers([0, width, tokens]))
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    name = "vision_model.embeddings.position_embedding.weight"
    x = graph.node("Add", x, graph.weight(name, weights[name]))
    x = _layers(graph, x, "vision_model", weights, config)
    x = graph.norm(x, "vision_model.post_layernorm", weights, epsilon=epsilon)
    x = _pooled(graph, x, weights, width=width, heads=heads, epsilon=epsilon)
    entry = helper.make_tensor_value_info(
        "pixel_values", TensorProto.FLOAT, ["n", config["num_channels"], size, size]
    )
    return graph.model(entry, x, width, description="SigLIP image tower")


def text_tower(weights: Weights, config: Mapping[str, Any], *, half: bool) -> Any:
    """``input_ids`` int64 (n, context) → ``features``: an ``onnx.ModelProto``."""
    graph, context = Graph(half=half), config["max_position_embeddings"]
    name = "text_model.embeddings.token_embedding.weight"
    x = graph.rows(name, weights[name], "input_ids")
    name = "text_model.embeddings.position_embedding.weight"
    x = graph.node("Add", x, graph.weight(name, weights[name]))
    x = _layers(graph, x, "text_model", weights, config)
    # Pooled at the last position, which in a short text is padding.
    x = graph.node("Gather", x, graph.constant("last", np.array(context - 1, np.int64)), axis=1)
    epsilon = config["layer_norm_eps"]
    x = graph.norm(x, "text_model.final_layer_norm", weights, epsilon=epsilon)
    x = graph.linear(x, "text_model.head", weights)
    entry = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", context])
    return graph.model(entry, x, config["projection_size"], description="SigLIP text tower")


def _layers(graph: Graph, x: str, tower: str, weights: Weights, config: Mapping[str, Any]) -> str:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    for i in range(config["num_hidden_layers"]):
        name, epsilon = f"{tower}.encoder.layers.{i}", config["layer_norm_eps"]
        seen = graph.norm(x, f"{name}.layer_norm1", weights, epsilon=epsilon)
        q, k, v = (graph.linear(seen, f"{name}.self_attn.{part}_proj", weights) for part in "qkv")
        mixed = graph.attention(q, k, v, heads=heads, width=width)
        x = graph.node("Add", x, graph.linear(mixed, f"{name}.self_attn.out_proj", weights))
        seen = graph.norm(x, f"{name}.layer_norm2", weights, epsilon=epsilon)
        x = graph.node("Add", x, _mlp(graph, seen, f"{name}.mlp", weights))
    return x


def _mlp(graph: Graph, x: str, name: str, weights: Weights) -> str:
    wide = graph.node("Gelu", graph.linear(x, f"{name}.fc1", weights), approximate="tanh")
    return graph.linear(wide, f"{name}.fc2", weights)


def _pooled(
    graph: Graph, x: str, weights: Weights, *, width: int, heads: int, epsilon: float
) -> str:
    """Attention pooling: one learnt query looks at all patches, then an MLP; (n, width)."""
    name = "vision_model.head"
    matrix = weights[f"{name}.attention.in_proj_weight"]
    offset = weights[f"{name}.attention.in_proj_bias"]
    query, key, value = (
        {"p.weight": matrix[i * width : (i + 1) * width], "p.bias": offset[i * width :][:width]}
        for i in range(3)
    )
    # The query is the same for every chip: projected here, once and for all.
    asked = weights[f"{name}.probe"].astype(np.float32) @ query["p.weight"].T.astype(np.float32)
    probe = graph.constant("probe", asked + query["p.bias"].astype(np.float32))
    keys = graph.linear(x, "pool.key", {f"pool.key{k[1:]}": v for k, v in key.items()})
    values = graph.linear(x, "pool.value", {f"pool.value{k[1:]}": v for k, v in value.items()})
    pooled = _probed(graph, probe, keys, values, heads=heads, width=width)
    pooled = graph.linear(pooled, f"{name}.attention.out_proj", weights)
    seen = graph.norm(pooled, f"{name}.layernorm", weights, epsilon=epsilon)
    return graph.node("Add", pooled, _mlp(graph, seen, f"{name}.mlp", weights))


def _probed(graph: Graph, probe: str, keys: str, values: str, *, heads: int, width: int) -> str:
    mixed = graph.attention(probe, keys, values, heads=heads, width=width)
    return graph.node("Reshape", mixed, graph.numbers([-1, width]))


def check_file(path: Path) -> None:
    """Let the onnx library check shapes and types of a written graph: it takes less memory."""
    onnx.checker.check_model(str(path), full_check=True)
