"""Scenes around parcels → where they show clouds throughout, by their own bands and beside others.

Does not know vectors or labels. Percentiles stretch a scene that lies wholly under cloud until its
cloud has the contrast of ground, which no chip gives away. Its samples do: a band may tell the
clouds, and such a scene is brighter throughout than the same place on another day, and grey.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from satseek.errors import SatseekError
from satseek.imagery.covers import read_cover
from satseek.imagery.ground import footprints
from satseek.imagery.recipes import stretch_of
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from satseek.imagery.covers import Cover
    from satseek.imagery.recipes import Stretch
    from satseek.index.pinned import Pinned
    from satseek.index.sightings import Sightings
    from satseek.types import BBox, Recipe, Scene

MOSTLY: Final = 0.5
"""Share of a chip that clouds hide, or of a scene that lies in another, above which it is most."""

WHITENESS: Final = 0.7
"""Sum over the visible bands of how far each is from their mean, as a share of it, below which a
pixel may be a cloud (Zhu & Woodcock 2012, Fmask, equation 2)."""

FARTHEST: Final = 100.0
"""Times as bright as anything on another day: clouds reflect all light at most, the darkest ground
some hundredth of it. What is brighter yet is told in other units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skies:
    """What scenes say of clouds besides what their chips look like."""

    overcast: frozenset[str] = frozenset()
    """Ids of scenes that lie wholly under cloud."""
    told: Mapping[str, Cover] = field(default_factory=dict, hash=False)
    """By scene: where a band of its own tells clouds, which its recipe does not leave out."""

    def hidden(self, index: Pinned, found: Sightings) -> NDArray[np.bool_]:
        """Mark the sightings that show a cloud by what their scenes say, shape (n,)."""
        ids = np.array(found.scenes, dtype=np.object_)
        hidden = np.isin(found.sources, np.flatnonzero([one in self.overcast for one in ids]))
        telling = np.isin(found.sources, np.flatnonzero([one in self.told for one in ids]))
        places = np.flatnonzero(telling & ~hidden)
        chips = index.chips(found.rows[places].tolist())
        for place, chip in zip(places.tolist(), chips, strict=True):
            hidden[place] = self.told[chip.scene_id].share(chip.window) > MOSTLY
        return np.asarray(hidden)


CLEAR: Final = Skies()
"""Where nothing is known of clouds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    scene: Scene
    stretch: Stretch
    ground: shapely.Geometry


def skies_of(scenes: Iterable[Scene], *, recipe: Recipe, box: BBox) -> Skies:
    """Ask scenes for their clouds.

    Args:
        scenes: Of a collection, all dates: what a place looks like otherwise is told by the others.
        recipe: Of the collection.
        box: Around the parcels, degrees: scenes elsewhere are not read.
    """
    around = shapely.box(*box)
    known: list[_Shown] = []
    told: dict[str, Cover] = {}
    for scene in scenes:
        ground = _ground(scene)
        if ground is None or not ground.intersects(around):
            continue
        try:
            stretch = stretch_of(scene, recipe)
            cover = None if stretch.mask_band else read_cover(scene)
        except SatseekError:  # moved away, or all nodata: its chips are what is known of it
            continue
        known.append(_Shown(scene=scene, stretch=stretch, ground=ground))
        if cover is not None:
            told[scene.id] = cover
    overcast = {one.scene.id for one in known if any(_outshines(one, other) for other in known)}
    return Skies(overcast=frozenset(overcast), told=told)


def _outshines(one: _Shown, other: _Shown) -> bool:
    """Tell whether even the darkest of a scene is brighter than the same place on another day.

    Darkest and brightest are the ends of the scene's stretch: its own percentiles, or ends that
    all scenes share, so that none outshines another.
    """
    alike = (one.scene.dtype, one.scene.band_names) == (other.scene.dtype, other.scene.band_names)
    if not alike or one.stretch.bands != other.stretch.bands or not _over(one, other):
        return False
    darkest, brightest = np.array(one.stretch.low), np.array(other.stretch.high)
    middle = (darkest + np.array(one.stretch.high)) / 2
    return bool(
        (darkest > brightest).all()
        and (brightest > 0).all()
        and (middle < FARTHEST * brightest).all()
        and np.abs(middle / middle.mean() - 1).sum() < WHITENESS
    )


def _over(one: _Shown, other: _Shown) -> bool:
    """Tell whether most of a scene is seen on the other, too."""
    return bool(one.ground.intersection(other.ground).area > MOSTLY * one.ground.area)


def _ground(scene: Scene) -> shapely.Geometry | None:
    whole = Window(column=0, row=0, width=scene.width, height=scene.height)
    (outline,) = footprints(scene.crs, scene.transform, [whole])
    return None if outline is None else shapely.from_geojson(json.dumps(outline))
