"""Assessments of parcels in a row, made by hand: what tables, lists and reports are tested with."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import shapely

from satseek.monitor.damage.assessment import Assessment, Contrast, ParcelDamage, Shown
from satseek.monitor.damage.grading import USUAL_GRADES, EvidenceRules, Look, Reason
from satseek.monitor.damage.labels import own_damage_labels
from satseek.monitor.damage.parcels import Parcel, Problem

if TYPE_CHECKING:
    from satseek.monitor.damage.grading import Light

BEFORE, AFTER = date(2024, 6, 2), date(2024, 7, 4)

HIDDEN = Reason(
    name="unseen",
    lack="not seen",
    values={"when": "after", "seen": 0.2, "least": 0.7, "clouded": 0.8, "missing": 0.0},
)


def parcel(number: int, **fields: Any) -> Parcel:
    """A field of some ten hectares at the number-th place of a row."""
    west = 15 + number / 100
    shape = shapely.box(west, 48.0, west + 0.004, 48.003)
    usual = {
        "id": f"F-{number}",
        "policy": f"P-{number // 2}",
        "crop": "maize",
        "insured_ha": 10.0,
        "district": "North" if number < 3 else "South",
        "geometry": json.loads(shapely.to_geojson(shape)),
        "area_ha": 10.0,
    }
    return Parcel(**usual | fields)


def damage(number: int, share: float | None, light: Light = "green", **fields: Any) -> ParcelDamage:
    """One parcel with an affected share."""
    own = fields.pop("parcel", None) or parcel(number)
    grey = light == "insufficient evidence"
    grade = "" if grey or share is None else USUAL_GRADES.grade(share).name
    usual: dict[str, Any] = {
        "parcel": own,
        "light": light,
        "grade": grade,
        "reasons": (HIDDEN,)
        if grey
        else (Reason(name="affected", values={"share": share or 0.0, "grade": grade}),),
        "affected_share": share,
        "affected_ha": None if share is None else share * own.area_ha,
        "cells": 6.1,
        "classes": {"flooded": share or 0.0, "dry": 1 - (share or 0.0)},
        "cells_touched": (f"c{number}", f"d{number}"),
        "looks": (
            Look(when="after", seen=0.2 if grey else 1.0, clouded=0.8 if grey else 0.0, date=AFTER),
            Look(when="before", seen=1.0, clouded=0.0, date=BEFORE),
        ),
        "contrast": Contrast(own=share or 0.0, neighbours=0.02, count=6, crop="maize"),
        "shown": tuple(_shown(number, side) for side in ("after", "before")),
    }
    return ParcelDamage(**usual | fields)


def _shown(number: int, side: Any) -> Shown:
    day = AFTER if side == "after" else BEFORE
    return Shown(
        side=side,
        chip_id=f"{side}.tif/c{number}",
        collection="fields",
        scene=f"{side}.tif",
        datetime=datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
        cell=f"c{number}",
        affected=0.0,
    )


def assessment(*damages: ParcelDamage, **fields: Any) -> Assessment:
    """An assessment of some parcels."""
    usual: dict[str, Any] = {
        "name": "flood-24",
        "mode": "paired",
        "labels": own_damage_labels(affected=["flooded"], sound=["dry"]),
        "grades": USUAL_GRADES,
        "rules": EvidenceRules(),
        "event": date(2024, 7, 1),
        "collections": ("fields",),
        "model": "toy@1",
        "square_ha": 0.41,
        "shift": 0.25,
        "damages": damages,
        "problems": (Problem(row=9, id="F-9", kind="left out", what="no outline"),),
        "source": "fields.gpkg",
    }
    return Assessment(**usual | fields)


def mixed() -> Assessment:
    """Six parcels of three policies and two districts: two red, one amber, one grey, two green."""
    return assessment(
        damage(0, 0.9, "red"),
        damage(1, 0.4, "red"),
        damage(2, 0.15, "amber"),
        damage(3, 0.8, "insufficient evidence"),
        damage(4, 0.0),
        damage(5, 0.05),
    )
