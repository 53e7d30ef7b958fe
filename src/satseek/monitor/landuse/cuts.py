"""What each place was taken for → the cuts that decided it, for whoever objects.

Does not know how a report is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.words import percent, text
from satseek.monitor.reports.report import Threshold

if TYPE_CHECKING:
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.reports.report import Language


def thresholds_of(found: LandUse, language: Language) -> tuple[Threshold, ...]:
    """Tell every cut that decided, and whether it is as usual or as somebody asked."""
    usual = _cuts(replace(found, choices=Choices()), language)
    return tuple(
        Threshold(
            name=text(name, language),
            value=value,
            origin=text(origin if value == usual[name][0] else "origin_asked", language),
        )
        for name, (value, origin) in _cuts(found, language).items()
    )


def _cuts(found: LandUse, language: Language) -> dict[str, tuple[str, str]]:
    """Give the value of each cut, and how it came about where nobody asked for another one."""
    choices, sticky, rule = found.choices, found.stickiness, found.choices.patches
    unit = text("unit_value", language, cells=rule.least_cells, ha=f"{rule.least_ha:g}")
    turned = {"turn_steepness": sticky.turn_steepness, "turn_even": sticky.turn_even}
    measured = {
        "stickiness": sticky.change,
        "steepness": sticky.steepness,
        "even": sticky.even,
        **(turned if found.overlapping else {}),
    }
    background = {"seed": rule.seed, "grow": rule.grow}
    others = {
        "unit": unit,
        "persist": f"{choices.persist}",
        "least_valid": percent(choices.least_valid),
        "least_of_best": percent(choices.least_of_best),
        "shift": text(f"shift_{choices.shift}", language),
    }
    return {
        **{name: (f"{value:g}", "origin_measured") for name, value in measured.items()},
        **{name: (f"{value:g}", "origin_background") for name, value in background.items()},
        **{name: (value, "origin_usual") for name, value in others.items()},
    }
