"""Turns a model's card into made-up chips and plain texts that engines are compared on.

Does not know any engine. The chips are no place on Earth; they have the colours, edges and fine
grain of aerial images, because on noise alone a tower's features are nearly the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.engines.measuring import Probes
from satseek.model.preprocessing import preprocess
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.types import Pixels

CHIP_PX = 256

TEXTS = (
    "a river",
    "a satellite image of dense forest",
    "an airport with two runways and parked planes",
    "storage tanks beside a harbour",
    "farmland with circular fields, seen from above in early summer",
    "an open-pit mine in the forest",
    "houses along a road",
    "bare rock, snow and a small lake between the ridges of a mountain range",
)

_GROUND = ((52, 74, 40), (112, 104, 82), (36, 58, 72), (150, 146, 138))
"""RGB of forest, field, water and concrete, the way aerial images show them."""


def probes(bundle: Bundle, *, images: int = 8) -> Probes:
    """Preprocessed chips and token ids for a model, the same at every call.

    Raises:
        DamagedData: the bundle's tokenizer is not one.
    """
    card = bundle.card
    return Probes(
        images=preprocess(chips(images), size=card.image_size, how=card.preprocessing),
        texts=Tokenizer.from_bundle(bundle).encode(TEXTS),
    )


def chips(count: int, *, seed: int = 0) -> list[Pixels]:
    """Made-up chips of ``CHIP_PX``, the same at every call with the same seed."""
    rng = np.random.default_rng(seed)
    return [_chip(rng) for _ in range(count)]


def _chip(rng: np.random.Generator) -> Pixels:
    """Ground of two kinds with a soft border, a few roofs, and grain over all."""
    share = _relief(rng)[..., None]
    first, second = (np.array(_GROUND[i]) for i in rng.permutation(len(_GROUND))[:2])
    chip = first * share + second * (1 - share)
    for _ in range(rng.integers(0, 12)):
        row, column = rng.integers(0, CHIP_PX - 40, 2)
        height, width = rng.integers(8, 40, 2)
        chip[row : row + height, column : column + width] = rng.integers(90, 230, 3)
    grain = rng.normal(0, 9, (CHIP_PX, CHIP_PX, 1))
    return np.clip(chip + grain, 0, 255).astype(np.uint8)


def _relief(rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth ground between 0 and 1: noise whose power falls with the square of the frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(CHIP_PX), np.fft.fftfreq(CHIP_PX)))
    spectrum = np.fft.fft2(rng.standard_normal((CHIP_PX, CHIP_PX)))
    heights = np.fft.ifft2(spectrum / np.maximum(frequency, 1 / CHIP_PX) ** 2).real
    steep = 6 * (heights - heights.mean()) / heights.std()
    return np.asarray(1 / (1 + np.exp(-steep)), dtype=np.float64)
