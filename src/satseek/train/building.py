"""A shape becomes a SigLIP model that learns fast from few chips.

Knows no captions. Two starts that need no other model: patches whitened by the chips' own
statistics, and attention that begins as it ends up in trained transformers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from transformers import SiglipConfig, SiglipModel

from satseek.checkpoints.siglip import load_model

if TYPE_CHECKING:
    from satseek.train.configuring import ModelShape

__all__ = ["load_model", "new_model", "waves", "whitening"]

_SCALE, _BIAS = math.log(10.0), -5.0
"""SigLIP starts at exp(scale) = 10 and bias −10 (Zhai et al. 2023); our batches are smaller."""

_FLOOR = 1e-3
"""Added to the variances before whitening, in squared pixel values of −1 to 1: JPEG noise."""


def new_model(shape: ModelShape, *, vocab_size: int, end_id: int, chips: torch.Tensor) -> Any:
    """Make a model of random weights; ``chips`` float32 (n, 3, image_size, image_size)."""
    model = SiglipModel(_config(shape, vocab_size=vocab_size, end_id=end_id))
    vision, text = model.vision_model, model.text_model
    with torch.no_grad():
        model.logit_scale.fill_(_SCALE)
        model.logit_bias.fill_(_BIAS)
        for layer in vision.encoder.layers:
            _mimetic(layer.self_attn, heads=shape.heads)
        for layer in text.encoder.layers:
            _mimetic(layer.self_attn, heads=shape.text_heads)
        grid = shape.image_size // shape.patch_size
        vision.embeddings.position_embedding.weight.copy_(waves(grid, shape.width) / 2)
        whitened = whitening(chips, shape.patch_size, shape.width)
        vision.embeddings.patch_embedding.weight.copy_(whitened / 2)
        vision.embeddings.patch_embedding.bias.zero_()
    return model


def whitening(chips: torch.Tensor, patch: int, width: int) -> torch.Tensor:
    """Principal components of the chips' patches, scaled to equal variance: (width, 3, p, p).

    Idea: the whitened first layer of Jordan 2024 (arXiv 2404.00498).
    """
    patches = functional.unfold(chips, patch, stride=patch).transpose(1, 2)
    patches = patches.reshape(-1, 3 * patch * patch)
    patches = patches - patches.mean(0)
    variances, axes = torch.linalg.eigh(patches.T @ patches / len(patches))
    kept = min(width, axes.shape[1])
    scaled = axes.flip(1)[:, :kept] / (variances.flip(0)[:kept] + _FLOOR).sqrt()
    weight = torch.zeros(width, axes.shape[0])
    weight[:kept] = scaled.T
    return weight.view(width, 3, patch, patch)


def waves(grid: int, width: int) -> torch.Tensor:
    """Sine and cosine of row and column at ``width`` / 4 wavelengths each: (grid², width)."""
    turns = 100.0 ** (-torch.arange(width // 4) / (width // 4))
    angles = torch.arange(grid)[:, None] * turns
    line = torch.cat([angles.sin(), angles.cos()], 1)
    rows, columns = line[:, None].expand(grid, grid, -1), line[None].expand(grid, grid, -1)
    return torch.cat([rows, columns], 2).reshape(grid * grid, width)


def _mimetic(attention: Any, *, heads: int) -> None:
    """Start near WqᵀWk ∝ identity, WvWo ∝ −identity (Trockman & Kolter 2023, arXiv 2305.09828)."""
    width = attention.embed_dim
    rank = width // heads
    queries, keys = [], []
    for _ in range(heads):
        left, size, right = torch.linalg.svd(_noise(width) * 0.7 + torch.eye(width) * 0.7)
        root = size[:rank].sqrt()
        queries.append((left[:, :rank] * root).T)
        keys.append(right[:rank] * root[:, None])
    attention.q_proj.weight.copy_(torch.cat(queries))
    attention.k_proj.weight.copy_(torch.cat(keys))
    left, size, right = torch.linalg.svd(_noise(width) * 0.4 - torch.eye(width) * 0.4)
    attention.v_proj.weight.copy_(size.sqrt()[:, None] * right)
    attention.out_proj.weight.copy_(left * size.sqrt())


def _noise(width: int) -> torch.Tensor:
    scale: float = width**-0.5
    return torch.randn(width, width) * scale


def _config(shape: ModelShape, *, vocab_size: int, end_id: int) -> Any:
    return SiglipConfig(
        text_config={
            "vocab_size": vocab_size,
            "hidden_size": shape.text_width,
            "intermediate_size": shape.text_mlp_width,
            "num_hidden_layers": shape.text_depth,
            "num_attention_heads": shape.text_heads,
            "max_position_embeddings": shape.context_length,
            "projection_size": shape.width,
            "pad_token_id": end_id,
            "bos_token_id": end_id,
            "eos_token_id": end_id,
        },
        vision_config={
            "hidden_size": shape.width,
            "intermediate_size": shape.mlp_width,
            "num_hidden_layers": shape.depth,
            "num_attention_heads": shape.heads,
            "image_size": shape.image_size,
            "patch_size": shape.patch_size,
        },
    )
