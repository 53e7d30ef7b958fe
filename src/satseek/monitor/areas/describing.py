"""Accuracy and areas → the JSON that doors hold, areas in hectares.

Does not know who reads it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from satseek.export.areas import SQUARE_METRES

if TYPE_CHECKING:
    from satseek.monitor.areas.estimating import AreaEstimates, LabelArea
    from satseek.monitor.areas.intervals import Estimate


def described(found: AreaEstimates) -> dict[str, Any]:
    """Tell what was estimated."""
    return {
        "interval": found.interval,
        "judged": found.judged,
        "covered_ha": found.covered_m2 / SQUARE_METRES,
        "overall": asdict(found.overall),
        "labels": list(found.labels),
        "counts": [list(row) for row in found.counts],
        "proportions": [list(row) for row in found.proportions],
        "classes": [_class(one) for one in found.classes],
        "strata": [
            {
                "name": one.stratum.name,
                "area_ha": one.stratum.area_m2 / SQUARE_METRES,
                "cells": one.stratum.cells,
                "judged": one.judged,
                "right": one.right,
            }
            for one in found.strata
        ],
        "notes": [
            {"key": one.key, "en": one.said("en"), "zh": one.said("zh")} for one in found.notes
        ],
    }


def _class(one: LabelArea) -> dict[str, Any]:
    mapped = one.mapped_m2
    return {
        "label": one.label,
        "mapped_ha": None if mapped is None else mapped / SQUARE_METRES,
        "area_ha": asdict(one.area_m2.scaled(1 / SQUARE_METRES)),
        "users": _estimate(one.users),
        "producers": _estimate(one.producers),
        "mapped_places": one.mapped_places,
        "reference_places": one.reference_places,
    }


def _estimate(one: Estimate | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)
