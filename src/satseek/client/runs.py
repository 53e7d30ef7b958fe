"""JSON of a server → what runs of land use and assessments found.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

LAND_USE = (
    *("name", "collection", "operator", "model", "label_set", "cells", "images"),
    *("changes", "changes_ha"),
)
"""What is told of a run of land use in lists, beside its dates and when it was made."""

ASSESSMENT = (
    *("name", "collection", "operator", "model", "mode", "event", "hazard", "source", "parcels"),
    *("area_ha", "insured_ha", "judged_ha", "affected_ha", "affected_share", "visits", "problems"),
)
"""What is told of an assessment in lists, beside its lights and when it was made."""

_READING = (
    *("policy_column", "parcel_column", "crop_column", "insured_column", "district_column"),
    *("insured_unit", "crs", "layer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """A file that a run left."""

    name: str
    """As it is asked for; ``/`` parts folders."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its content."""
    media_type: str
    """What it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandUse:
    """A run of land use; what only one that is asked for by its name has is empty in lists."""

    name: str
    """Its name."""
    collection: str
    """What it looked at."""
    made_at: datetime
    """When, UTC."""
    operator: str
    """Who asked; empty: not told."""
    model: str | None
    """``name@version``; None: nothing had a date and lay on the ground."""
    label_set: str | None
    """Label set; None: likewise."""
    dates: tuple[str, ...]
    """The earliest first."""
    cells: int
    """Cells seen at any date."""
    images: int
    """Images."""
    changes: int
    """Patches that became something else."""
    changes_ha: float
    """Their area in hectares."""
    classes: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """``name``, ``names`` by language, ``colour``."""
    areas: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    """Hectares by class, by date."""
    flows: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """``before``, ``after``, ``area_ha`` (rows: classes before, columns: after), ``total_ha``,
    ``changed_ha``: from each date to the next, and of more than two the whole period at last."""
    bbox: tuple[float, ...] | None = None
    """West, south, east, north; None: no map."""
    notes: tuple[str, ...] = ()
    """What was odd about what was asked."""
    files: tuple[RunFile, ...] = ()
    """What it left, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """An assessment; what only one that is asked for by its name has is empty in lists."""

    name: str
    """Its name."""
    collection: str
    """Where its imagery lies."""
    made_at: datetime
    """When, UTC."""
    operator: str
    """Who asked; empty: not told."""
    model: str
    """``name@version``."""
    mode: str
    """``paired``, or ``mono``: imagery after the event alone."""
    event: str | None
    """Day of the event; None: not told."""
    hazard: str
    """Label set."""
    source: str
    """File of the parcels."""
    parcels: int
    """How many."""
    lights: Mapping[str, int] = field(hash=False)
    """Parcels by light, every light named."""
    area_ha: float
    """Measured area."""
    insured_ha: float | None
    """Insured area; None: of none it is told."""
    judged_ha: float
    """Area of parcels for which evidence does."""
    affected_ha: float
    """Affected area of those."""
    affected_share: float | None
    """Of those, 0–1; None: of none evidence does."""
    visits: int
    """Parcels drawn for surveyors."""
    problems: int
    """What is odd about the list of parcels."""
    labels: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """``name``, ``names`` by language, ``state``."""
    grades: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """Table of losses: ``name``, ``from_share``, ``light``."""
    rules: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What evidence was asked for."""
    bbox: tuple[float, ...] | None = None
    """West, south, east, north of the parcels."""
    sheets: tuple[str, ...] = ()
    """As what claim sheets were written: ``html``, ``pdf``."""
    files: tuple[RunFile, ...] = ()
    """What it left, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of parcels that was sent."""

    id: str
    """Its id."""
    parcels_ref: str
    """What an assessment names as its ``parcels``."""
    name: str
    """What its sender calls it."""
    format: str
    """``geojson``, ``geopackage`` or ``shapefile``."""
    bytes: int
    """Size of what was sent."""
    sha256: str
    """Of what was sent."""
    by: str
    """Who sent it."""
    uploaded: datetime
    """When, UTC."""
    parcels: int
    """Parcels that can be assessed."""
    policies: int
    """Different policies."""
    area_ha: float
    """Measured area."""
    bbox: tuple[float, ...]
    """West, south, east, north."""
    problems: tuple[Mapping[str, Any], ...] = field(hash=False)
    """What is odd about it, the first hundred: ``row``, ``id``, ``kind``, ``what``."""
    problem_count: int
    """How much is."""
    columns: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    """How it was said to be read, and is read by an assessment that says nothing else:
    ``policy_column``, ``parcel_column``, ``crop_column``, ``insured_column``, ``district_column``,
    ``insured_unit``, ``crs``, ``layer``; None: as usual."""


def land_use_of(answer: Json) -> LandUse:
    """Read a run of land use."""
    return LandUse(
        **{name: answer[name] for name in LAND_USE},
        made_at=datetime.fromisoformat(answer["made_at"]),
        dates=tuple(answer["dates"]),
        classes=tuple(answer.get("classes", ())),
        areas={one["date"]: one["area_ha"] for one in answer.get("areas", ())},
        flows=tuple(answer.get("flows", ())),
        bbox=_box(answer.get("bbox")),
        notes=tuple(answer.get("notes", ())),
        files=_files(answer),
    )


def assessment_of(answer: Json) -> Assessment:
    """Read an assessment."""
    return Assessment(
        **{name: answer[name] for name in ASSESSMENT},
        made_at=datetime.fromisoformat(answer["made_at"]),
        lights=dict(answer["lights"]),
        labels=tuple(answer.get("labels", ())),
        grades=tuple(answer.get("grades", ())),
        rules=answer.get("rules", {}),
        bbox=_box(answer.get("bbox")),
        sheets=tuple(answer.get("sheets", ())),
        files=_files(answer),
    )


def upload_of(answer: Json) -> Upload:
    """Read what is told of a file that was sent."""
    same = ("id", "parcels_ref", "name", "format", "bytes", "sha256", "by", "parcels", "policies")
    return Upload(
        **{name: answer[name] for name in (*same, "area_ha", "problem_count")},
        uploaded=datetime.fromisoformat(answer["uploaded"]),
        bbox=tuple(answer["bbox"]),
        problems=tuple(answer["problems"]),
        columns={name: answer.get(name) for name in _READING},
    )


def _box(sides: Any) -> tuple[float, ...] | None:
    return None if sides is None else tuple(sides)


def _files(answer: Json) -> tuple[RunFile, ...]:
    names = ("name", "bytes", "sha256", "media_type")
    return tuple(RunFile(**{name: one[name] for name in names}) for one in answer.get("files", ()))
