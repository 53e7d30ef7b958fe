"""A folder of scenes → a recipe with fixed numbers, so that one collection of them compares.

Does not know collections. Nothing is kept: who wants the recipe stores it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest, UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery._sources import open_source
from satseek.imagery.bands import choose_bands
from satseek.imagery.recipes import cuts_of, sampled
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.imagery.sensors import sensor_of
from satseek.types import Refusal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A recipe, and what it was fitted to."""

    recipe: Recipe
    """With fixed numbers."""
    scenes: int
    """Scenes that were looked at."""
    refusals: tuple[Refusal, ...]
    """Scenes that could not be used."""


def fit_recipe(folder: Path, *, like: Recipe, most: int = MAX_SCENES) -> Fit:
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
    refusals: list[Refusal] = []
    kinds: dict[tuple[tuple[int, ...], str], str] = {}
    for path in _spread(find_scenes(folder), most):
        try:
            bands, dtype, values = _looked_at(path, folder, like)
        except UnreadableImage as error:
            kind = type(error).__name__
            refusals.append(Refusal(path=str(path), reason=str(error), kind=kind))
            continue
        kinds.setdefault((() if like.bands else bands, dtype), path.name)
        found.append(values)
    if not found:
        reason = refusals[0].reason if refusals else "there are no images in it"
        raise UnreadableImage(f"{shown(str(folder))}: no scene can be used: {reason}")
    if len(kinds) > 1:
        listed = "; ".join(f"{shown(name)}: bands {b} of {d}" for (b, d), name in kinds.items())
        raise InvalidRequest(f"scenes of several kinds ({listed}); fit each kind by itself")
    (bands, _), *_ = kinds
    cuts = tuple(
        (_rounded(low), _rounded(high))
        for low, high in (cuts_of(band, like) for band in np.concatenate(found, axis=1))
    )
    fitted = replace(
        like,
        bands=like.bands or bands,
        stretch="fixed",
        low=min(low for low, _ in cuts),
        high=max(high for _, high in cuts),
        cuts=cuts,
    )
    return Fit(recipe=fitted, scenes=len(found), refusals=tuple(refusals))


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
