"""Which fields of an Item are asked for → the Item with those alone.

By the Fields Extension of the STAC API; knows nested names such as ``properties.datetime``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from satseek.errors import InvalidRequest

MAX_FIELDS = 100
"""Names in a request."""

ALWAYS = ("type", "stac_version", "id", "collection")
"""What is told of every Item, so that it can be told what it is."""

USUAL = (
    *ALWAYS,
    "geometry",
    "bbox",
    "links",
    "assets",
    "properties.datetime",
    "properties.start_datetime",
    "properties.end_datetime",
)
"""What is told where fields are asked for without a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What of each Item is told."""

    include: tuple[str, ...] = ()
    """These; empty: all."""
    exclude: tuple[str, ...] = ()
    """Not these, unless ``include`` names them or what lies in them."""

    def of(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the Item with what is asked for."""
        if self.include:
            item = _only(item, (*ALWAYS, *self.include))
        for name in self.exclude:
            if name not in self.include:
                _leave_out(item, name, kept=self.include)
        return item


def fields_in(asked: Any) -> Fields:
    """Read fields as a body gives them.

    An empty list to include means the usual ones, no list at all means every field.

    Raises:
        InvalidRequest: they are not lists of names.
    """
    if not isinstance(asked, dict) or set(asked) - {"include", "exclude"}:
        raise InvalidRequest("fields: expected an object with the lists include and exclude")
    include, exclude = (_names(asked.get(name) or []) for name in ("include", "exclude"))
    if include or (exclude and "include" not in asked):
        return Fields(include=include, exclude=exclude)
    return Fields(include=tuple(one for one in USUAL if one not in exclude))


def _names(asked: Any) -> tuple[str, ...]:
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise InvalidRequest(f"fields: expected a list of names, came {str(asked)[:80]!r}")
    if len(asked) > MAX_FIELDS:
        raise InvalidRequest(f"fields: expected at most {MAX_FIELDS} names, came {len(asked)}")
    return tuple(asked)


def _only(item: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in names:
        _copy(item, kept, name)
    return kept


def _copy(source: dict[str, Any], target: dict[str, Any], name: str) -> None:
    """Copy one field; a name may itself have a dot, as assets' names have."""
    if name in source:
        target[name] = source[name]
        return
    first, _, rest = name.partition(".")
    inner = source.get(first)
    if rest and isinstance(inner, dict):
        below = target.setdefault(first, {})
        if below is not inner:
            _copy(inner, below, rest)


def _leave_out(item: dict[str, Any], name: str, *, kept: tuple[str, ...]) -> None:
    inside = [one.removeprefix(f"{name}.") for one in kept if one.startswith(f"{name}.")]
    if name in item:
        if inside:
            item[name] = _only(item[name], tuple(inside))
        else:
            del item[name]
        return
    first, _, rest = name.partition(".")
    if rest and isinstance(item.get(first), dict):
        item[first] = dict(item[first])
        below = tuple(one.removeprefix(f"{first}.") for one in kept)
        _leave_out(item[first], rest, kept=below)
