"""Named weights of a CLIP become the ONNX graphs of its two towers.

Knows no torch and no file: standard operators only, written node by node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from satseek.checkpoints.graphing import Graph
from satseek.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[Any]]

ACTIVATIONS = ("quick_gelu", "gelu")
"""``hidden_act`` of a tower: OpenAI's x · sigmoid(1.702 x), or the exact one with erf. Which of
them a model was trained with cannot be seen from its weights."""

_QUICK = 1.702  # arXiv 1606.08415, section 2; OpenAI's clip/model.py, class QuickGELU

_HIDDEN = -30_000.0
"""Added to what a token must not see: its exponential is 0 beside any real score, and it is still
finite as float16, where the true −∞ makes runtimes of reduced precision give NaN."""

OLD_END = 2
"""``eos_token_id`` of configs from before transformers corrected it (its pull request 24773): the
end token is then the one with the highest id."""


def image_tower(weights: Weights, config: Mapping[str, Any], *, half: bool) -> Any:
    """``pixel_values`` float32 (n, 3, size, size) → ``features``: an ``onnx.ModelProto``.

    Raises:
        InvalidConfig: the config names another activation than CLIP's two.
    """
    graph, width = Graph(half=half), config["hidden_size"]
    size, patch, epsilon = config["image_size"], config["patch_size"], config["layer_norm_eps"]
    x = _patches(graph, weights, width=width, patch=patch, tokens=(size // patch) ** 2)
    # The name is misspelt in every published checkpoint.
    x = graph.norm(x, "vision_model.pre_layrnorm", weights, epsilon=epsilon)
    x = _layers(graph, x, "vision_model", weights, config, mask="")
    # Pooled at the class token: (n, tokens, width) → (n, width).
    x = graph.node("Gather", x, graph.constant("first", np.array(0, np.int64)), axis=1)
    x = graph.norm(x, "vision_model.post_layernorm", weights, epsilon=epsilon)
    x = _projected(graph, x, "visual_projection", weights)
    entry = helper.make_tensor_value_info(
        "pixel_values", TensorProto.FLOAT, ["n", config["num_channels"], size, size]
    )
    return graph.model(entry, x, config["projection_dim"], description="CLIP image tower")


def text_tower(weights: Weights, config: Mapping[str, Any], *, half: bool) -> Any:
    """``input_ids`` int64 (n, context) → ``features``: an ``onnx.ModelProto``.

    Raises:
        InvalidConfig: the config names another activation than CLIP's two.
    """
    graph, context = Graph(half=half), config["max_position_embeddings"]
    name = "text_model.embeddings.token_embedding.weight"
    x = graph.rows(name, weights[name], "input_ids")
    name = "text_model.embeddings.position_embedding.weight"
    x = graph.node("Add", x, graph.weight(name, weights[name]))
    # A token sees itself and those before it, so what fills a text up changes nothing.
    later = np.triu(np.full((context, context), _HIDDEN, np.float32), k=1)
    x = _layers(graph, x, "text_model", weights, config, mask=graph.constant("causal", later))
    x = graph.node("GatherND", x, _end(graph, config["eos_token_id"]), batch_dims=1)  # (n, width)
    epsilon = config["layer_norm_eps"]
    x = graph.norm(x, "text_model.final_layer_norm", weights, epsilon=epsilon)
    x = _projected(graph, x, "text_projection", weights)
    entry = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", context])
    return graph.model(entry, x, config["projection_dim"], description="CLIP text tower")


def _patches(graph: Graph, weights: Weights, *, width: int, patch: int, tokens: int) -> str:
    """Patches behind one class token, with their positions: (n, tokens + 1, width)."""
    name = "vision_model.embeddings.patch_embedding.weight"
    x = graph.node(
        "Conv",
        "pixel_values",
        graph.weight(name, weights[name]),
        kernel_shape=[patch, patch],
        strides=[patch, patch],
    )
    x = graph.node("Reshape", x, graph.numbers([0, width, tokens]))
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    # A row of zeros in front, to which the class embedding is added: no shape is asked for.
    x = graph.node("Pad", x, graph.numbers([0, 1, 0, 0, 0, 0]))
    name = "vision_model.embeddings.class_embedding"
    first = graph.weight(name, weights[name].reshape(1, width))
    first = graph.node("Pad", first, graph.numbers([0, 0, tokens, 0]))  # (tokens + 1, width)
    name = "vision_model.embeddings.position_embedding.weight"
    return graph.node("Add", x, graph.node("Add", first, graph.weight(name, weights[name])))


def _layers(
    graph: Graph, x: str, tower: str, weights: Weights, config: Mapping[str, Any], *, mask: str
) -> str:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon, activation = config["layer_norm_eps"], config["hidden_act"]
    for i in range(config["num_hidden_layers"]):
        name = f"{tower}.encoder.layers.{i}"
        seen = graph.norm(x, f"{name}.layer_norm1", weights, epsilon=epsilon)
        q, k, v = (graph.linear(seen, f"{name}.self_attn.{part}_proj", weights) for part in "qkv")
        mixed = graph.attention(q, k, v, heads=heads, width=width, mask=mask)
        x = graph.node("Add", x, graph.linear(mixed, f"{name}.self_attn.out_proj", weights))
        seen = graph.norm(x, f"{name}.layer_norm2", weights, epsilon=epsilon)
        wide = _activated(graph, graph.linear(seen, f"{name}.mlp.fc1", weights), activation)
        x = graph.node("Add", x, graph.linear(wide, f"{name}.mlp.fc2", weights))
    return x


def _activated(graph: Graph, x: str, activation: str) -> str:
    if activation == "gelu":
        return graph.node("Gelu", x, approximate="none")
    if activation == "quick_gelu":
        factor = graph.number(_QUICK)
        return graph.node("Mul", x, graph.node("Sigmoid", graph.node("Mul", x, factor)))
    raise InvalidConfig(
        f"config.json: expected hidden_act {' or '.join(ACTIVATIONS)}, not {activation!r}"
    )


def _end(graph: Graph, end: int) -> str:
    """Position of each text's first end token, int64 (n, 1)."""
    if end == OLD_END:
        marked = graph.node("Cast", "input_ids", to=TensorProto.INT32)
    else:
        same = graph.node("Equal", "input_ids", graph.constant("end", np.array(end, np.int64)))
        marked = graph.node("Cast", same, to=TensorProto.INT32)
    return graph.node("ArgMax", marked, axis=1, keepdims=1)


def _projected(graph: Graph, x: str, name: str, weights: Weights) -> str:
    by = graph.weight(f"{name}.weight", weights[f"{name}.weight"].T)
    return graph.node("MatMul", x, by)
