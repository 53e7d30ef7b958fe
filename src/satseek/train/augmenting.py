"""Chips become varied chips: another crop, turn, mirror image and light each time.

Knows no label. Everything is drawn from torch's global generator, which the loop seeds per step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from satseek.train.configuring import Augment


def to_floats(images: torch.Tensor) -> torch.Tensor:
    """Uint8 (n, 3, h, w) → float32 of the same shape, −1 to 1: what SigLIP's towers take."""
    return images.float() / 127.5 - 1


def resize(images: torch.Tensor, size: int) -> torch.Tensor:
    """Uint8 (n, 3, h, w) → float32 (n, 3, size, size), bicubic with anti-aliasing."""
    scaled = to_floats(images)
    if images.shape[-1] == size:
        return scaled
    scaled = functional.interpolate(scaled, (size, size), mode="bicubic", antialias=True)
    return scaled.clamp_(-1, 1)


def vary(images: torch.Tensor, *, size: int, how: Augment) -> torch.Tensor:
    """Uint8 (n, 3, h, w) → float32 (n, 3, size, size): cropped, turned, mirrored, recoloured."""
    grid = functional.affine_grid(
        _crops(len(images), how), [len(images), 3, size, size], align_corners=False
    )
    crops = functional.grid_sample(
        to_floats(images), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return _recolour(crops, how)


def _crops(n: int, how: Augment) -> torch.Tensor:
    """Affine maps (n, 2, 3) from output to input coordinates, both −1 to 1."""
    side = torch.empty(n).uniform_(how.scale_min, 1).sqrt()
    stretch = torch.empty(n).uniform_(-how.aspect, how.aspect).exp()
    width, height = (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)
    angle = torch.randint(0, 4, (n,)) * (math.pi / 2)
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)  # noqa: PLR2004 -- every second one
    cosine, sine = angle.cos(), angle.sin()
    maps = torch.zeros(n, 2, 3)
    maps[:, 0, 0], maps[:, 0, 1] = width * cosine * mirror, -width * sine
    maps[:, 1, 0], maps[:, 1, 1] = height * sine * mirror, height * cosine
    maps[:, 0, 2] = (torch.rand(n) * 2 - 1) * (1 - width)
    maps[:, 1, 2] = (torch.rand(n) * 2 - 1) * (1 - height)
    return maps


def _recolour(x: torch.Tensor, how: Augment) -> torch.Tensor:
    n = len(x)
    mean = x.mean((1, 2, 3), keepdim=True)
    gain = 1 + torch.empty(n, 1, 1, 1).uniform_(-how.contrast, how.contrast)
    shift = torch.empty(n, 1, 1, 1).uniform_(-how.brightness, how.brightness)
    tint = torch.empty(n, 3, 1, 1).uniform_(-how.colour, how.colour)
    x = (x - mean) * gain + mean + shift + tint
    fade = torch.rand(n, 1, 1, 1) * 0.4 * (torch.rand(n, 1, 1, 1) < how.grey)
    return x * (1 - fade) + x.mean(1, keepdim=True) * fade
