"""Chinese words of planning → what English-reading models call them.

Does not know models, nor who asks. The words are lines of a file: the shipped one, and above it one
in the data folder that anybody may edit.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, get_args

from satseek.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE_NAME = "glossary.tsv"
"""Shipped in this room, and looked for in the data folder."""

MAX_PROMPTS = 8
"""Ways to say the same that are averaged: a word of the file has two or three."""

MAX_BYTES = 4 << 20
"""Largest file that is read: a hundred thousand words."""

Kind = Literal["thing", "quality", "place", "link", "filler", "unknown"]

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PARTS = re.compile(rf"[{_HAN}]+|[^{_HAN},.;:!?、，。；：！？]+|[,;、，；]")
_BETWEEN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_IS_HAN = re.compile(rf"[{_HAN}]")
_PAUSES = frozenset(",;、，；")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word and what it is called."""

    word: str
    """As it is written."""
    kind: Kind
    """What it does in a sentence."""
    names: tuple[str, ...] = ()
    """In English, the usual first; empty: it means nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A text in English, in as many ways as there are."""

    prompts: tuple[str, ...]
    """All of them; their vectors are averaged."""
    unknown: tuple[str, ...]
    """What was not known, and left out."""
    unknown_share: float
    """Letters of that among all Chinese ones that mean anything, 0–1."""

    @property
    def shown(self) -> str:
        """As a person reads it."""
        left_out = f" (not known: {', '.join(self.unknown)})" if self.unknown else ""
        return "; ".join(self.prompts) + left_out


@dataclass(frozen=True)
class Glossary:
    """Words by how they are written."""

    terms: Mapping[str, Term] = field(default_factory=dict)
    """The words."""

    @cached_property
    def digest(self) -> str:
        """SHA-256, as hex, of all of it: what was translated by another one may differ."""
        lines = (repr(one) for one in sorted(self.terms.values(), key=lambda one: one.word))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.terms), default=0)

    def under(self, own: Glossary) -> Glossary:
        """Give this one with the words of another one above its own."""
        return Glossary({**self.terms, **own.terms})

    def translate(self, text: str) -> Translation:
        """Say a text in English, longest words first; what is no Chinese in it stays as it is."""
        terms = list(self._terms(unicodedata.normalize("NFKC", text)))
        unknown = tuple(dict.fromkeys(one.word for one in terms if one.kind == "unknown"))
        meant = sum(_letters(one.word) for one in terms if one.kind != "filler")
        missed = sum(_letters(one.word) for one in terms if one.kind == "unknown")
        ways = max((len(one.names) for one in terms), default=1)
        said = (_sentence(terms, way) for way in range(min(max(ways, 1), MAX_PROMPTS)))
        prompts = tuple(dict.fromkeys(one for one in said if one))
        share = missed / meant if meant else 1.0
        return Translation(prompts=prompts, unknown=unknown, unknown_share=share)

    def _terms(self, text: str) -> Iterator[Term]:
        for part in _PARTS.findall(_BETWEEN.sub(",", text)):
            if _IS_HAN.match(part):
                yield from self._cut(part)
            elif part in _PAUSES:
                yield Term(word=part, kind="link", names=(",",))
            elif part.strip():
                yield Term(word=part, kind="thing", names=(part.strip(),))

    def _cut(self, part: str) -> Iterator[Term]:
        """Cut Chinese into words, the longest that fits first; what fits nothing is kept whole."""
        at, missed = 0, ""
        while at < len(part):
            lengths = range(min(self._longest, len(part) - at), 0, -1)
            word = next((part[at : at + n] for n in lengths if part[at : at + n] in self.terms), "")
            if not word:
                missed, at = missed + part[at], at + 1
                continue
            if missed:
                yield Term(word=missed, kind="unknown")
                missed = ""
            yield self.terms[word]
            at += len(word)
        if missed:
            yield Term(word=missed, kind="unknown")


def is_chinese(text: str) -> bool:
    """Tell whether a text has Chinese letters in it."""
    return bool(_IS_HAN.search(unicodedata.normalize("NFKC", text)))


@lru_cache(maxsize=1)
def shipped_glossary() -> Glossary:
    """Read the shipped words, once."""
    text = files("satseek.search").joinpath(FILE_NAME).read_text(encoding="utf-8")
    return read_glossary(text.splitlines(), source=FILE_NAME)


def glossary_in(folder: Path) -> Glossary:
    """Read the shipped words, and above them those of ``glossary.tsv`` in a folder.

    Raises:
        InvalidConfig: a line of that file is none; names it.
    """
    path = folder / FILE_NAME
    try:
        stat = path.stat()
    except OSError:
        return shipped_glossary()
    return _edited(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _edited(path: Path, _modified_ns: int, size: int) -> Glossary:
    if size > MAX_BYTES:
        raise InvalidConfig(f"{path.name}: expected at most {MAX_BYTES:,} bytes, came {size:,}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path.name}: expected text in UTF-8, came: {error}") from error
    return shipped_glossary().under(read_glossary(text.splitlines(), source=path.name))


def read_glossary(lines: Iterable[str], *, source: str) -> Glossary:
    """Read words: a line each, of word, kind and names, with tabs between.

    Raises:
        InvalidConfig: a line is none; names it.
    """
    terms = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            term = _term(line, f"{source}, line {number}")
            terms[term.word] = term
    return Glossary(terms)


def _term(line: str, place: str) -> Term:
    word, kind, names = (*(part.strip() for part in line.split("\t")), "", "")[:3]
    word = unicodedata.normalize("NFKC", word)
    known = [one for one in get_args(Kind) if one != "unknown"]
    if not word or kind not in known or line.count("\t") > 2:  # noqa: PLR2004 - three columns
        raise InvalidConfig(
            f"{place}: expected WORD, tab, one of {', '.join(known)}, tab, NAMES; "
            f"came {line[:60]!r}"
        )
    listed = tuple(name.strip() for name in names.split(";") if name.strip())
    if kind in {"thing", "place", "link"} and not listed:
        raise InvalidConfig(f"{place}: expected what {word} is called in English, came nothing")
    return Term(word=word, kind=kind, names=listed)  # type: ignore[arg-type]  # checked above


def _letters(word: str) -> int:
    return len(_IS_HAN.findall(word))


def _sentence(terms: Sequence[Term], way: int) -> str:
    """Join what stands between links, each in English order."""
    said, phrase = "", list[Term]()
    link = ""
    for one in (*terms, Term(word="", kind="link", names=("",))):
        if one.kind != "link":
            phrase.append(one)
            continue
        words = _phrase(phrase, way)
        phrase = []
        if words:
            said += (link if link == "," or not said else f" {link}") + " " * bool(said) + words
            link = ""
        link = one.names[0] if not link or link == "," else link
    return said


def _phrase(terms: Sequence[Term], way: int) -> str:
    """Put one phrase into English order: ``水库旁的村庄`` → ``village beside reservoir``."""
    qualities, things, behind = list[str](), list[str](), list[str]()
    for one in terms:
        name = one.names[min(way, len(one.names) - 1)] if one.names else ""
        if one.kind == "quality" and name:
            qualities.append(name)
        elif one.kind == "thing":
            things.append(" ".join([*qualities, name]))
            qualities = []
        elif one.kind == "place" and things:
            behind.append(f"{name} {' '.join(things)}")
            things = []
    return " ".join([*qualities, *things, *reversed(behind)])
