"""A part ⇄ JSON, for workers elsewhere.

Does not know what carries it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from satseek.index.records import scene_from, scene_text
from satseek.search.classifying_plan import Cells, Item, Lost, Part, Whole
from satseek.types import GridSpec, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


def part_to_json(part: Part) -> dict[str, Any]:
    """Write a part."""
    return {"is_range": part.is_range, "items": [_told(item) for item in part.items]}


def part_from_json(told: Mapping[str, Any]) -> Part:
    """Read a part; its name is the same again."""
    items = tuple(_item(one) for one in told["items"])
    return Part(items=items, is_range=told["is_range"])


def grid_from_json(told: Mapping[str, Any]) -> GridSpec:
    """Read a grid as ``asdict`` writes it."""
    return GridSpec(**{**told, "levels": tuple(told["levels"])})


def _told(item: Item) -> dict[str, Any]:
    match item:
        case Whole(scene=scene):
            return {"kind": "whole", "scene": scene_text(scene)}
        case Lost(refusal=refusal, path=path):
            return {"kind": "lost", "refusal": asdict(refusal), "path": path}
        case Cells():
            return {
                "kind": "cells",
                "scene": scene_text(item.scene),
                "start": item.start,
                "stop": item.stop,
                "total": item.total,
                "grid": asdict(item.grid),
                "min_valid": item.min_valid,
            }


def _item(told: Mapping[str, Any]) -> Item:
    match told["kind"]:
        case "whole":
            return Whole(scene=scene_from(told["scene"]))
        case "lost":
            return Lost(refusal=Refusal(**told["refusal"]), path=told["path"])
    return Cells(
        scene=scene_from(told["scene"]),
        start=told["start"],
        stop=told["stop"],
        total=told["total"],
        grid=grid_from_json(told["grid"]),
        min_valid=told["min_valid"],
    )
