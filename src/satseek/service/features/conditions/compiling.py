"""A CQL2 condition → a test of one feature, by SQL's three-valued logic.

Knows operators (OGC 21-065r2); how values compare, lie and follow each other is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from satseek.errors import InvalidFilter
from satseek.service.features.conditions.placing import RELATIONS, shape_of
from satseek.service.features.conditions.timing import ORDERS, span_of
from satseek.service.features.conditions.values import COMPARISONS, between, compare, like, value_of

Facts: TypeAlias = Callable[[str], Any]
"""Gives a feature's property by its name; None: it has none."""

Test: TypeAlias = Callable[[Facts], bool | None]
"""True: it passes; None: nobody can tell, as something is not known."""


def compiled(tree: Any) -> Test:
    """Make a test of a condition.

    Raises:
        InvalidFilter: it has an operator, or arguments, that are not understood.
    """
    if isinstance(tree, bool):
        return lambda _facts: tree
    if isinstance(tree, dict) and set(tree) == {"property"}:
        value = value_of(tree)
        return lambda facts: found if isinstance(found := value(facts), bool) else None
    name, arguments = _operation(tree)
    return _maker(name)(name, arguments)


def _operation(tree: Any) -> tuple[str, list[Any]]:
    if isinstance(tree, dict) and isinstance(tree.get("op"), str):
        arguments = tree.get("args")
        if isinstance(arguments, list) and arguments:
            return tree["op"].lower(), arguments
    raise InvalidFilter(f"filter: expected an operation with arguments, came {str(tree)[:80]!r}")


def _maker(name: str) -> Callable[[str, list[Any]], Test]:
    if name in COMPARISONS:
        return _comparison
    if name in RELATIONS:
        return _relation
    if name in ORDERS:
        return _order
    if name not in _MAKERS:
        known = ", ".join(sorted({*COMPARISONS, *RELATIONS, *ORDERS, *_MAKERS}))
        raise InvalidFilter(f"filter: expected one of the operators {known}; came {name[:40]!r}")
    return _MAKERS[name]


def _counted(name: str, arguments: list[Any], count: int) -> list[Any]:
    if len(arguments) != count:
        raise InvalidFilter(f"filter: {name} takes {count} arguments, came {len(arguments)}")
    return arguments


def _all(_name: str, arguments: list[Any]) -> Test:
    tests = [compiled(one) for one in arguments]

    def test(facts: Facts) -> bool | None:
        answers = [one(facts) for one in tests]
        return False if False in answers else None if None in answers else True

    return test


def _any(_name: str, arguments: list[Any]) -> Test:
    tests = [compiled(one) for one in arguments]

    def test(facts: Facts) -> bool | None:
        answers = [one(facts) for one in tests]
        return True if True in answers else None if None in answers else False

    return test


def _not(name: str, arguments: list[Any]) -> Test:
    inner = compiled(_counted(name, arguments, 1)[0])
    return lambda facts: None if (answer := inner(facts)) is None else not answer


def _comparison(name: str, arguments: list[Any]) -> Test:
    one, other = map(value_of, _counted(name, arguments, 2))
    return lambda facts: compare(name, one(facts), other(facts))


def _between(name: str, arguments: list[Any]) -> Test:
    if len(arguments) == 2 and isinstance(arguments[1], list):  # noqa: PLR2004 - as drafts had it
        arguments = [arguments[0], *arguments[1]]
    value, low, high = map(value_of, _counted(name, arguments, 3))
    return lambda facts: between(value(facts), low(facts), high(facts))


def _in(name: str, arguments: list[Any]) -> Test:
    first, listed = _counted(name, arguments, 2)
    if not isinstance(listed, list) or not listed:
        raise InvalidFilter("filter: in takes a value and a list of values")
    return _any("or", [{"op": "=", "args": [first, one]} for one in listed])


def _like(name: str, arguments: list[Any]) -> Test:
    value, pattern = map(value_of, _counted(name, arguments, 2))
    return lambda facts: like(value(facts), pattern(facts))


def _is_null(name: str, arguments: list[Any]) -> Test:
    value = value_of(_counted(name, arguments, 1)[0])
    return lambda facts: value(facts) is None


def _relation(name: str, arguments: list[Any]) -> Test:
    one, other = map(shape_of, _counted(name, arguments, 2))
    relation = RELATIONS[name]

    def test(facts: Facts) -> bool | None:
        left, right = one(facts), other(facts)
        return None if left is None or right is None else bool(relation(left, right))

    return test


def _order(name: str, arguments: list[Any]) -> Test:
    one, other = map(span_of, _counted(name, arguments, 2))
    order = ORDERS[name]

    def test(facts: Facts) -> bool | None:
        left, right = one(facts), other(facts)
        return None if left is None or right is None else order(*left, *right)

    return test


_MAKERS: dict[str, Callable[[str, list[Any]], Test]] = {
    "and": _all,
    "or": _any,
    "not": _not,
    "between": _between,
    "in": _in,
    "like": _like,
    "isnull": _is_null,
}
