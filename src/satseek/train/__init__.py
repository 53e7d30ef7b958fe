"""Chips and their captions become the weights of a model, and weights become a bundle.

Knows no collection, no index and no door; needs the ``torch`` extra only when a verb is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from satseek.train.configuring import TrainConfig
from satseek.train.parsing import read_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.train.progress import Progress
    from satseek.types import ModelCard

__all__ = ["TrainConfig", "export_bundle", "read_config", "train"]


def train(
    config: TrainConfig, *, resume: bool = False, report: Callable[[Progress], None] | None = None
) -> Path:
    """Train as ``config`` says and give back the bundle that was written (``out/bundle``).

    Args:
        config: What to train on, what to train, for how long and where to.
        resume: Go on from the last checkpoint under ``config.out``; False starts afresh.
        report: Called from the training process for every progress line; None logs them.

    Raises:
        DependencyMissing: The ``torch`` extra is not installed.
        InvalidConfig: A source, shape or schedule that cannot be.
    """
    from satseek.train.needing import need_torch  # noqa: PLC0415 -- torch only when a verb runs

    need_torch()
    from satseek.train.training import run  # noqa: PLC0415

    return run(config, resume=resume, report=report)


def export_bundle(
    model_dir: Path,
    out_dir: Path,
    *,
    name: str,
    licences: dict[str, str],
    training_data: str,
    accuracy: dict[str, float],
    precision: Literal["float16", "float32"] = "float16",
) -> ModelCard:
    """Turn a Hugging Face SigLIP directory into a bundle that every engine loads.

    Args:
        model_dir: Directory with ``config.json``, ``model.safetensors`` and tokenizer files.
        out_dir: Bundle directory; made where missing, files in it are replaced.
        name: Name written on the card.
        licences: Licence by part, see `ModelCard`.
        training_data: What it was trained on.
        accuracy: Measured figures by name.
        precision: Type in which weights are stored; engines compute in float32 either way.

    Raises:
        DependencyMissing: The ``torch`` extra is not installed.
        ModelNotFound: ``model_dir`` holds no SigLIP model.
        InvalidConfig: A shape that is no SigLIP's, or too large for one ONNX file.
    """
    from satseek.train.needing import need_torch  # noqa: PLC0415

    need_torch()
    from satseek.train.exporting import export  # noqa: PLC0415

    return export(
        model_dir,
        out_dir,
        name=name,
        licences=licences,
        training_data=training_data,
        accuracy=accuracy,
        precision=precision,
    )
