"""Two values → how they compare; None wherever that cannot be told.

Knows numbers, words, truths and moments; nothing of places.
"""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidFilter
from satseek.service.features.moments import read_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.service.features.conditions.compiling import Facts

MAX_PATTERN = 1000
"""Letters of a pattern."""

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def value_of(tree: Any) -> Callable[[Facts], Any]:
    """Make what gives a value: a literal, a property, or either without regard to case.

    Raises:
        InvalidFilter: it is none of them.
    """
    if tree is None or isinstance(tree, str | int | float):
        return lambda _facts: tree
    match tree:
        case {"property": str(name)}:
            return lambda facts: facts(name)
        case {"timestamp": str(text)}:
            moment = read_moment(text)
            return lambda _facts: moment
        case {"date": str(text)}:
            midnight = datetime.combine(read_day(text), time.min, tzinfo=UTC)
            return lambda _facts: midnight
        case {"op": str(name), "args": [inner]} if name.lower() == "casei":
            value = value_of(inner)
            return lambda facts: _folded(value(facts))
    raise InvalidFilter(f"filter: expected a property or a value, came {str(tree)[:80]!r}")


def read_day(text: str) -> date:
    """Read a day such as ``2024-05-01``; raises InvalidFilter."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"filter: expected a day such as 2024-05-01, came {text[:40]!r}"
        raise InvalidFilter(message) from error


def compare(name: str, one: Any, other: Any) -> bool | None:
    """Compare two values; None where one is missing or they are of different kinds."""
    pair = _alike(one, other)
    return None if pair is None else COMPARISONS[name](*pair)


def between(value: Any, low: Any, high: Any) -> bool | None:
    """Tell whether a value lies between two others, both inclusive."""
    answers = (compare(">=", value, low), compare("<=", value, high))
    return False if False in answers else None if None in answers else True


def like(value: Any, pattern: Any) -> bool | None:
    r"""Match words with a pattern: ``%`` any letters, ``_`` one, ``\`` takes the next as it is."""
    if not isinstance(value, str) or not isinstance(pattern, str):
        return None
    if len(pattern) > MAX_PATTERN:
        raise InvalidFilter(f"filter: a pattern has at most {MAX_PATTERN} letters")
    return _matches(value, _pieces(pattern))


def _pieces(pattern: str) -> list[str | None]:
    """Take a pattern apart: letters, an empty text for one unknown letter, None for any many."""
    pieces: list[str | None] = []
    letters = iter(pattern)
    for letter in letters:
        if letter == "\\":
            pieces.append(next(letters, "\\"))
        else:
            pieces.append({"%": None, "_": ""}.get(letter, letter))
    return pieces


def _matches(value: str, pieces: list[str | None]) -> bool:
    """Match by going back to the last ``%`` alone, which takes at most letters × pieces steps."""
    at = piece = 0
    star, marked = -1, 0
    while at < len(value):
        if piece < len(pieces) and pieces[piece] in {"", value[at]}:
            at, piece = at + 1, piece + 1
        elif piece < len(pieces) and pieces[piece] is None:
            star, marked, piece = piece, at, piece + 1
        elif star >= 0:
            marked += 1
            at, piece = marked, star + 1
        else:
            return False
    return all(one is None for one in pieces[piece:])


def _alike(one: Any, other: Any) -> tuple[Any, Any] | None:
    if one is None or other is None:
        return None
    if isinstance(one, datetime) or isinstance(other, datetime):
        moments = as_moment(one), as_moment(other)
        return None if None in moments else moments
    kinds = {_kind(one), _kind(other)}
    return (one, other) if len(kinds) == 1 and None not in kinds else None


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "words" if isinstance(value, str) else None


def as_moment(value: Any) -> datetime | None:
    """Read a moment that may be written as text; None: it is none."""
    if isinstance(value, str):
        try:
            return read_moment(value)
        except InvalidFilter:
            return None
    return value if isinstance(value, datetime) else None


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
