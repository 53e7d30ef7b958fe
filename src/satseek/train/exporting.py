"""A Hugging Face SigLIP directory becomes a bundle that every engine loads.

Knows nothing of training: Git-RSCLIP goes the same way as the model that is shipped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.torch import save_file

from satseek.checkpoints import graphing
from satseek.errors import DamagedData, InvalidConfig, ModelNotFound
from satseek.model.card import IMAGE_TOWER, TEXT_TOWER, TOKENIZER, content_version, write_card
from satseek.train.building import load_model
from satseek.train.tokenizing import PIECES, load_tokenizer
from satseek.types import ModelCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

_PROTOBUF_LIMIT = 2**31 - 1
"""Bytes of the largest protobuf message, and so of the largest ONNX file without side files."""

_COPIED = ("tokenizer_config.json", "preprocessor_config.json", PIECES)
"""Files that only transformers reads; copied where they are."""


def export(
    model_dir: Path,
    out_dir: Path,
    *,
    name: str,
    licences: Mapping[str, str],
    training_data: str,
    accuracy: Mapping[str, float],
    precision: str = "float16",
) -> ModelCard:
    """See `satseek.train.export_bundle`; ``precision`` is ``float16`` (stored) or ``float32``.

    Raises:
        InvalidConfig: The precision is unknown, or a tower is too large for one ONNX file.
        ModelNotFound: ``model_dir`` holds no SigLIP model or no tokenizer.
    """
    if precision not in ("float16", "float32"):
        raise InvalidConfig(f"expected precision float16 or float32, not {precision!r}")
    model_dir, out_dir = Path(model_dir), Path(out_dir)
    if not any((model_dir / name).is_file() for name in (TOKENIZER, PIECES)):
        raise ModelNotFound(f"{model_dir}: expected {TOKENIZER} or {PIECES} beside config.json")
    model = load_model(model_dir).eval()
    half = precision == "float16"
    out_dir.mkdir(parents=True, exist_ok=True)
    _write_towers(model, out_dir, half=half)
    _write_transformers_files(model, model_dir, out_dir, half=half)
    card = ModelCard(
        name=name,
        version=content_version(out_dir),
        dim=model.config.vision_config.hidden_size,
        image_size=model.config.vision_config.image_size,
        context_length=model.config.text_config.max_position_embeddings,
        logit_scale=_rounded(model.logit_scale, half=half),
        logit_bias=_rounded(model.logit_bias, half=half),
        precision=precision,
        licences=dict(licences),
        training_data=training_data,
        accuracy=dict(accuracy),
    )
    write_card(card, out_dir)
    return card


def _write_towers(model: Any, out_dir: Path, *, half: bool) -> None:
    config, weights = model.config, _weights(model)
    _refuse_other_shapes(config)
    for file, make, part in (
        (IMAGE_TOWER, graphing.image_tower, config.vision_config),
        (TEXT_TOWER, graphing.text_tower, config.text_config),
    ):
        tower = file.removesuffix(".onnx")
        prefix = "vision_model." if tower == "image" else "text_model."
        stored = sum(w.size for name, w in weights.items() if name.startswith(prefix))
        if stored * (2 if half else 4) > _PROTOBUF_LIMIT * 0.99:
            raise InvalidConfig(
                f"{file}: {stored:,} weights do not fit an ONNX file of 2 GiB, store as float16"
            )
        graph = make(weights, part.to_dict(), half=half)
        graphing.check_graph(graph)
        (out_dir / file).write_bytes(graph.SerializeToString(deterministic=True))


def _refuse_other_shapes(config: Any) -> None:
    vision, text = config.vision_config, config.text_config
    for what, got, expected in (
        ("activation", {vision.hidden_act, text.hidden_act}, {"gelu_pytorch_tanh"}),
        ("attention pooling", {vision.vision_use_head}, {True}),
        ("length of both towers' features", {vision.hidden_size}, {text.projection_size}),
    ):
        if got != expected:
            raise InvalidConfig(f"config.json: expected {what} {expected}, not {got}")


def _weights(model: Any) -> dict[str, NDArray[Any]]:
    """Every parameter as float32, by its name in a published SigLIP checkpoint."""
    weights = {name: p.detach().float().numpy() for name, p in model.named_parameters()}
    broken = [name for name, values in weights.items() if not np.isfinite(values).all()]
    if broken:
        raise DamagedData(f"model: expected finite weights, {broken[0]} holds others")
    return weights


def _write_transformers_files(model: Any, model_dir: Path, out_dir: Path, *, half: bool) -> None:
    stored = {
        name: (p.detach().half() if half else p.detach().float()).contiguous()
        for name, p in model.named_parameters()
    }
    save_file(stored, out_dir / "model.safetensors", metadata={"format": "pt"})
    # save_file leaves the file to its owner alone; a bundle is for whoever runs the server.
    (out_dir / "model.safetensors").chmod(0o644)
    config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    # transformers 5 would compute in half precision if this named the stored type.
    config.pop("torch_dtype", None)
    config["dtype"] = "float32"
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (out_dir / "config.json").write_text(text, encoding="utf-8")
    context = model.config.text_config.max_position_embeddings
    load_tokenizer(model_dir, context_length=context).save(str(out_dir / TOKENIZER))
    for file in _COPIED:
        if (model_dir / file).is_file() and model_dir.resolve() != out_dir.resolve():
            shutil.copyfile(model_dir / file, out_dir / file)


def _rounded(value: torch.Tensor, *, half: bool) -> float:
    single = value.detach().reshape(())
    return float(single.half().float() if half else single.float())
