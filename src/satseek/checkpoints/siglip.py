"""Turns a Hugging Face directory of a SigLIP, or a SigLIP 2 of one resolution, into a checkpoint.

Does not know hubs or bundles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import SiglipConfig, SiglipModel

from satseek.checkpoints import graphing
from satseek.checkpoints.checkpoint import Checkpoint
from satseek.checkpoints.digests import digest_of
from satseek.checkpoints.oracle import SiglipOracle
from satseek.checkpoints.pieces import check_vocabulary, load_pieces
from satseek.checkpoints.policies import (
    read_json,
    read_licences,
    read_preprocessing,
    read_tokenization,
)
from satseek.checkpoints.stored import stored_weights
from satseek.checkpoints.weights import (
    BUFFERS,
    compare_keys,
    shapes_of,
)
from satseek.errors import ModelNotFound, UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Shapes = dict[str, tuple[int, ...]]

CONFIG = "config.json"
"""What a Hugging Face directory is known by."""

_PARTS = ("q", "k", "v", "out")
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_VISION_SIZES = ("image_size", "patch_size", "num_channels")
_TEXT_SIZES = ("vocab_size", "max_position_embeddings", "projection_size")


def read(folder: Path, *, report: Callable[[str], None], allow_pickle: bool = False) -> Checkpoint:
    """Read a directory; weights stay on disk until they are looked up.

    Args:
        folder: With ``config.json``, weights, tokenizer and ``preprocessor_config.json``.
        report: Told what a person should know, in one line each.
        allow_pickle: Whether ``pytorch_model.bin`` may be read where there is no safetensors.

    Raises:
        ModelNotFound: there is no config, no weights or no tokenizer.
        UnsafeCheckpoint: only a pickle is there, and it is not allowed or holds code.
        UnreadableCheckpoint: anything is damaged, incomplete or of another architecture.
    """
    if not (folder / CONFIG).is_file():
        raise ModelNotFound(f"{folder}: expected {CONFIG} and model.safetensors of a SigLIP")
    raw = read_json(folder / CONFIG)
    config = parse_config(raw, folder / CONFIG)
    tokenizer = load_pieces(folder)
    vision, text = config.vision_config.to_dict(), config.text_config.to_dict()
    weights, files = stored_weights(folder, allow_pickle=allow_pickle)
    found = {name: shape or (1,) for name, shape in shapes_of(weights).items()}
    compare_keys(expected_shapes(vision, text), found, ignored=BUFFERS).refuse(files[0])
    check_vocabulary(tokenizer, rows=text["vocab_size"], source=folder, report=report)
    tokenization = read_tokenization(folder, tokenizer)
    return Checkpoint(
        family="siglip",
        vision=vision,
        text=text,
        config=raw,
        weights=weights,
        image_tower=graphing.image_tower,
        text_tower=graphing.text_tower,
        oracle=lambda: SiglipOracle(folder, tokenization),
        logit_scale=float(weights["logit_scale"].reshape(())),
        logit_bias=float(weights["logit_bias"].reshape(())),
        score_head="sigmoid",
        preprocessing=read_preprocessing(folder, image_size=vision["image_size"]),
        tokenization=tokenization,
        context_length=text["max_position_embeddings"],
        image_size=vision["image_size"],
        dim=vision["hidden_size"],
        tokenizer=tokenizer,
        licences=read_licences(folder),
        source={"digest": digest_of(files)},
    )


def load_model(folder: Path) -> Any:
    """Load a directory as transformers' own ``SiglipModel``, in float32 whatever is stored.

    Raises:
        ModelNotFound: the directory holds no SigLIP model.
        UnreadableCheckpoint: it is damaged, incomplete or of another architecture.
    """
    if not (folder / CONFIG).is_file():
        raise ModelNotFound(f"{folder}: expected {CONFIG} and model.safetensors of a SigLIP")
    config = parse_config(read_json(folder / CONFIG), folder / CONFIG)
    weights, files = stored_weights(folder, allow_pickle=False)
    found = {name: shape or (1,) for name, shape in shapes_of(weights).items()}
    shapes = expected_shapes(config.vision_config.to_dict(), config.text_config.to_dict())
    compare_keys(shapes, found, ignored=BUFFERS).refuse(files[0])
    model: Any = SiglipModel
    return model.from_pretrained(folder, dtype=torch.float32, local_files_only=True)


def parse_config(raw: Mapping[str, Any], path: Path) -> Any:
    """Fill in a config's defaults and refuse what is no SigLIP at a fixed resolution.

    Raises:
        UnreadableCheckpoint: another architecture, or one of its many variants.
    """
    kind = raw.get("model_type")
    if kind == "siglip2":
        raise UnreadableCheckpoint(
            f"{path}: a SigLIP 2 of variable resolution (NaFlex); expected one at a fixed "
            "resolution, such as siglip2-base-patch16-224"
        )
    if kind != "siglip":
        raise UnreadableCheckpoint(f"{path}: expected model_type siglip, got {kind!r}")
    try:
        config: Any = SiglipConfig.from_dict(dict(raw))
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UnreadableCheckpoint(f"{path}: expected the shapes of a SigLIP: {reason}") from error
    vision, text = config.vision_config, config.text_config
    _refuse_nonsense(vision.to_dict(), _VISION_SIZES, path)
    _refuse_nonsense(text.to_dict(), _TEXT_SIZES, path)
    for what, got, expected in (
        ("activation", {vision.hidden_act, text.hidden_act}, {"gelu_pytorch_tanh"}),
        ("attention pooling", {vision.vision_use_head}, {True}),
        ("length of both towers' features", {vision.hidden_size}, {text.projection_size}),
        ("channels", {vision.num_channels}, {3}),
    ):
        if got != expected:
            raise UnreadableCheckpoint(f"{path}: expected {what} {expected}, not {got}")
    return config


def expected_shapes(vision: Mapping[str, Any], text: Mapping[str, Any]) -> Shapes:
    """Name and shape of every weight that a SigLIP of this config has."""
    width, patch, wide = vision["hidden_size"], vision["patch_size"], vision["intermediate_size"]
    name = "vision_model.embeddings"
    shapes: Shapes = {
        f"{name}.patch_embedding.weight": (width, vision["num_channels"], patch, patch),
        f"{name}.patch_embedding.bias": (width,),
        f"{name}.position_embedding.weight": ((vision["image_size"] // patch) ** 2, width),
        **_layer_shapes("vision_model", vision),
        **_norm("vision_model.post_layernorm", width),
        "vision_model.head.probe": (1, 1, width),
        "vision_model.head.attention.in_proj_weight": (3 * width, width),
        "vision_model.head.attention.in_proj_bias": (3 * width,),
        **_linear("vision_model.head.attention.out_proj", width, width),
        **_norm("vision_model.head.layernorm", width),
        **_linear("vision_model.head.mlp.fc1", width, wide),
        **_linear("vision_model.head.mlp.fc2", wide, width),
    }
    width, name = text["hidden_size"], "text_model.embeddings"
    return shapes | {
        f"{name}.token_embedding.weight": (text["vocab_size"], width),
        f"{name}.position_embedding.weight": (text["max_position_embeddings"], width),
        **_layer_shapes("text_model", text),
        **_norm("text_model.final_layer_norm", width),
        **_linear("text_model.head", width, text["projection_size"]),
        "logit_scale": (1,),
        "logit_bias": (1,),
    }


def _layer_shapes(tower: str, config: Mapping[str, Any]) -> Shapes:
    width, wide = config["hidden_size"], config["intermediate_size"]
    shapes: Shapes = {}
    for i in range(config["num_hidden_layers"]):
        name = f"{tower}.encoder.layers.{i}"
        for part in _PARTS:
            shapes |= _linear(f"{name}.self_attn.{part}_proj", width, width)
        shapes |= _norm(f"{name}.layer_norm1", width) | _norm(f"{name}.layer_norm2", width)
        shapes |= _linear(f"{name}.mlp.fc1", width, wide) | _linear(f"{name}.mlp.fc2", wide, width)
    return shapes


def _linear(name: str, taken: int, given: int) -> Shapes:
    return {f"{name}.weight": (given, taken), f"{name}.bias": (given,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _refuse_nonsense(tower: Mapping[str, Any], sizes: tuple[str, ...], path: Path) -> None:
    for what in (*_SIZES, *sizes):
        if type(tower[what]) is not int or tower[what] < 1:
            raise UnreadableCheckpoint(
                f"{path}: expected {what} as one number from 1, got {tower[what]!r}"
            )
    if tower["hidden_size"] % tower["num_attention_heads"]:
        raise UnreadableCheckpoint(
            f"{path}: expected heads that share the width, got {tower['num_attention_heads']} "
            f"for {tower['hidden_size']}"
        )
    if not tower["layer_norm_eps"] > 0:
        raise UnreadableCheckpoint(
            f"{path}: expected layer_norm_eps above 0, got {tower['layer_norm_eps']!r}"
        )
