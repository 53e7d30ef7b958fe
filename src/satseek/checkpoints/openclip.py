"""Turns a checkpoint of open_clip into a checkpoint under transformers' names.

Knows RemoteCLIP's, GeoRSCLIP's and SkyCLIP's files: nested, prefixed, pickled. Does not know hubs
or bundles, and does not guess what weights cannot show: which GELU they were trained with.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from satseek.checkpoints import clipgraphs
from satseek.checkpoints.checkpoint import Checkpoint
from satseek.checkpoints.clip import parse_config
from satseek.checkpoints.clipnames import SCALE, LazyWeights, clip_weights, fused_shapes, own_shapes
from satseek.checkpoints.cliporacle import ClipOracle
from satseek.checkpoints.clippieces import BEGIN, END, load_clip_pieces
from satseek.checkpoints.clippixels import channels
from satseek.checkpoints.digests import digest_of
from satseek.checkpoints.openclipshapes import (
    QUICK,
    Architecture,
    alike,
    clip_config,
    configured_architecture,
    named_architecture,
    published_architecture,
)
from satseek.checkpoints.pickles import load_pickle, named_tensors
from satseek.checkpoints.pieces import check_vocabulary
from satseek.checkpoints.policies import read_json, read_licences
from satseek.checkpoints.weights import StoredWeights, compare_keys, shapes_of
from satseek.errors import InvalidConfig, ModelNotFound, UnreadableCheckpoint
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import tokenizers
    from numpy.typing import NDArray

    from satseek.checkpoints.clipnames import Weight

    Weights = Mapping[str, NDArray[np.float32]]
    Shapes = dict[str, tuple[int, ...]]

CONFIG = "open_clip_config.json"
"""What open_clip writes beside weights on a hub: sizes, GELU, pixels."""

NORMAL = Preprocessing(
    resize="crop",
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
"""How open_clip prepares pixels where no config says otherwise (its ``constants.py`` and
``transform.py``); RemoteCLIP, GeoRSCLIP (``inference_tool.py``) and SkyCLIP do the same."""

_BUFFERS = ("attn_mask", "input_resolution", "context_length", "vocab_size")
"""What older files hold beside weights: the causal mask, OpenAI's three numbers."""

_RESIZES = {"shortest": "crop", "squash": "squash"}
_FILTERS = ("nearest", "bilinear", "bicubic")


def read(
    file: Path,
    *,
    report: Callable[[str], None],
    allow_pickle: bool = False,
    architecture: str | None = None,
    tokenizer: Path | None = None,
) -> Checkpoint:
    """Read the weights of a CLIP that open_clip trained.

    Args:
        file: Weights as ``.safetensors``, or pickled as ``.pt`` or ``.bin``.
        report: Told what a person should know, in one line each.
        allow_pickle: Whether anything but safetensors may be read.
        architecture: open_clip's name, such as ``ViT-B-32-quickgelu``; None: as the config beside
            the file says, or as the published file of that name is known to be.
        tokenizer: CLIP's vocabulary, see `satseek.checkpoints.clippieces`; None: beside the file.

    Raises:
        ModelNotFound: there is no such file, or no vocabulary.
        UnsafeCheckpoint: a pickle that is not allowed or holds code.
        InvalidConfig: the architecture cannot be known, or is not the one that was named.
        UnreadableCheckpoint: damaged, or a weight is missing, superfluous or of another shape.
    """
    if not file.is_file():
        raise ModelNotFound(f"{file}: no such file")
    weights, sizes = _opened(file, allow_pickle=allow_pickle)
    known = _architecture(file, sizes, architecture)
    pieces = _pieces(file, tokenizer)
    pad = cast("str", pieces.id_to_token(0))  # open_clip fills up with zeros
    ids = [cast("int", pieces.token_to_id(token)) for token in (BEGIN, END)]
    config = clip_config(known, begin=ids[0], end=ids[1], pad=0)
    vision, text = parse_config(config, file)
    table = clip_weights(vision, text)
    compare_keys(fused_shapes(table), sizes, ignored=_BUFFERS).refuse(file)
    check_vocabulary(pieces, rows=text["vocab_size"], source=file, report=report)
    converted = LazyWeights(
        {one.name: partial(_taken, weights, one) for one in table if one.name != SCALE},
        own_shapes(table),
    )
    scale = float(weights[SCALE].reshape(()))
    how = _preprocessing(file)
    return Checkpoint(
        family="clip",
        vision=vision,
        text=text,
        config=config,
        weights=converted,
        image_tower=clipgraphs.image_tower,
        text_tower=clipgraphs.text_tower,
        oracle=partial(_oracle, config, converted, scale, pieces=pieces, pad=pad, how=how),
        logit_scale=scale,
        logit_bias=0.0,
        score_head="softmax",
        preprocessing=how,
        tokenization=Tokenization(case="kept", begin=BEGIN, end=END, pad=pad),
        context_length=known.context,
        image_size=known.image_size,
        dim=known.dim,
        tokenizer=pieces,
        licences=read_licences(file.parent),
        source={"digest": digest_of([file])},
    )


