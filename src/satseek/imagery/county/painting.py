"""Turns a plan into one date's canvas, from the fields up to the trees.

It does not know about the sun's light, scenes or files.
"""

# ruff: noqa: PLR0917 -- every painter takes the same things in the same order

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from satseek.imagery.county.airport import paint_airport
from satseek.imagery.county.canvas import Canvas
from satseek.imagery.county.ground import paint_bare, paint_fields, paint_forest, paint_meadow
from satseek.imagery.county.harbour import paint_harbour
from satseek.imagery.county.housing import paint_housing
from satseek.imagery.county.pits import paint_mine, paint_quarry
from satseek.imagery.county.planting import plant
from satseek.imagery.county.roads import paint_interchange, paint_roads
from satseek.imagery.county.rows import paint_parking, paint_solar
from satseek.imagery.county.water import paint_flood, paint_lake, paint_river, paint_shore
from satseek.imagery.county.works import paint_industrial, paint_tanks

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.imagery.county.light import Sun
    from satseek.imagery.county.plan import Plan, Zone
    from satseek.imagery.county.texture import Textures


STEPS: Final = 4
"""How often `paint` reports a step."""


def paint(
    plan: Plan, textures: Textures, date: int, sun: Sun, on_step: Callable[[], None]
) -> Canvas:
    """Paint the county as it is at one date (0 or 1), in full sunlight."""
    canvas = Canvas.blank(plan.frame.width, plan.frame.height)
    paint_fields(canvas, plan, textures, date)
    on_step()
    for zone in plan.zones:
        if zone.cover != "harbour" and zone.since <= date:
            _paint_zone(canvas, textures, zone, plan.seed, date, sun)
    on_step()
    paint_river(canvas, plan, textures, date)
    if date == 1:
        paint_flood(canvas, plan, textures)
    paint_roads(canvas, plan, date)
    paint_shore(canvas, plan, textures, date)
    on_step()
    for zone in plan.zones:
        if zone.cover == "harbour":
            _paint_zone(canvas, textures, zone, plan.seed, date, sun)
    plant(canvas, plan.seed)
    on_step()
    return canvas


def _paint_zone(
    canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int, sun: Sun
) -> None:
    painters: dict[str, Callable[[], None]] = {
        "forest": lambda: paint_forest(canvas, textures, zone, seed, date),
        "meadow": lambda: paint_meadow(canvas, textures, zone, seed, date),
        "bare_land": lambda: paint_bare(canvas, textures, zone, seed),
        "lake": lambda: paint_lake(canvas, textures, zone, seed, date),
        "dense_housing": lambda: paint_housing(canvas, textures, zone, seed, date),
        "sparse_housing": lambda: paint_housing(canvas, textures, zone, seed, date),
        "industrial": lambda: paint_industrial(canvas, textures, zone, seed, date),
        "storage_tanks": lambda: paint_tanks(canvas, textures, zone, seed),
        "solar_farm": lambda: paint_solar(canvas, textures, zone, seed),
        "parking": lambda: paint_parking(canvas, textures, zone, seed, date),
        "quarry": lambda: paint_quarry(canvas, textures, zone, seed, sun),
        "mine": lambda: paint_mine(canvas, textures, zone, seed),
        "interchange": lambda: paint_interchange(canvas, textures, zone, seed, date),
        "airport": lambda: paint_airport(canvas, textures, zone, seed, date),
        "harbour": lambda: paint_harbour(canvas, textures, zone, seed, date),
    }
    painters[zone.cover]()
