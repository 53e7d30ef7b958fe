from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.embed.embedder import Embedder
from satseek.engines.onnxruntime import OnnxEngine
from satseek.errors import ModelNotFound
from satseek.model.bundle import Bundle, starter_bundle
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from satseek.types import Pixels

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
NAMES = ("tiny-float32", "tiny-float16", "base-shallow", "starter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A bundle as satseek runs it, and the same weights as transformers runs them."""

    bundle: Bundle
    """What is shipped."""
    embedder: Embedder
    """What satseek makes of it."""
    oracle: Any
    """SiglipModel, float32."""
    images: int
    """How many images to compare: the larger the towers, the fewer."""
    texts: int
    """How many texts; likewise."""


@pytest.fixture(scope="session", params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)
    name = request.param
    if name == "starter":
        try:
            bundle = starter_bundle()
        except ModelNotFound as error:
            pytest.skip(str(error))
        if not (bundle.folder / "model.safetensors").is_file():
            pytest.skip("the starter is shipped without the weights that transformers reads")
    else:
        shape = modelmaker.BASE_SHALLOW if name == "base-shallow" else modelmaker.TINY
        precision = "float32" if name == "tiny-float32" else "float16"
        bundle = modelmaker.make_bundle(tmp_path_factory.mktemp(name), shape, precision=precision)
    return Golden(
        bundle=bundle,
        embedder=Embedder(OnnxEngine(bundle, threads=2), Tokenizer.from_bundle(bundle)),
        oracle=modelmaker.load_oracle(bundle.folder),
        images=4 if name == "base-shallow" else 64,
        texts=16 if name == "base-shallow" else 64,
    )


@pytest.fixture(scope="session")
def images() -> list[Pixels]:
    """64 images of many sizes: noise, gradients and flat colours."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(64):
        height, width = rng.integers(20, 300, 2)
        ramp = np.linspace(0, 255, height * width * 3).reshape(height, width, 3)
        noise = rng.integers(0, 256, (height, width, 3))
        colour = rng.integers(0, 256, 3)
        mix = (ramp, noise, (ramp + noise) / 2, np.broadcast_to(colour, ramp.shape))
        made.append(mix[number % 4].astype(np.uint8))
    return made


@pytest.fixture(scope="session")
def shared_pieces() -> tuple[Path, Path]:
    """A published 32,000-piece model and its ``tokenizer.json``."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "tokenizers"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    return folder / "t5style_32000_spiece.model", folder / "t5style_tokenizer.json"
