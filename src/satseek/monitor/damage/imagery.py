"""What somebody names as before and after → scenes in one collection, and which chips are which.

Does not know parcels but for their sizes and place. Before and after come from folders, STAC
documents or periods of a collection; their scenes may have any CRS and pixel size: one grid, laid
down when the collection is made, brings them together.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from satseek.errors import InvalidFilter, InvalidRequest, UnreadableImage, UnsafeReference
from satseek.imagery.candidates import find_candidates
from satseek.imagery.grid import pixel_sizes
from satseek.imagery.ground import metres_per_pixel, parse_crs
from satseek.imagery.hosts import covering, place_of
from satseek.imagery.lattices import rounded_size
from satseek.imagery.reach import is_remote
from satseek.imagery.recipes import recipe_named
from satseek.monitor.damage.grading import EvidenceRules
from satseek.monitor.damage.parcels import shapes_of_parcels
from satseek.types import Filter, GridSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from satseek.imagery.candidates import Candidates
    from satseek.imagery.reach import Reach
    from satseek.index.collection import Collection
    from satseek.monitor.damage.parcels import Parcel
    from satseek.types import Scene

EDGES: Final = (256, 192, 128)
"""Edges of chips in pixels that are tried, the largest first. Smaller ones show too little to be
told: on a made-up county, each chip decided for itself, the mean absolute error of flooded fields
is 0.14 with 128 pixels every 64, and 0.36 with 64 every 32 (bench/monitoring/damage.py)."""

FITTING: Final = 0.75
"""Share of the parcels that shall be large enough to be judged."""

OVERLAP: Final = 2
"""Chips along an axis that show one place: a chip speaks for its middle, half as wide as itself;
see bench/monitoring/damage.py for what one and four do."""

LOOKED_AT: Final = 50
"""Scenes whose headers are read to lay a grid: sensors do not change more often."""

_PERIOD: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_ZONE_DEG: Final = 6
_ZONES: Final = 60
_UTM_LATITUDE: Final = 84.0
_HECTARE_M2: Final = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From a day to a day, both included."""

    text: str = field(compare=False)
    """As it was written."""
    start: datetime
    """First moment, UTC."""
    end: datetime
    """Last moment, UTC."""

    def __str__(self) -> str:
        """Give it as it was written."""
        return self.text

    def filter(self) -> Filter:
        """Give what chips of the period pass."""
        return Filter(start=self.start, end=self.end)


def read_period(text: str) -> Period | None:
    """Read ``2024``, ``2024-06``, ``2024-06-02``, or two with ``/`` between; None: no period.

    Raises:
        InvalidFilter: it looks like one, but there is no such day, or its end lies before its
            start.
    """
    first, _, last = text.strip().partition("/")
    ends = [_PERIOD.fullmatch(one.strip()) for one in (first, last or first)]
    if ends[0] is None or ends[1] is None:
        return None
    try:
        start, end = _day(ends[0], last=False), _day(ends[1], last=True)
    except ValueError as error:
        raise InvalidFilter(f"expected days such as 2024-06-02, came {text!r}") from error
    if end < start:
        raise InvalidFilter(f"expected a period whose end is not before its start, came {text!r}")
    return Period(
        text=text.strip(),
        start=datetime.combine(start, time.min, tzinfo=UTC),
        end=datetime.combine(end, time.max, tzinfo=UTC),
    )


def is_period(text: str) -> bool:
    """Tell whether somebody who stands here names a period rather than a folder beside them.

    Only a terminal asks so, and hands on folders by their whole paths; everywhere else the form
    decides, see `read_period`, so that no folder of a worker's own is taken for what was meant.

    Raises:
        InvalidFilter: as `read_period`.
    """
    return not Path(text).exists() and read_period(text) is not None


def scenes_of(source: str, *, reach: Reach) -> list[Scene]:
    """Describe the first scenes of a source, to lay a grid for them.

    Raises:
        FolderNotFound: there is no such folder.
        UnreadableImage: not one of them can be read.
    """
    recipe, refused = recipe_named("auto"), ""
    found: list[Scene] = []
    for candidate in candidates_of(source, reach=reach):
        try:
            found.append(candidate.describe(recipe))
        except UnreadableImage as error:
            refused = str(error)
        if len(found) == LOOKED_AT:
            break
    if not found:
        raise UnreadableImage(f"{source}: no scene in it can be read: {refused or 'it is empty'}")
    return found


