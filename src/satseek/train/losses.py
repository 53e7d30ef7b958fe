"""Logits and truth become one number to make small.

Knows no network: only matrices of logits. Pairs whose truth is unknown count nothing.
"""

from __future__ import annotations

import torch
from torch.nn import functional

UNKNOWN = -1
"""In a target matrix: neither true (1) nor false (0)."""

_TEMPERATURE = 2.0
"""Softens teacher and student alike; Hinton et al. 2015 find 2 to 4 best for small networks."""


def caption_loss(logits: torch.Tensor, related: torch.Tensor) -> torch.Tensor:
    """Sigmoid loss over all pairs of chips and captions (Zhai et al. 2023, arXiv 2303.15343).

    Args:
        logits: (n, n), chip i belongs to caption i.
        related: bool (n, n), True where chip and caption show the same thing by label: such a
            pair off the diagonal may be true, so it counts nothing.
    """
    own = torch.eye(len(logits), dtype=torch.bool)
    signed = torch.where(own, logits, -logits)
    counted = own | ~related
    return -(functional.logsigmoid(signed) * counted).sum() / max(1, len(logits))


def match_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sigmoid loss over chips (n) and labels (m); targets (n, m) of 1, 0 and `UNKNOWN`."""
    signed = torch.where(targets == 1, logits, -logits)
    return -(functional.logsigmoid(signed) * (targets != UNKNOWN)).sum() / len(logits)


def share_loss(
    logits: torch.Tensor, targets: torch.Tensor, exclusive: torch.Tensor, *, smoothing: float
) -> torch.Tensor:
    """Softmax loss over the labels of each chip's own source, mean over all chips.

    Args:
        logits: (n, m).
        targets: (n, m) of 1, 0 and `UNKNOWN`; several true labels share the mass equally,
            and a chip without any costs nothing.
        exclusive: bool (n, m), True for the labels of the chip's source that exclude each other.
        smoothing: Part of the mass that goes to all labels asked alike, 0–1.
    """
    asked = exclusive & (targets != UNKNOWN)
    true = (targets == 1) & asked
    rows = true.any(1)
    if not rows.any():
        return logits.sum() * 0
    asked, true, logits = asked[rows], true[rows].float(), logits[rows]
    aim = true / true.sum(1, keepdim=True)
    aim = aim * (1 - smoothing) + asked.float() / asked.sum(1, keepdim=True) * smoothing
    logs = logits.masked_fill(~asked, -torch.inf).log_softmax(1).masked_fill(~asked, 0)
    return -(aim * logs).sum() / len(rows)


def teacher_loss(logits: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """Divergence of the student's shares from the teacher's, both (n, m); n may be 0."""
    if not len(logits):
        return logits.sum()
    student = (logits / _TEMPERATURE).log_softmax(1)
    teacher = (taught / _TEMPERATURE).softmax(1)
    return functional.kl_div(student, teacher, reduction="batchmean") * _TEMPERATURE**2


def guide_loss(patches: torch.Tensor, feature_map: torch.Tensor) -> torch.Tensor:
    """Mean cosine distance of patches (n, g², c) from a feature map (n, c, h, w)."""
    grid = round(patches.shape[1] ** 0.5)
    pooled = functional.adaptive_avg_pool2d(feature_map, grid).flatten(2).transpose(1, 2)
    return (1 - functional.cosine_similarity(patches, pooled, dim=2)).mean()
