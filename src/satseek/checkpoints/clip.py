"""Turns a Hugging Face directory of a ``CLIPModel`` into a checkpoint.

Does not know hubs or bundles.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from huggingface_hub.errors import StrictDataclassError
from transformers import CLIPConfig

from satseek.checkpoints import clipgraphs
from satseek.checkpoints.checkpoint import Checkpoint
from satseek.checkpoints.clipnames import SCALE, LazyWeights, clip_weights, own_shapes
from satseek.checkpoints.cliporacle import ClipOracle
from satseek.checkpoints.clippieces import load_clip_pieces, read_clip_tokenization
from satseek.checkpoints.clippixels import read_clip_preprocessing
from satseek.checkpoints.digests import digest_of
from satseek.checkpoints.pieces import check_vocabulary
from satseek.checkpoints.policies import read_json, read_licences
from satseek.checkpoints.stored import stored_weights
from satseek.checkpoints.weights import (
    BUFFERS,
    compare_keys,
    shapes_of,
)
from satseek.errors import UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tokenizers import Tokenizer

CONFIG = "config.json"
"""What a Hugging Face directory is known by."""


_NONSENSE = (
    *(StrictDataclassError, TypeError, ValueError, LookupError),
    *(AttributeError, ArithmeticError),
)
"""What transformers raises at configs of other things."""

_HEADS = "num_attention_heads"
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", _HEADS, "projection_dim")
_VISION_SIZES = ("image_size", "patch_size", "num_channels")
_TEXT_SIZES = ("vocab_size", "max_position_embeddings", "eos_token_id")

_DEEPEST = 1000
"""Layers beyond which a config is nonsense: the deepest published CLIP towers have 48."""


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
    raw = read_json(folder / CONFIG)
    vision, text = parse_config(raw, folder / CONFIG)
    pieces = load_clip_pieces(folder)
    tokenization = read_clip_tokenization(folder, pieces)
    weights, files = stored_weights(folder, allow_pickle=allow_pickle)
    expected = own_shapes(clip_weights(vision, text))
    compare_keys(expected, shapes_of(weights), ignored=BUFFERS).refuse(files[0])
    check_vocabulary(pieces, rows=text["vocab_size"], source=folder, report=report)
    _check_end(pieces, tokenization.end, text["eos_token_id"], folder)
    return Checkpoint(
        family="clip",
        vision=vision,
        text=text,
        config=raw,
        weights=LazyWeights(
            {name: partial(weights.__getitem__, name) for name in expected if name != SCALE},
            expected,
        ),
        image_tower=clipgraphs.image_tower,
        text_tower=clipgraphs.text_tower,
        oracle=lambda: ClipOracle.of_folder(folder),
        logit_scale=float(weights[SCALE].reshape(())),
        logit_bias=0.0,
        score_head="softmax",
        preprocessing=read_clip_preprocessing(folder, image_size=vision["image_size"]),
        tokenization=tokenization,
        context_length=text["max_position_embeddings"],
        image_size=vision["image_size"],
        dim=vision["projection_dim"],
        tokenizer=pieces,
        licences=read_licences(folder),
        source={"digest": digest_of(files)},
    )


def parse_config(raw: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fill in the defaults of both towers' configs and refuse what is no plain CLIP.

    Raises:
        UnreadableCheckpoint: another architecture, or one of its many variants.
    """
    kind = raw.get("model_type")
    if kind != "clip":
        raise UnreadableCheckpoint(f"{path}: expected model_type clip, got {kind!r}")
    try:
        config: Any = CLIPConfig.from_dict(dict(raw))
    except _NONSENSE as error:
        reason = " ".join(str(error).split())
        raise UnreadableCheckpoint(f"{path}: expected the shapes of a CLIP: {reason}") from error
    # transformers goes by the dimension at the top, whatever the towers' own entries say.
    own = {"projection_dim": config.projection_dim}
    vision, text = config.vision_config.to_dict() | own, config.text_config.to_dict() | own
    for tower in (vision, text):
        if tower["hidden_act"] not in clipgraphs.ACTIVATIONS:
            raise UnreadableCheckpoint(
                f"{path}: expected activation {' or '.join(clipgraphs.ACTIVATIONS)}, "
                f"not {tower['hidden_act']!r}"
            )
    for tower, sizes in ((vision, _VISION_SIZES), (text, _TEXT_SIZES)):
        for what in (*_SIZES, *sizes):
            number = tower[what]
            if type(number) is not int or number < 1:
                raise UnreadableCheckpoint(f"{path}: expected {what} as one number, got {number!r}")
        if tower["num_hidden_layers"] > _DEEPEST or tower["hidden_size"] % tower[_HEADS]:
            raise UnreadableCheckpoint(
                f"{path}: expected the shapes of a CLIP, got {tower['num_hidden_layers']} layers "
                f"{tower['hidden_size']} wide in {tower[_HEADS]} heads"
            )
    return vision, text


def _check_end(pieces: Tokenizer, end: str, pooled: int, folder: Path) -> None:
    """Make sure that features are pooled where texts end."""
    found = pieces.token_to_id(end)
    if pooled not in (found, clipgraphs.OLD_END):
        raise UnreadableCheckpoint(
            f"{folder}: the text tower is read at token {pooled}, but texts end with {found} "
            f"({end}): config.json and the tokenizer do not belong together"
        )
