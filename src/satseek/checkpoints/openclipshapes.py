"""Turns what is known of an open_clip model into the configs of its two towers.

Knows open_clip's names of architectures and its config files; does not read weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidConfig, UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Shapes = Mapping[str, tuple[int, ...]]

QUICK = "-quickgelu"
"""End of the architectures whose MLPs use x · sigmoid(1.702 x), as OpenAI's do."""

_HEAD_WIDTH = 64  # open_clip, CLIPVisionCfg.head_width: what a config has that does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """Sizes of one tower."""

    width: int
    """Hidden size."""
    layers: int
    """Depth."""
    heads: int
    """Attention heads; the only size that weights do not show."""
    inner: int
    """Hidden size of the MLPs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A CLIP with two transformers."""

    vision: Tower
    """Image tower."""
    text: Tower
    """Text tower."""
    dim: int
    """Length of a vector."""
    image_size: int
    """Edge in pixels."""
    patch: int
    """Edge of a patch in pixels."""
    context: int = 77
    """Tokens of a text."""
    rows: int = 49_408
    """Rows of the token table."""
    quick: bool = False
    """Whether the MLPs use OpenAI's quick GELU; nothing in the weights shows it."""


def _tower(width: int, layers: int, heads: int) -> Tower:
    return Tower(width=width, layers=layers, heads=heads, inner=4 * width)


def _base(patch: int) -> Architecture:
    vision, text = _tower(768, 12, 12), _tower(512, 12, 8)
    return Architecture(vision=vision, text=text, dim=512, image_size=224, patch=patch)


def _large(image_size: int) -> Architecture:
    vision, text = _tower(1024, 24, 16), _tower(768, 12, 12)
    return Architecture(vision=vision, text=text, dim=768, image_size=image_size, patch=14)


ARCHITECTURES: Mapping[str, Architecture] = {
    "ViT-B-32": _base(32),
    "ViT-B-16": _base(16),
    "ViT-L-14": _large(224),
    "ViT-L-14-336": _large(336),
    # Heads are 80 wide here: not what its width would make one think.
    "ViT-H-14": Architecture(
        vision=_tower(1280, 32, 16), text=_tower(1024, 24, 16), dim=1024, image_size=224, patch=14
    ),
}
"""By open_clip's names (its ``model_configs/*.json``), each also with ``-quickgelu`` behind."""

PUBLISHED = (
    (re.compile(r"RS5M_ViT-B-32"), "ViT-B-32-quickgelu"),
    (re.compile(r"RS5M_ViT-H-14"), "ViT-H-14"),
    (re.compile(r"SkyCLIP_ViT_L14_top\d+pct(_\w+)?"), "ViT-L-14-quickgelu"),
    (re.compile(r"SkyCLIP_ViT_B32_top\d+pct"), "ViT-B-32"),
)
"""Names under which checkpoints are published, and what their authors run them as.

GeoRSCLIP (``om-ai-lab/RS5M``, ``inference/inference.py``): B/32 on OpenAI's model, which open_clip
always gives quick GELU; H/14 on LAION's, which has the exact one. SkyCLIP
(``wangzhecheng/SkyScript``, its notebooks): ``--force-quick-gelu`` for L/14 and not for B/32.
RemoteCLIP is missing on purpose: its README loads ``ViT-B-32`` and ``ViT-L-14`` with the exact
GELU, its ``retrieval.py`` the same files with ``pretrained='openai'``, that is with quick GELU.
"""


def named_architecture(name: str) -> Architecture:
    """Look up an architecture; ``ViT-B/32`` and ``ViT-B-32`` are the same.

    Raises:
        InvalidConfig: the name is none of them.
    """
    plain = name.replace("/", "-").replace("@", "-").removesuffix("px")
    quick = plain.endswith(QUICK)
    found = ARCHITECTURES.get(plain.removesuffix(QUICK))
    if found is None:
        known = ", ".join(ARCHITECTURES)
        raise InvalidConfig(f"unknown architecture {name!r}: {known}, each also with {QUICK}")
    return replace(found, quick=quick)


def published_architecture(file: Path) -> str | None:
    """Tell a published checkpoint's architecture from the name of its file or its folder."""
    for pattern, name in PUBLISHED:
        if pattern.fullmatch(file.stem) or pattern.fullmatch(file.parent.name):
            return name
    return None


