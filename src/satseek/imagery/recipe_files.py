"""A recipe ⇄ JSON, for recipes of one's own.

Does not know imagery. What a stretch could not be made of is refused here.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from satseek.errors import InvalidRequest
from satseek.imagery._open import shown
from satseek.imagery.named_recipes import NEWEST, recipe_label, recipe_named
from satseek.types import Recipe

_CHOICES = {
    "stretch": ("none", "percentile", "fixed", "auto"),
    "mask": ("none", "scl", "qa_pixel"),
    "calibration": ("recipe", "scene"),
}

_NUMBERS = ("low", "high", "scale", "offset", "gamma")

_USUAL_CUTS = {"percentile": (2.0, 98.0), "auto": (2.0, 98.0)}
"""Low and high where a file names none; else those of 8 bits."""


def find_recipe(asked: str) -> Recipe:
    """Find a recipe by its name, or read it from a file whose name ends in ``.json``.

    Raises:
        InvalidRequest: no such recipe, or a file that holds none.
    """
    if not asked.lower().endswith(".json"):
        return recipe_named(asked)
    try:
        text = Path(asked).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{shown(asked)}: cannot be read as a recipe: {error}") from error
    return recipe_from_json(text, name=asked)


def recipe_from_json(text: str, *, name: str) -> Recipe:
    """Read a recipe; what is left out is as in `Recipe`.

    Args:
        text: A JSON object of `Recipe`'s fields; at least ``name``.
        name: File, for messages.

    Raises:
        InvalidRequest: no such object, values that cannot be, or the name of a recipe that is there
            already.
    """
    try:
        recipe = _built(json.loads(text))
        if wrong := _what_is_wrong(recipe):
            raise ValueError(wrong)  # noqa: TRY301 (one refusal for all that is wrong with a file)
    except (TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRequest(f"{shown(name)}: expected a recipe as JSON: {reason}") from error
    if recipe.name in NEWEST and recipe != recipe_named(recipe_label(recipe)):
        raise InvalidRequest(
            f"{shown(name)}: {recipe.name!r} is the name of a recipe that is there already; "
            "give yours another"
        )
    return recipe


def recipe_to_json(recipe: Recipe) -> str:
    """Write a recipe so that it can be read again and edited; what says nothing is left out."""
    kept = {
        one.name: getattr(recipe, one.name)
        for one in fields(recipe)
        if one.default is MISSING or getattr(recipe, one.name) != one.default
    }
    return json.dumps(kept, indent=2, ensure_ascii=False)


def _built(given: dict[str, Any]) -> Recipe:
    known = [one.name for one in fields(Recipe)]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"{unknown} unknown; it may have {', '.join(known)}")
    if "name" not in given:
        raise ValueError("it needs a name")
    stretch = given.get("stretch", "fixed")
    low, high = _USUAL_CUTS.get(stretch, (0.0, 255.0))
    full = {"version": 1, "bands": (), "stretch": stretch, "low": low, "high": high} | given
    full["bands"] = tuple(full["bands"])
    full["cuts"] = tuple((float(least), float(most)) for least, most in full.get("cuts", ()))
    numbers = {name: float(full[name]) for name in _NUMBERS if name in full}
    return Recipe(**full | numbers)


def _what_is_wrong(recipe: Recipe) -> str:
    """Say what no stretch can be made of; empty: nothing."""
    pairs = recipe.cuts or ((recipe.low, recipe.high),)
    numbers = [recipe.offset, *(value for pair in pairs for value in pair)]
    checks = {
        "a name has letters, digits, - and _": _is_name(recipe.name),
        "a version is a whole number from 1 on": type(recipe.version) is int and recipe.version > 0,
        "bands are one or three numbers or names": _are_bands(recipe.bands),
        "cuts are a pair for each band": len(recipe.cuts) in {0, len(recipe.bands)},
        "numbers are finite": all(map(math.isfinite, numbers)),
        "each lower value lies below its upper one": all(low < high for low, high in pairs),
        "percentiles lie in 0–100": _are_percentiles(recipe),
        "scale is positive": 0 < recipe.scale < math.inf,
        "gamma is positive": 0 < recipe.gamma < math.inf,
        "nodata is a number or null": isinstance(recipe.nodata, float | int | None),
    }
    for name, known in _CHOICES.items():
        checks[f"{name} is one of {', '.join(known)}"] = getattr(recipe, name) in known
    return "; ".join(rule for rule, holds in checks.items() if not holds)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.replace("-", "").replace("_", "").isalnum()


def _are_bands(bands: tuple[object, ...]) -> bool:
    numbered = all(type(band) is str or (type(band) is int and band > 0) for band in bands)
    return len(bands) in {0, 1, 3} and numbered


def _are_percentiles(recipe: Recipe) -> bool:
    if recipe.stretch not in _USUAL_CUTS:
        return True
    return 0 <= recipe.low < recipe.high <= 100  # noqa: PLR2004 (percent)
