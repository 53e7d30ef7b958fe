"""CQL2 text → CQL2 JSON (OGC 21-065r2, annex B), in time that grows with its length alone.

Knows comparisons, places and times; neither arithmetic nor functions of one's own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from satseek.errors import InvalidFilter
from satseek.service.features.conditions.placing import RELATIONS
from satseek.service.features.conditions.timing import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LETTERS = 8192
"""Letters of a condition: an outline of some 400 corners fits."""

MAX_NESTING = 32
"""Parentheses within others."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|'(?P<text>(?:[^'\\]|''|\\.)*)'"
    r'|"(?P<quoted>[^"]+)"'
    r"|(?P<word>[^\W\d][\w:.]*|:[\w:.]*)"
    r"|(?P<sign><=|>=|<>|[=<>(),]))",
    flags=re.DOTALL,
)
_SHAPES = frozenset(
    {
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
    }
)
_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_RESERVED = frozenset({"and", "or", "not", "in", "is", "like", "between", "null"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word that it is, in small letters; empty: it is none."""
        return self.text.lower() if self.kind == "word" else ""


def parse(text: str) -> Any:
    """Read a condition.

    Raises:
        InvalidFilter: it is none, too long, or nested too deeply; says where.
    """
    if len(text) > MAX_LETTERS:
        raise InvalidFilter(f"filter: expected at most {MAX_LETTERS} letters, came {len(text)}")
    reader = _Reader(text, list(_tokens(text)))
    tree = reader.any_of()
    reader.end()
    return tree


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidFilter(f"filter: not understood from {text[at : at + 40]!r} on")
        kind = str(found.lastgroup)
        at = found.end()
        yield _Token(kind, found[kind], found.start(kind), at)
    yield _Token("end", "", end, end)


class _Reader:
    """Reads tokens one after the other, never twice."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def any_of(self) -> Any:
        parts = [self.all_of()]
        while self._took("or"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else {"op": "or", "args": parts}

    def all_of(self) -> Any:
        parts = [self._factor()]
        while self._took("and"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}

    def end(self) -> None:
        if self._now.kind != "end":
            raise self._refused("the end")

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _took(self, *words: str) -> str:
        """Go on behind one of some words or signs; empty: it is another one."""
        found = self._now.word or (self._now.text if self._now.kind == "sign" else "")
        if found not in words:
            return ""
        self._at += 1
        return found

    def _take(self, sign: str) -> None:
        if not self._took(sign):
            raise self._refused(repr(sign))

    def _refused(self, expected: str) -> InvalidFilter:
        rest = self._text[self._now.start :][:40]
        return InvalidFilter(f"filter: expected {expected}, came {rest!r}")

    def _factor(self) -> Any:
        negated = False
        while self._took("not"):
            negated = not negated
        tree = self._primary()
        return {"op": "not", "args": [tree]} if negated else tree

    def _primary(self) -> Any:
        if self._took("("):
            tree = self._inside(self.any_of)
            self._take(")")
            return tree
        word = self._now.word
        for names, argument in ((RELATIONS, self._place), (ORDERS, self._time)):
            if word in names and self._tokens[self._at + 1].text == "(":
                self._at += 1
                return {"op": word, "args": self._arguments(argument)}
        return self._predicate()

    def _inside(self, read: Callable[[], Any]) -> Any:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise InvalidFilter(f"filter: expected at most {MAX_NESTING} parentheses within others")
        tree = read()
        self._depth -= 1
        return tree

    def _arguments(self, read: Callable[[], Any]) -> list[Any]:
        self._take("(")
        arguments = [self._inside(read)]
        while self._took(","):
            arguments.append(self._inside(read))
        self._take(")")
        return arguments

    def _predicate(self) -> Any:
        value = self._scalar()
        if sign := self._took(*_COMPARISONS):
            return {"op": sign, "args": [value, self._scalar()]}
        if self._took("is"):
            negated = bool(self._took("not"))
            self._take("null")
            return _negated({"op": "isNull", "args": [value]}, negated)
        negated = bool(self._took("not"))
        if self._took("like"):
            return _negated({"op": "like", "args": [value, self._scalar()]}, negated)
        if self._took("in"):
            listed = self._arguments(self._scalar)
            return _negated({"op": "in", "args": [value, listed]}, negated)
        if self._took("between"):
            low = self._scalar()
            self._take("and")
            return _negated({"op": "between", "args": [value, low, self._scalar()]}, negated)
        if negated or not (isinstance(value, bool) or "property" in _keys(value)):
            raise self._refused("a comparison")
        return value

    def _scalar(self) -> Any:
        token = self._now
        if token.kind == "number":
            self._at += 1
            return float(token.text) if re.search("[.eE]", token.text) else int(token.text)
        if token.kind == "text":
            self._at += 1
            return _unescaped(token.text)
        if token.word in {"true", "false"}:
            self._at += 1
            return token.word == "true"
        if token.word == "casei" and self._tokens[self._at + 1].text == "(":
            self._at += 1
            return {"op": "casei", "args": self._arguments(self._scalar)}
        return self._instant() or self._property()

    def _instant(self) -> Any:
        word = self._now.word
        if word not in {"date", "timestamp"} or self._tokens[self._at + 1].text != "(":
            return None
        self._at += 1
        (text, *rest) = self._arguments(self._scalar)
        if rest or not isinstance(text, str):
            raise self._refused(f"one text in {word}")
        return {word: text}

    def _property(self) -> Any:
        token = self._now
        if token.kind != "quoted" and (not token.word or token.word in _RESERVED):
            raise self._refused("a property or a value")
        self._at += 1
        if self._now.text == "(" and self._now.kind == "sign":
            raise InvalidFilter(f"filter: the function {token.text[:40]!r} is not known")
        return {"property": token.text}

    def _place(self) -> Any:
        word = self._now.word
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)].text.lower()
        if word == "bbox" and following == "(":
            self._at += 1
            return {"bbox": self._arguments(self._scalar)}
        if word in _SHAPES and following in {"(", "z"}:
            return self._shape()
        return self._property()

    def _shape(self) -> Any:
        """Read well-known text up to the parenthesis that closes it."""
        start, depth = self._now.start, 0
        while self._now.kind != "end":
            depth += (self._now.text == "(") - (self._now.text == ")")
            if depth > MAX_NESTING:
                raise InvalidFilter("filter: expected a geometry, came one nested too deeply")
            closed = depth == 0 and self._now.text == ")"
            self._at += 1
            if closed:
                return _geometry(self._text[start : self._tokens[self._at - 1].end])
        raise self._refused("the end of a geometry")

    def _time(self) -> Any:
        if self._now.word == "interval" and self._tokens[self._at + 1].text == "(":
            self._at += 1
            return {"interval": self._arguments(self._scalar)}
        return self._instant() or self._property()


def _negated(tree: Any, negated: bool) -> Any:  # noqa: FBT001 - what the text says
    return {"op": "not", "args": [tree]} if negated else tree


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _unescaped(text: str) -> str:
    """Two quotes, or one behind a backslash, are one; other backslashes are patterns' own."""
    return text.replace("''", "'").replace("\\'", "'")


def _geometry(text: str) -> Any:
    try:
        return json.loads(shapely.to_geojson(shapely.from_wkt(text)))
    except (shapely.errors.GEOSException, ValueError) as error:
        raise InvalidFilter(f"filter: expected a geometry, came {text[:60]!r}") from error
