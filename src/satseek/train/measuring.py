"""A model and chips it was not trained on become a zero-shot accuracy.

Knows no optimizer. Prompts and captions go through the towers just as a search's words do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from satseek.evaluate import zero_shot as evaluate
from satseek.train.augmenting import resize
from satseek.train.prompting import MEASURED, prompts
from satseek.train.tokenizing import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

_BATCH = 64


@torch.no_grad()
def image_vectors(model: Any, images: torch.Tensor) -> torch.Tensor:
    """Uint8 (n, 3, px, px) → unit float32 (n, dim)."""
    size = model.config.vision_config.image_size
    parts = [model.vision_model(resize(p, size)).pooler_output for p in torch.split(images, _BATCH)]
    return functional.normalize(torch.cat(parts), dim=1)


@torch.no_grad()
def text_vectors(model: Any, tokenizer: Tokenizer, texts: Sequence[str]) -> torch.Tensor:
    """Texts → unit float32 (n, dim)."""
    ids = torch.from_numpy(encode(tokenizer, texts))
    parts = [model.text_model(part).pooler_output for part in torch.split(ids, _BATCH)]
    return functional.normalize(torch.cat(parts), dim=1)


def label_vectors(model: Any, tokenizer: Tokenizer, labels: Sequence[str]) -> torch.Tensor:
    """One unit vector a label: the mean over the first phrasings; float32 (labels, dim)."""
    each = [text_vectors(model, tokenizer, prompts(name)[:MEASURED]).mean(0) for name in labels]
    return functional.normalize(torch.stack(each), dim=1)


def zero_shot(
    model: Any,
    tokenizer: Tokenizer,
    images: torch.Tensor,
    *,
    truth: Sequence[str],
    labels: Sequence[str],
) -> float:
    """Share of chips whose best label prompt is the true one, 0–1.

    Args:
        model: SigLIP in evaluation mode.
        tokenizer: Its tokenizer.
        images: uint8, (n, 3, px, px).
        truth: True label of each chip.
        labels: All labels that are asked.
    """
    return evaluate.zero_shot(
        image_vectors(model, images).numpy(),
        label_vectors(model, tokenizer, labels).numpy(),
        [labels.index(name) for name in truth],
    ).top1
