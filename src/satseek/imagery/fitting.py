"""A folder of scenes → a recipe with fixed numbers, so that one collection of them compares.

Does not know collections. Nothing is kept: who wants the recipe stores it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest, UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery._sources import open_source
from satseek.imagery.bands import choose_bands
from satseek.imagery.recipes import cuts_of, sampled
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.imagery.sensors import sensor_of
from satseek.logs import log_line

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Recipe

MAX_SCENES = 64
"""Scenes that are looked at, spread evenly over all there are."""

FIT_EDGE = 256
"""Rows and columns of each: 65,000 samples of a scene, so that each of them counts alike."""

_DIGITS = 6
"""Significant digits of the numbers that are found."""

logger = logging.getLogger(__name__)


def fit_recipe(folder: Path, *, like: Recipe, most: int = MAX_SCENES) -> Recipe:
    """Take percentiles over many scenes at once, band by band, as the numbers of a fixed stretch.

    Args:
        folder: Folder of scenes of one kind, or one scene.
        like: What else the recipe shall be: its name, bands, mask and nodata; its ``low`` and
            ``high`` are the percentiles, 0–100.
        most: Scenes that are looked at.

    Raises:
        FolderNotFound: not there.
        UnreadableImage: no scene of it can be used.
        InvalidRequest: its scenes are of several kinds.
    """
    found: list[NDArray[Any]] = []
    kinds: dict[tuple[tuple[int, ...], str], str] = {}
    for path in _spread(find_scenes(folder), most):
        try:
            bands, dtype, values = _looked_at(path, folder, like)
        except UnreadableImage as error:
            log_line(logger, "left out of a fit", path=str(path), reason=str(error))
            continue
        kinds.setdefault((bands, dtype), path.name)
        found.append(values)
    if not found:
        raise UnreadableImage(f"{shown(str(folder))}: no scene of it can be used")
    if len(kinds) > 1:
        listed = "; ".join(f"{shown(name)}: bands {b} of {d}" for (b, d), name in kinds.items())
        raise InvalidRequest(f"scenes of several kinds ({listed}); fit each kind by itself")
    (bands, _), *_ = kinds
    cuts = tuple(
        (_rounded(low), _rounded(high))
        for low, high in (cuts_of(band, like) for band in np.concatenate(found, axis=1))
    )
    return replace(
        like,
        bands=like.bands or bands,
        stretch="fixed",
        low=min(low for low, _ in cuts),
        high=max(high for _, high in cuts),
        cuts=cuts,
    )


def _looked_at(path: Path, folder: Path, like: Recipe) -> tuple[tuple[int, ...], str, NDArray[Any]]:
    scene = describe_scene(path, root=folder if folder.is_dir() else folder.parent)
    with open_source(scene) as source:
        sensor = sensor_of(scene.properties)
        bands = choose_bands(source.layout, asked=like.bands, name=source.name, sensor=sensor)
        values = sampled(source, like, bands=bands, edge=FIT_EDGE)
    return bands, source.layout.dtype, values


def _spread(paths: list[Path], most: int) -> list[Path]:
    picked = np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int)
    return [paths[at] for at in picked]


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
