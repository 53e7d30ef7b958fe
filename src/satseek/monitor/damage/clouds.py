"""Made-up clouds → what a label that hides the ground looks like to a model.

Does not know collections. Captions seldom speak of clouds, so that many models do not know the
word; what a cloud looks like they can tell all the same, once they are shown some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from satseek.model.scores import logits
from satseek.monitor.damage.labels import STATE
from satseek.search.probing import beside_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.monitor.labels.labelling import LabelSet, LabelVectors
    from satseek.types import Pixels, Vectors

EXAMPLES: Final = "examples"
"""Property of a label that names what stands beside its words."""

CLOUDS: Final = "clouds"
"""Such examples: made-up clouds."""

EDGE: Final = 128
"""Pixels of a made-up cloud along each edge; models reduce or enlarge it to their own."""

KINDS: Final = ((255, 0), (250, 6), (240, 20), (228, 34), (214, 26), (200, 40))
"""Middle grey and half range of clouds: saturated by the stretch, dense, in relief, grey."""

EACH: Final = 3
"""Clouds of each kind: with bulges of an eighth, a quarter and half of the chip."""

_SEED: Final = 7
_FINEST: Final = 4
"""Octaves of bulges, each half as large and half as high as the one before."""


def made_clouds() -> list[Pixels]:
    """Paint clouds that fill a chip, the same ones every time."""
    rng = np.random.default_rng(_SEED)
    return [
        _cloud(rng, middle=middle, reach=reach, cells=2 << turn)
        for middle, reach in KINDS
        for turn in range(EACH)
    ]


def hidden_vectors(
    labels: LabelSet, *, embedder: Embedder, background: Vectors
) -> Mapping[str, Vectors]:
    """Give the vectors of prompts whose labels have made-up clouds beside their words.

    Args:
        labels: Of damage; those with the property ``examples`` = ``clouds`` count.
        embedder: Of the model.
        background: float32 (sample, dim), unit rows: any chips of the collection.

    Returns:
        float32 (1, dim) by prompt; cosines with them lie on the scale of words'.
    """
    prompts = [
        prompt
        for label in labels.labels
        if label.properties[STATE] == "hidden" and label.properties.get(EXAMPLES) == CLOUDS
        for prompt in label.prompts
    ]
    if not prompts:
        return {}
    clouds = embedder.embed_images(made_clouds())
    words = embedder.label_vectors(prompts, templates=labels.templates)
    none = np.empty((0, clouds.shape[1]), dtype=np.float32)
    return {
        prompt: beside_words(own[None], liked=clouds, disliked=none, background=background)
        for prompt, own in zip(prompts, words, strict=True)
    }


def least_hidden(labels: LabelVectors, hidden: NDArray[np.bool_], *, embedder: Embedder) -> float:
    """Say by how much a cloud must fit better than anything else: half of what made-up ones do.

    Half-way between ground that is as much like a cloud as like anything, and clouds.

    Args:
        labels: With what `hidden_vectors` gave.
        hidden: Shape (classes,): True where a class hides the ground.
        embedder: Of the model.

    Returns:
        Logits, 0 or more.
    """
    if hidden.all() or not hidden.any():
        return 0.0
    found = logits(labels.cosines(embedder.embed_images(made_clouds())), labels.card)
    margins = found[:, hidden].max(axis=1) - found[:, ~hidden].max(axis=1)
    return max(float(np.median(margins)) / 2, 0.0)


def _cloud(rng: np.random.Generator, *, middle: int, reach: int, cells: int) -> Pixels:
    relief = np.zeros((EDGE, EDGE), dtype=np.float32)
    for octave in range(_FINEST):
        grid = rng.uniform(-1, 1, (cells << octave, cells << octave)).astype(np.float32)
        relief += _smooth(grid) / (1 << octave)
    relief /= max(float(np.abs(relief).max()), 1e-6)
    grey = np.clip(middle + reach * relief, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _smooth(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Enlarge a coarse grid to a chip, bicubically."""
    enlarged = Image.fromarray(grid).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
    return np.asarray(enlarged, dtype=np.float32)
