from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import ModelNotFound
from satseek.model.bundle import Bundle, starter_bundle
from satseek.model.preprocessing import preprocess
from satseek.model.tokenizer import Tokenizer

pytest.importorskip("onnx", reason="pip install 'satseek[quantize]'")

from satseek.quantize.rewriting import Tower
from satseek.quantize.sampling import Sample, county_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture(scope="session")
def starter() -> Bundle:
    try:
        return starter_bundle()
    except ModelNotFound as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sample() -> Sample:
    """18 chips and 48 texts of the smallest county there is."""
    return county_sample(seed=7, images=18, texts=48, px=768)


@pytest.fixture(scope="session")
def image_tower(starter: Bundle) -> Tower:
    return Tower.read(starter.image_tower)


@pytest.fixture(scope="session")
def text_tower(starter: Bundle) -> Tower:
    return Tower.read(starter.text_tower)


@pytest.fixture(scope="session")
def pixels(starter: Bundle, sample: Sample) -> NDArray[Any]:
    return preprocess(sample.images, size=starter.card.image_size)


@pytest.fixture(scope="session")
def ids(starter: Bundle, sample: Sample) -> NDArray[Any]:
    return Tokenizer.from_bundle(starter).encode(sample.texts)
