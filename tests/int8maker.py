"""Makes an INT8 bundle of a float one: QDQ graphs with static scales, the simplest honest way.

Knows onnx, so a test that uses it skips where that is missing. It is for engines that must run such
graphs; how to quantize well is the room ``quantize``'s business.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from satseek.model.bundle import Bundle, open_bundle
from satseek.model.card import content_version, write_card

if TYPE_CHECKING:
    from pathlib import Path

WEIGHT_TOP = 63  # 7 bits: without VNNI two u8×s8 products of full range saturate in 16 bits
ACTIVATION_RANGE = 8.0  # layer-normalised numbers stay inside ±8


def make_int8(bundle: Bundle, folder: Path) -> Bundle:
    """Quantize every product with weights: int8 by column; activations uint8, one range."""
    for tower in (bundle.image_tower, bundle.text_tower):
        onnx.save(_quantized(onnx.load(str(tower))), str(folder / tower.name))
    shutil.copy(bundle.tokenizer, folder / bundle.tokenizer.name)
    card = replace(bundle.card, precision="int8", version=content_version(folder))
    write_card(replace(card, parent=bundle.card.version), folder)
    return open_bundle(folder)


def _quantized(model: Any) -> Any:
    graph = model.graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    nodes: list[Any] = []
    for node in graph.node:
        name = casts.get(node.input[1], node.input[1]) if node.op_type == "MatMul" else ""
        if name in stored:
            nodes += _pair(graph, node, stored[name].astype(np.float32))
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _pair(graph: Any, product: Any, weights: np.ndarray) -> list[Any]:
    """Put QuantizeLinear and DequantizeLinear before a product's input and its weights."""
    name = product.output[0]
    scales = np.maximum(np.abs(weights).max(axis=0), 1e-6) / WEIGHT_TOP
    whole = np.clip(np.rint(weights / scales), -WEIGHT_TOP, WEIGHT_TOP).astype(np.int8)
    for suffix, values in {
        "w": whole,
        "w_scale": scales.astype(np.float32),
        "w_zero": np.zeros(len(scales), np.int8),
        "a_scale": np.array(2 * ACTIVATION_RANGE / 255, np.float32),
        "a_zero": np.array(128, np.uint8),
    }.items():
        graph.initializer.append(numpy_helper.from_array(values, f"{name}.{suffix}"))
    scale = [f"{name}.a_scale", f"{name}.a_zero"]
    added = [
        helper.make_node("QuantizeLinear", [product.input[0], *scale], [f"{name}.q"]),
        helper.make_node("DequantizeLinear", [f"{name}.q", *scale], [f"{name}.dq"]),
        helper.make_node(
            "DequantizeLinear",
            [f"{name}.w", f"{name}.w_scale", f"{name}.w_zero"],
            [f"{name}.wf"],
            axis=1,
        ),
    ]
    product.input[0], product.input[1] = f"{name}.dq", f"{name}.wf"
    return added
