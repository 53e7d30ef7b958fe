"""A learner's state becomes a checkpoint file, and its average a Hugging Face directory.

Knows no data. A checkpoint is replaced in one move, so that a kill leaves the last one whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from satseek.errors import DamagedData
from satseek.train.tokenizing import save_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint below a run's folder."""


def save_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write ``state`` beside the last checkpoint and put it in its place."""
    fresh = folder / f"{CHECKPOINT}.new"
    torch.save(state, fresh)
    fresh.replace(folder / CHECKPOINT)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last checkpoint; None where there is none.

    Raises:
        DamagedData: The file cannot be read.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise DamagedData(f"{path}: expected a checkpoint of this version, {error}") from error
    return state


def save_model(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files from which transformers loads model, tokenizer and preprocessing."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    context = model.config.text_config.max_position_embeddings
    save_tokenizer(tokenizer, folder, context_length=context)
    size = model.config.vision_config.image_size
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_processor_type": "SiglipImageProcessor",
                "do_resize": True,
                "size": {"height": size, "width": size},
                "resample": 3,
                "do_rescale": True,
                "rescale_factor": 1 / 255,
                "do_normalize": True,
                "image_mean": [0.5, 0.5, 0.5],
                "image_std": [0.5, 0.5, 0.5],
                "do_convert_rgb": True,
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