def _opened(file: Path, *, allow_pickle: bool) -> tuple[Weights, Shapes]:
    """Weights and their shapes by open_clip's plain names."""
    if file.suffix == ".safetensors":
        stored = StoredWeights([file])
        names, shapes = _plain(stored), stored.shapes()
        readers = {plain: partial(stored.__getitem__, name) for name, plain in names.items()}
        found = {plain: shapes[name] for name, plain in names.items()}
        return LazyWeights(readers, found), found
    tensors = load_pickle(file, allow_pickle=allow_pickle)
    if isinstance(tensors, dict) and isinstance(tensors.get("state_dict"), dict):
        tensors = tensors["state_dict"]
    if isinstance(tensors, dict):
        named = {name: one for name, one in tensors.items() if not _is_buffer(name)}
        tensors = {plain: named[name] for name, plain in _plain(named).items()}
    weights = named_tensors(tensors, file)
    return weights, shapes_of(weights)


def _plain(names: Mapping[str, Any]) -> dict[str, str]:
    """Name → the name without what wrapping modules put in front of it."""
    plain = {name: name for name in names if not _is_buffer(name)}
    if plain and all(name.startswith("module.") for name in plain):
        plain = {name: name.removeprefix("module.") for name in plain}
    if any(one.startswith("text.transformer.") for one in plain.values()):  # CustomTextCLIP
        plain = {name: one.removeprefix("text.") for name, one in plain.items()}
    return plain


def _is_buffer(name: object) -> bool:
    return isinstance(name, str) and name.rpartition(".")[2] in _BUFFERS


def _taken(weights: Weights, one: Weight) -> NDArray[np.float32]:
    return one.taken(weights[one.fused])


def _architecture(file: Path, shapes: Shapes, named: str | None) -> Architecture:
    path = file.parent / CONFIG
    if named is None and path.is_file():
        written = read_json(path).get("model_cfg")
        return configured_architecture(written if isinstance(written, dict) else {}, path)
    like = alike(shapes, file)
    named = named or published_architecture(file)
    if named is not None:
        wanted = named_architecture(named)
        if wanted not in [replace(named_architecture(one), quick=wanted.quick) for one in like]:
            raise InvalidConfig(
                f"{file}: expected the sizes of {named}, these are of {''.join(like) or 'none'}"
            )
        return wanted
    if not like:
        raise InvalidConfig(f"{file}: sizes of no known architecture; put its {CONFIG} beside it")
    raise InvalidConfig(
        f"{file}: a {like[0]}, but weights do not show with which GELU it was trained: ask its "
        f"authors and say --architecture {like[0]} (exact) or {like[0]}{QUICK} (OpenAI's)"
    )


def _pieces(file: Path, given: Path | None) -> tokenizers.Tokenizer:
    if given is not None:
        return load_clip_pieces(given)
    try:
        return load_clip_pieces(file.parent)
    except ModelNotFound as error:
        raise ModelNotFound(
            f"{error} beside {file.name}; or say where CLIP's vocabulary is: --tokenizer PATH"
        ) from error


def _preprocessing(file: Path) -> Preprocessing:
    path = file.parent / CONFIG
    written = read_json(path).get("preprocess_cfg") if path.is_file() else None
    told: Mapping[str, Any] = written if isinstance(written, dict) else {}
    resize = _RESIZES.get(str(told.get("resize_mode", "shortest")))
    resample = told.get("interpolation", NORMAL.resample)
    if resize is None or resample not in _FILTERS:
        raise UnreadableCheckpoint(
            f"{path}: expected pixels resized by {' or '.join(_RESIZES)}, "
            f"{' or '.join(_FILTERS)}, got {told}"
        )
    return Preprocessing(
        resize=cast("Any", resize),
        resample=cast("Any", resample),
        mean=channels(told["mean"], path) if "mean" in told else NORMAL.mean,
        std=channels(told["std"], path) if "std" in told else NORMAL.std,
    )


def _oracle(
    config: Mapping[str, Any],
    weights: Weights,
    scale: float,
    *,
    pieces: tokenizers.Tokenizer,
    pad: str,
    how: Preprocessing,
) -> ClipOracle:
    """The same weights as transformers runs them."""
    kind: Any = CLIPModel
    words: Any = CLIPTokenizer
    pixels: Any = CLIPImageProcessorPil
    model = kind(CLIPConfig.from_dict(dict(config))).float()
    state = {name: torch.from_numpy(values) for name, values in weights.items()}
    model.load_state_dict({**state, SCALE: torch.tensor(scale)}, strict=True)
    size = config["vision_config"]["image_size"]
    square = {"height": size, "width": size}
    return ClipOracle(
        model=model,
        tokenizer=words(tokenizer_object=pieces, pad_token=pad),
        processor=pixels(
            size={"shortest_edge": size} if how.resize == "crop" else square,
            crop_size=square,
            resample={"nearest": 0, "bilinear": 2, "bicubic": 3}[how.resample],
            image_mean=list(how.mean),
            image_std=list(how.std),
        ),
    )