def configured_architecture(written: Mapping[str, Any], path: Path) -> Architecture:
    """Read ``model_cfg`` of an ``open_clip_config.json``.

    Raises:
        UnreadableCheckpoint: a size is missing, or it has parts that a plain CLIP has not.
    """
    try:
        vision, text = dict(written["vision_cfg"]), dict(written["text_cfg"])
        head = vision.pop("head_width", _HEAD_WIDTH)
        width, layers = vision.pop("width"), vision.pop("layers")
        ratio = vision.pop("mlp_ratio", 4.0)
        found = Architecture(
            vision=Tower(width=width, layers=layers, heads=width // head, inner=int(width * ratio)),
            text=Tower(
                width=text["width"],
                layers=text.pop("layers"),
                heads=text.pop("heads"),
                inner=4 * text.pop("width"),
            ),
            dim=written["embed_dim"],
            image_size=vision.pop("image_size"),
            patch=vision.pop("patch_size"),
            context=text.pop("context_length", 77),
            rows=text.pop("vocab_size", 49_408),
            quick=bool(written.get("quick_gelu", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UnreadableCheckpoint(f"{path}: expected the sizes of a ViT CLIP: {error}") from error
    others = sorted(name for name, value in {**vision, **text}.items() if value)
    if others:
        raise UnreadableCheckpoint(f"{path}: a CLIP with {', '.join(others)} is not supported")
    return found


def alike(shapes: Shapes, path: Path) -> list[str]:
    """Architectures of these weights' sizes, without regard to the GELU; none or one.

    Raises:
        UnreadableCheckpoint: not the weights of a CLIP whose towers are transformers.
    """
    if "visual.layer1.0.conv1.weight" in shapes:
        raise UnreadableCheckpoint(f"{path}: a CLIP with a ResNet; expected one with a ViT")
    try:
        patch, places = shapes["visual.conv1.weight"], shapes["visual.positional_embedding"]
        width, depth = patch[0], _depth(shapes, "visual.transformer")
        edge = round((places[0] - 1) ** 0.5) * patch[-1]
        seen = (width, depth, patch[-1], edge, shapes["visual.proj"][-1])
        words = (shapes["ln_final.weight"][0], _depth(shapes, "transformer"))
    except (KeyError, IndexError) as error:
        raise UnreadableCheckpoint(
            f"{path}: expected the weights of open_clip's ViT models, {error} is missing"
        ) from error
    return [
        name
        for name, one in ARCHITECTURES.items()
        if seen == (one.vision.width, one.vision.layers, one.patch, one.image_size, one.dim)
        and words == (one.text.width, one.text.layers)
    ]


def clip_config(architecture: Architecture, *, begin: int, end: int, pad: int) -> dict[str, Any]:
    """Write the ``config.json`` with which transformers builds the same model.

    Args:
        architecture: Sizes and activation.
        begin: Id of the token in front of every text.
        end: Id of the token at which texts are pooled.
        pad: Id of the token that fills texts up.
    """
    act = {
        "hidden_act": "quick_gelu" if architecture.quick else "gelu",
        "layer_norm_eps": 1e-5,  # torch.nn.LayerNorm's default, which open_clip keeps
        "projection_dim": architecture.dim,
    }
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "dtype": "float32",
        "projection_dim": architecture.dim,
        "text_config": {
            **_sizes(architecture.text),
            **act,
            "model_type": "clip_text_model",
            "max_position_embeddings": architecture.context,
            "vocab_size": architecture.rows,
            "bos_token_id": begin,
            "eos_token_id": end,
            "pad_token_id": pad,
        },
        "vision_config": {
            **_sizes(architecture.vision),
            **act,
            "model_type": "clip_vision_model",
            "image_size": architecture.image_size,
            "patch_size": architecture.patch,
            "num_channels": 3,
        },
    }


def _sizes(tower: Tower) -> dict[str, int]:
    return {
        "hidden_size": tower.width,
        "intermediate_size": tower.inner,
        "num_hidden_layers": tower.layers,
        "num_attention_heads": tower.heads,
    }


def _depth(shapes: Shapes, tower: str) -> int:
    blocks = re.compile(rf"{re.escape(tower)}\.resblocks\.(\d+)\.")
    return len({found[1] for name in shapes if (found := blocks.match(name))})
