"""A trained Hugging Face SigLIP directory becomes a bundle that every engine loads.

Knows nothing of training, nor how a bundle is written: Git-RSCLIP goes the same way.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from satseek.checkpoints import siglip
from satseek.checkpoints.pieces import PIECES
from satseek.checkpoints.policies import PREPROCESSOR, TOKENIZER_CONFIG
from satseek.checkpoints.writing import write_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.types import ModelCard

logger = logging.getLogger(__name__)

_COPIED = (TOKENIZER_CONFIG, PREPROCESSOR, PIECES)
"""Files that only transformers reads; copied where they are."""


def export(
    model_dir: Path,
    out_dir: Path,
    *,
    name: str,
    licences: Mapping[str, str],
    training_data: str,
    accuracy: Mapping[str, float],
    precision: Literal["float16", "float32"] = "float16",
) -> ModelCard:
    """See `satseek.train.export_bundle`; ``precision`` is ``float16`` (stored) or ``float32``.

    Raises:
        InvalidConfig: The precision is unknown, or a tower is too large for one ONNX file.
        ModelNotFound: ``model_dir`` holds no SigLIP model or no tokenizer.
        UnreadableCheckpoint: What it holds is damaged, incomplete or of another architecture.
    """
    model_dir, out_dir = Path(model_dir), Path(out_dir)
    checkpoint = siglip.read(model_dir, report=logger.info)
    out_dir.mkdir(parents=True, exist_ok=True)
    for file in _COPIED:
        if (model_dir / file).is_file() and model_dir.resolve() != out_dir.resolve():
            shutil.copyfile(model_dir / file, out_dir / file)
    return write_bundle(
        checkpoint,
        out_dir,
        name=name,
        precision=precision,
        licences=licences,
        training_data=training_data,
        accuracy=accuracy,
        report=logger.info,
    )
