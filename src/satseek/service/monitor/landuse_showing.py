"""Runs of land use and label sets → what every door tells of them.

Does not know which door it is, nor who looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from satseek.imagery.tiles import MAX_ZOOM, zoom_of
from satseek.monitor.labels.describing import described_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.runs.run import KeptFile, KeptRun

_DEGREE_M = 111_320.0
"""Metres per degree along the equator: 2 · π · 6,378,137 m / 360."""

_BEYOND = 4
"""Zooms beyond the one at which a cell is a pixel: cells are to be seen as squares."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class LabelShown(_Shown):
    """One label of a set."""

    name: str
    names: dict[str, str] = Field(description="What it is called, by language: `en`, `zh`.")
    colour: str | None = Field(description="On maps, `#rrggbb`; null: one of the palette's.")
    prompts: list[str] = Field(description="Words for it; the one that fits best counts.")
    properties: dict[str, Any] = Field(description="What else a use-case knows of it.")


class LabelSetShown(_Shown):
    """A label set."""

    name: str
    names: dict[str, str]
    labels: list[LabelShown]
    distractors: list[str] = Field(description="What stands for “none of these”; empty: nothing.")


class KeptFileShown(_Shown):
    """A file that a run left."""

    name: str
    bytes: int
    sha256: str = Field(description="Digest of its bytes; also its `ETag`.")
    media_type: str
    path: str = Field(description="Where it is had on this server.")


class LandUseShown(_Shown):
    """A run of land use, in a line."""

    name: str
    collection: str
    made_at: str = Field(description="ISO 8601, UTC.")
    operator: str = Field(description="Who asked; empty: not told.")
    model: str | None = Field(description="`name@version`; null: it found nothing with a date.")
    label_set: str | None
    dates: list[str] = Field(description="The earliest first.")
    cells: int
    images: int
    changes: int = Field(description="Patches that became something else.")
    changes_ha: float


class ClassShown(_Shown):
    """One class of a map."""

    name: str
    names: dict[str, str]
    colour: str = Field(description="`#rrggbb`.")


class AreasShown(_Shown):
    """Areas of one date."""

    date: str
    area_ha: dict[str, float] = Field(description="Hectares by class, on an equal-area projection.")
    share: dict[str, float] = Field(description="Of what was seen, 0 to 1, by class.")


class FlowShown(_Shown):
    """What became of what between two dates, on the ground that both saw."""

    before: str
    after: str
    area_ha: list[list[float]] = Field(
        description="Hectares: a row is a class before, a column one after, in their order."
    )
    total_ha: float
    changed_ha: float


class MapShown(_Shown):
    """The class map of one date."""

    date: str
    file: str | None = Field(description="Path of the cloud-optimised GeoTIFF.")
    tiles: str = Field(description="Template of its tiles: `{z}/{x}/{y}`.")
    maxzoom: int


class LandUseDetails(LandUseShown):
    """All of a run but for its changes, which are had page by page."""

    classes: list[ClassShown]
    areas: list[AreasShown]
    flows: list[FlowShown] = Field(
        description="From each date to the next, and of more than two the whole period at last."
    )
    bbox: list[float] | None = Field(description="West, south, east, north; null: no map.")
    maps: list[MapShown]
    districts: int = Field(description="Rows of the table of districts; 0: none were asked for.")
    files: list[KeptFileShown]
    notes: list[str] = Field(description="What was odd about what was asked.")


def shown_run(run: KeptRun) -> LandUseShown:
    """Show a run in a line."""
    return LandUseShown(**_line(run))


def run_details(run: KeptRun, *, root: str = "") -> LandUseDetails:
    """Show all of a run.

    Args:
        run: Which.
        root: Path below which this server is seen.
    """
    below = f"{root}/v1/landuse/{quote(run.name, safe='')}"
    files = shown_files(run, below)
    return LandUseDetails(
        **_line(run),
        **{name: run.facts[name] for name in ("classes", "areas", "flows", "bbox", "notes")},
        maps=[] if run.facts["bbox"] is None else _maps(run, below, files),
        districts=run.tables.get("districts", 0),
        files=files,
    )


def shown_files(run: KeptRun, below: str) -> list[KeptFileShown]:
    """Show the files of a run, by name."""
    return [_file(one, f"{below}/files/{quote(one.name, safe='/')}") for one in run.files]


def shown_set(labels: LabelSet) -> LabelSetShown:
    """Show a label set."""
    return LabelSetShown(**described_set(labels))


def _line(run: KeptRun) -> dict[str, Any]:
    told = run.told()
    return {name: told[name] for name in LandUseShown.model_fields}


def _file(one: KeptFile, path: str) -> KeptFileShown:
    return KeptFileShown(
        name=one.name, bytes=one.bytes, sha256=one.sha256, media_type=one.media_type, path=path
    )


def _maps(run: KeptRun, below: str, files: Sequence[KeptFileShown]) -> list[MapShown]:
    paths = {one.name: one.path for one in files}
    zoom = _maxzoom(run)
    return [
        MapShown(
            date=date,
            file=paths.get(f"land_use_{date}.tif"),
            tiles=f"{below}/maps/{date}/{{z}}/{{x}}/{{y}}.png?made={run.stamp}",
            maxzoom=zoom,
        )
        for date in run.facts["dates"]
    ]


def _maxzoom(run: KeptRun) -> int:
    """Give the zoom beyond which nothing more is to be seen."""
    _, south, _, north = run.facts["bbox"]
    cell_m = (north - south) * _DEGREE_M / run.facts["raster"]["height"]
    return min(zoom_of(cell_m, latitude=(north + south) / 2) + _BEYOND, MAX_ZOOM)
