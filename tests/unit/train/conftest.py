from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs it: pip install 'satseek[torch]'")
pytest.importorskip("transformers", reason="training needs it: pip install 'satseek[torch]'")

from satseek.train.configuring import (  # noqa: E402 -- what they import may be missing
    Augment,
    ModelShape,
    Schedule,
    SourceConfig,
    TeacherConfig,
    TrainConfig,
)

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {"red roof": (200, 40, 40), "green field": (40, 180, 40), "blue lake": (40, 60, 200)}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two threads on so small a model wait for each other longer than they work."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of 48 noisy chips of three colours, with captions and a split."""
    folder = tmp_path_factory.mktemp("chips")
    rng = np.random.default_rng(5)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "captions", "split"])
        for i in range(48):
            label = list(COLOURS)[i % 3]
            noisy = np.array(COLOURS[label]) + rng.integers(-30, 30, (32, 32, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{i:02}.png")
            captions = [f"this is a {label}", f"a {label} from above"]
            split = "test" if i >= 42 else "train"
            table.writerow([f"{i:02}.png", label, json.dumps(captions), split])
    return folder


@pytest.fixture
def config(chips: Path, tmp_path: Path) -> TrainConfig:
    """A run of a few seconds."""
    return TrainConfig(
        name="tiny",
        out=str(tmp_path / "run"),
        sources=(SourceConfig(kind="labels", path=str(chips), split="train", holdout=0.2),),
        model=ModelShape(
            image_size=16,
            patch_size=4,
            width=32,
            depth=2,
            heads=2,
            mlp_width=48,
            text_width=16,
            text_depth=1,
            text_heads=2,
            text_mlp_width=32,
            vocab_size=200,
        ),
        schedule=Schedule(steps=40, batch=12, texts=12, warmup=4, average=0.9),
        augment=Augment(scale_min=0.8, aspect=0.05, brightness=0.05, contrast=0.05, grey=0.0),
        teacher=TeacherConfig(epochs=1, size=16, small_size=8, batch=12),
        store_px=24,
        seed=3,
    )