def candidates_of(source: str, *, reach: Reach) -> Candidates:
    """List what there is to index; raises as `find_candidates`.

    What is named may be read, unless the settings speak of its host: then they say at which
    addresses, wherever its name leads by now.
    """
    return find_candidates(
        source, reach=reach if _is_listed(source, reach) else reach.and_named(source)
    )


def _is_listed(source: str, reach: Reach) -> bool:
    if not is_remote(source):
        return False
    try:
        covering(place_of(source, what=source), reach.addresses, what=source)
    except UnsafeReference:
        return False
    return True


def moment_of(source: str, collection: Collection, *, reach: Reach) -> Filter:
    """Say which chips of a collection are of a source that was indexed into it.

    Raises:
        InvalidRequest: none is.
    """
    paths = {candidate.path for candidate in candidates_of(source, reach=reach)}
    ids = tuple(scene.id for scene in collection.scenes() if scene.path in paths)
    if not ids:
        raise InvalidRequest(f"{source}: not one of its scenes could be used, see what was refused")
    return Filter(scene_ids=ids)


def fitting_grid(
    scenes: Sequence[Scene],
    parcels: Sequence[Parcel],
    *,
    chip_px: int | None = None,
    stride_px: int | None = None,
    pixel_size: float | None = None,
    crs: str | None = None,
) -> GridSpec:
    """Lay a grid for scenes of any CRS and pixel size, with chips that parcels can be told by.

    Its pixels are the coarsest among the scenes', so that both moments show equally much. What is
    not None is taken as it is.

    Raises:
        InvalidRequest: no scene has a place on Earth.
    """
    placed = [scene for scene in scenes if scene.crs is not None]
    if not placed:
        raise InvalidRequest("expected georeferenced imagery, came images without a place on Earth")
    reference = crs or _crs_of(placed, parcels)
    metres = pixel_size or rounded_size(max(_pixel(scene, reference) for scene in placed))
    edge = chip_px or _edge(metres, parcels)
    return GridSpec(
        crs=reference,
        chip_px=edge,
        stride_px=stride_px or max(edge // OVERLAP, 1),
        pixel_size=metres,
    )


def _pixel(scene: Scene, reference: str) -> float:
    """Give the edge of a scene's pixel in metres; in its own CRS where that is the grid's."""
    own = max(pixel_sizes(scene.transform)) if scene.crs == reference else metres_per_pixel(scene)
    return own or 0.0


def _edge(metres: float, parcels: Sequence[Parcel]) -> int:
    """Choose the largest chips by which most parcels can be told."""
    smallest = float(np.quantile([one.area_ha for one in parcels], 1 - FITTING)) * _HECTARE_M2
    cells = EvidenceRules().least_cells
    return next(
        (edge for edge in EDGES if cells * (edge / OVERLAP * metres) ** 2 <= smallest), EDGES[-1]
    )


def _crs_of(scenes: Sequence[Scene], parcels: Sequence[Parcel]) -> str:
    """Take the CRS that all scenes share if it is in metres, else the parcels' zone of UTM."""
    shared = {scene.crs for scene in scenes}
    only = next(iter(shared)) if len(shared) == 1 else None
    if only is not None and _is_metric(only):
        return only
    lon, lat = _middle(parcels)
    if abs(lat) > _UTM_LATITUDE:
        return "EPSG:3413" if lat > 0 else "EPSG:3031"  # polar stereographic
    zone = int((lon + 180) // _ZONE_DEG) % _ZONES + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def _middle(parcels: Sequence[Parcel]) -> tuple[float, float]:
    """Give the middle of parcels in degrees, also where they lie on both sides of ±180."""
    parts = shapely.get_parts(shapes_of_parcels(parcels))
    lons, lats = shapely.get_coordinates(shapely.point_on_surface(parts)).T
    turns = np.radians(lons)
    lon = np.degrees(np.arctan2(np.sin(turns).mean(), np.cos(turns).mean()))
    return float(lon), float(np.median(lats))


def _is_metric(crs: str) -> bool:
    """Tell whether a CRS is projected, in metres, and not stretched as web maps are."""
    parsed = parse_crs(crs)
    return bool(
        parsed.is_projected and parsed.linear_units_factor[1] == 1 and parsed.to_epsg() != 3857  # noqa: PLR2004
    )


def _day(found: re.Match[str], *, last: bool) -> date:
    year, month, day = (None if part is None else int(part) for part in found.groups())
    assert year is not None
    months = month or (12 if last else 1)
    days = day or (monthrange(year, months)[1] if last else 1)
    return datetime(year, months, days, tzinfo=UTC).date()
