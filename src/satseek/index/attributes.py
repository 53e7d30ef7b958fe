"""Conditions on a scene's properties → whether they are met, or a refusal on one line.

Does not know any index.

A condition is a value, a list of values of which one must be met, or bounds by operator. Numbers
compare with numbers and strings with strings, by code points: moments as STAC writes them, all of
them in UTC, come in their order. A property that is not there meets no condition, ``ne`` included.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from satseek.errors import InvalidFilter

Scalar: TypeAlias = "str | int | float | bool"

MAX_CONDITIONS = 32
"""Properties that one filter may ask for."""

MAX_VALUES = 1_000
"""Values of which one must be met."""

_MAX_TEXT = 1_000
"""Characters of a name or a value."""

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
OPERATORS = ("eq", "ne", *_ORDERS, "in")
"""What bounds may be called."""


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Refuse conditions that cannot be.

    Raises:
        InvalidFilter: Too many, an unknown operator, or a value that is no number, string or truth.
    """
    if not isinstance(attributes, Mapping):
        raise InvalidFilter(f"attributes: expected names and conditions, came {_kind(attributes)}")
    if len(attributes) > MAX_CONDITIONS:
        raise InvalidFilter(
            f"attributes: expected at most {MAX_CONDITIONS}, came {len(attributes)}"
        )
    for name, condition in attributes.items():
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_TEXT:
            raise InvalidFilter(f"attributes: expected a property's name, came {name!r:.80}")
        for sign, bound in _bounds(condition).items():
            _check_bound(name, sign, bound)


def meets(properties: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Tell whether properties meet all conditions, which were checked."""
    return all(
        _holds(sign, find_property(properties, name), bound)
        for name, condition in attributes.items()
        for sign, bound in _bounds(condition).items()
    )


def find_property(properties: Mapping[str, Any], name: str) -> Any:
    """Find a property by its name, or by a path such as ``view.azimuth``; None: not there."""
    if name in properties:
        return properties[name]
    found: Any = properties
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _bounds(condition: Any) -> Mapping[Any, Any]:
    if isinstance(condition, Mapping):
        return condition
    return {"in" if isinstance(condition, list | tuple) else "eq": condition}


def _check_bound(name: str, sign: Any, bound: Any) -> None:
    if sign not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise InvalidFilter(f"attribute {name:.80}: expected one of {known}, came {sign!r:.80}")
    values = bound if sign == "in" else [bound]
    if not isinstance(values, list | tuple) or not 0 < len(values) <= MAX_VALUES:
        raise InvalidFilter(f"attribute {name:.80}: expected 1 to {MAX_VALUES} values behind in")
    for value in values:
        kind = _kind(value)
        ordered = sign in _ORDERS
        if kind not in {"number", "string"} and (ordered or kind != "truth"):
            expected = "a number or a string" if ordered else "a number, a string or true or false"
            raise InvalidFilter(f"attribute {name:.80}: expected {expected}, came {value!r:.80}")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidFilter(f"attribute {name:.80}: expected a finite number, came {value}")
        if isinstance(value, str) and len(value) > _MAX_TEXT:
            raise InvalidFilter(f"attribute {name:.80}: expected at most {_MAX_TEXT} characters")


def _holds(sign: str, value: Any, bound: Any) -> bool:
    if value is None:
        return False
    if sign == "ne":
        return not _same(value, bound)
    if sign == "eq":
        return _same(value, bound)
    if sign == "in":
        return any(_same(value, one) for one in bound)
    return _kind(value) == _kind(bound) and _ORDERS[sign](value, bound)


def _same(one: Any, other: Any) -> bool:
    return _kind(one) == _kind(other) and bool(one == other)


def _kind(value: Any) -> str:
    """JSON's name of a kind; in Python alone is a truth a number."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else type(value).__name__
