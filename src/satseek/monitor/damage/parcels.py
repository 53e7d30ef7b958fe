"""Insured parcels as a company lists them → a list that can be assessed, with all that is odd told.

Does not know files, imagery or damage. Nothing is dropped silently: what cannot be used is named
with its row, what was repaired says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.monitor.damage.parcel_outlines import alike, column_of, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON

Oddity: TypeAlias = Literal["left out", "repaired", "duplicate", "renamed", "overlap", "insured"]
"""``left out``: not assessed; ``repaired``: assessed with a sound outline; ``duplicate``: the same
row again, left out; ``renamed``: another parcel of the same id; ``overlap``: two parcels on the
same ground; ``insured``: the insured area is not the measured one."""

INSURED_WITHIN = 0.1
"""Insured area may differ from the measured one by this share before it is told: field books and
surveys round to a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawParcel:
    """One row of a file, before anything was checked."""

    row: int
    """Row in the file, from 1, as people count."""
    shape: shapely.Geometry | None
    """Outline in degrees on WGS 84; None: the row has none."""
    fields: Mapping[str, Any]
    """``policy``, ``id``, ``crop``, ``insured_ha``, ``district``, as far as the file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One insured piece of land."""

    id: str
    """No other parcel of the list has it."""
    policy: str
    """Policy that it is insured under; several parcels may share one."""
    crop: str
    """What grows there, as the file says; empty: not told."""
    insured_ha: float | None
    """Insured area in hectares; None: not told."""
    district: str
    """Village or district; empty: not told."""
    geometry: GeoJSON
    """Outline, Polygon or MultiPolygon on WGS 84."""
    area_ha: float
    """Measured area in hectares, on the ellipsoid."""

    @property
    def shape(self) -> shapely.Geometry:
        """The outline as shapely has it, in degrees."""
        return shapely.from_geojson(json.dumps(self.geometry))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something about a row that a person should know."""

    row: int
    """Row in the file, from 1."""
    id: str
    """Of the parcel, as far as it has one."""
    kind: Oddity
    """What became of the row."""
    what: str
    """One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelList:
    """What can be assessed, and what is to be told of the rest."""

    parcels: tuple[Parcel, ...]
    """In the order of the file."""
    problems: tuple[Problem, ...] = ()
    """Likewise."""
    source: str = ""
    """File that they come from, by its name."""

    def __len__(self) -> int:
        """Count the parcels."""
        return len(self.parcels)


def check_parcels(rows: Iterable[RawParcel], *, source: str = "") -> ParcelList:
    """Make parcels of rows.

    An outline that crosses itself is repaired as its rings lie (OGC's make valid); points and lines
    that remain of it are dropped. A second row of the same id on the same ground is a duplicate and
    left out; on other ground it is another parcel of the policy, and gets a name of its own.

    Raises:
        InvalidRequest: not one row can be used.
    """
    given = list(rows)
    shapes, repairs = zip(*(sound(row.shape) for row in given), strict=True) if given else ((), ())
    same, areas = alike(shapes), shape_areas_ha(column_of(shapes))
    checking = _Checking()
    for at, row in enumerate(given):
        outline = _Outline(
            shape=shapes[at],
            told=repairs[at],
            area_ha=float(areas[at]),
            alike=tuple(given[one].row for one in same.get(at, ())),
        )
        checking.take(row, outline)
    if not checking.parcels:
        told = "; ".join(f"row {one.row}: {one.what}" for one in checking.problems[:3])
        raise InvalidRequest(f"{source or 'parcels'}: expected polygons, came none: {told or '-'}")
    problems = [*checking.problems, *_overlaps(checking.parcels, checking.rows)]
    return ParcelList(
        parcels=tuple(checking.parcels),
        problems=tuple(sorted(problems, key=lambda one: one.row)),
        source=source,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outline:
    """What became of the outline of a row."""

    shape: shapely.Geometry | None
    """Sound, in degrees; None: nothing to be had."""
    told: str
    """What was wrong with it; empty: nothing."""
    area_ha: float
    """On the ellipsoid; NaN where there is none."""
    alike: tuple[int, ...]
    """Rows before it on the same ground."""


class _Checking:
    """Takes rows one after another."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.rows: list[int] = []
        self.problems: list[Problem] = []
        self._by_id: dict[str, set[int]] = {}
        self._taken: set[str] = set()
        self._counts: dict[str, Iterator[int]] = {}

    def take(self, row: RawParcel, outline: _Outline) -> None:
        policy = _text(row.fields.get("policy"))
        own = _text(row.fields.get("id")) or policy or f"row-{row.row}"
        if outline.shape is None:
            self._tell(row.row, own, "left out", outline.told)
            return
        if not self._by_id.get(own, set()).isdisjoint(outline.alike):
            self._tell(row.row, own, "duplicate", f"{own} came before with the same outline")
            return
        name = self._name(row.row, own)
        if outline.told:
            self._tell(row.row, name, "repaired", outline.told)
        self._by_id.setdefault(own, set()).add(row.row)
        self._keep(row, outline, name=name, policy=policy or own)

    def _name(self, row: int, own: str) -> str:
        if own not in self._taken:
            return own
        counts = self._counts.setdefault(own, count(2))
        name = next(f"{own}#{at}" for at in counts if f"{own}#{at}" not in self._taken)
        self._tell(row, name, "renamed", f"{own} came before with another outline: called {name}")
        return name

    def _keep(self, row: RawParcel, outline: _Outline, *, name: str, policy: str) -> None:
        area = outline.area_ha
        insured, told = _hectares(row.fields.get("insured_ha"))
        if told:
            self._tell(row.row, name, "insured", told)
        elif insured is not None and abs(insured - area) > INSURED_WITHIN * area:
            what = f"insured {insured:g} ha, the outline measures {area:.2f} ha"
            self._tell(row.row, name, "insured", what)
        self.rows.append(row.row)
        self._taken.add(name)
        self.parcels.append(
            Parcel(
                id=name,
                policy=policy,
                crop=_text(row.fields.get("crop")),
                insured_ha=insured,
                district=_text(row.fields.get("district")),
                geometry=json.loads(shapely.to_geojson(outline.shape)),
                area_ha=area,
            )
        )

    def _tell(self, row: int, name: str, kind: Oddity, what: str) -> None:
        self.problems.append(Problem(row=row, id=name, kind=kind, what=what))


def shapes_of_parcels(parcels: Sequence[Parcel]) -> NDArray[np.object_]:
    """Give the outlines, shape (n,), in degrees on WGS 84."""
    texts = [json.dumps(one.geometry) for one in parcels]
    return np.asarray(shapely.from_geojson(np.array(texts, dtype=object)))


def _overlaps(parcels: Sequence[Parcel], rows: Sequence[int]) -> list[Problem]:
    """Tell of parcels on the same ground under different ids: insured twice, or drawn twice."""
    return [
        Problem(
            row=rows[second],
            id=parcels[second].id,
            kind="overlap",
            what=f"on the same ground as {parcels[first].id} (row {rows[first]}); both assessed",
        )
        for second, earlier in alike(shapes_of_parcels(parcels)).items()
        for first in earlier
    ]


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a policy number that a table made a float
    return str(value).strip()


def _hectares(value: Any) -> tuple[float | None, str]:
    text = _text(value)
    if not text:
        return None, ""
    try:
        found = float(text)
    except ValueError:
        return None, f"expected hectares, came {text[:40]!r}"
    if not 0 < found < float("inf"):
        return None, f"expected positive hectares, came {text[:40]!r}"
    return found, ""
