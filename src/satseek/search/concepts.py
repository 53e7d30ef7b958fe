"""Queries saved under a name ↔ files in the data folder: every version of each of them is kept.

Does not know how a concept is asked. A version that was acknowledged is on the disk, whoever else
saves at the same time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import ConceptNotFound, DamagedData, InvalidName, InvalidRequest
from satseek.formats import check_folder, is_marked, mark_folder
from satseek.model.durable import make_folder, replace_text, room_named
from satseek.model.locking import locked
from satseek.syncing import sync
from satseek.types import Concept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = 1
"""Of the folder's files: one concept each, a version a line. Kept in a file beside them."""

MAX_NAME = 64
"""Letters of a name: a file name on every file system."""

MAX_WORDS = 100
"""Prompts, or negatives, of one concept: an average of more of them changes little."""

MAX_CHIPS = 100
"""Liked, or disliked, chips of one concept: as many as one query takes."""

MAX_LETTERS = 1000
"""Letters of one prompt; the text tower reads fewer (64 tokens, for SigLIP)."""

MAX_NOTES = 10_000
"""Letters of the notes."""

_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
_SUFFIX = ".json"
_LISTS = ("prompts", "negatives", "liked", "disliked")


class ConceptStore:
    """Concepts of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the concepts; it is made when the first one is saved."""
        self._folder = folder

    def save(self, concept: Concept) -> Concept:
        """Keep a concept as the next version under its name; give it with version and date.

        Args:
            concept: Its version and date are not looked at.

        Raises:
            InvalidName, InvalidRequest: the name or what is in it cannot be.
            DiskFull: there is no room; nothing was saved.
            DamagedData: what lies under the name is none of ours.
            FormatTooNew: a later release has written the folder.
        """
        checked = check_concept(concept)
        make_folder(self._folder)
        with room_named(self._folder), locked(self._lock):
            lines = self._lines(checked.name)
            if not is_marked(self._folder):
                mark_folder(self._folder, FORMAT)
            version = _version(lines[-1]) + 1 if lines else 1
            saved = replace(checked, version=version, created=datetime.now(UTC))
            self._write(checked.name, [*lines, written(saved)])
        return saved

    def get(self, name: str, version: int | None = None) -> Concept:
        """Give a concept, the newest version unless another is named.

        Raises:
            ConceptNotFound: there is none; names those that there are.
            InvalidName: the name could be no concept's.
            DamagedData: what lies under the name is none of ours.
        """
        versions = self.versions(name)
        for one in reversed(versions):
            if version is None or one.version == version:
                return one
        known = ", ".join(str(one.version) for one in versions)
        raise ConceptNotFound(f"concept {name!r} has no version {version}; it has: {known}")

    def versions(self, name: str) -> tuple[Concept, ...]:
        """Give every version of a concept, oldest first; raises as ``get``."""
        lines = self._lines(check_concept_name(name))
        if not lines or _is_removed(lines[-1]):
            there = ", ".join(self.names()) or "none yet: save one with `satseek concept save`"
            raise ConceptNotFound(f"no concept {name!r}; there are: {there}")
        begin = 1 + max((at for at, one in enumerate(lines) if _is_removed(one)), default=-1)
        return tuple(read_concept(one) for one in lines[begin:])

    def names(self) -> tuple[str, ...]:
        """Names of the concepts, sorted."""
        found = sorted(path.stem for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(name for name in found if not _is_removed(self._lines(name)[-1]))

    def list(self) -> tuple[Concept, ...]:
        """Give the newest version of every concept, by name."""
        found = []
        for name in self.names():
            try:
                found.append(self.get(name))
            except ConceptNotFound:  # removed meanwhile
                continue
        return tuple(found)

    def remove(self, name: str) -> None:
        """Remove a concept with all its versions; one saved later goes on counting.

        Raises:
            ConceptNotFound: there is none.
        """
        check_concept_name(name)
        if not self._folder.is_dir():
            self.versions(name)  # says which there are
        with room_named(self._folder), locked(self._lock):
            newest = self.versions(name)[-1]
            self._write(name, [{"version": newest.version, "removed": True}])

    @property
    def _lock(self) -> Path:
        return self._folder / ".lock"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _lines(self, name: str) -> tuple[dict[str, Any], ...]:
        check_folder(self._folder, FORMAT)
        path = self._path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise DamagedData(f"{path}: expected a concept, came {error}") from error
        lines = tuple(_parsed(line, path) for line in text.splitlines())
        if not lines:
            raise DamagedData(f"{path}: expected a line for each version, came an empty file")
        return lines

    def _write(self, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        path = self._path(name)
        replace_text(path, text, by_way_of=path.with_suffix(".new"))
        sync(self._folder)


def check_concept_name(name: str) -> str:
    """Give a name that is safe as a file's.

    Raises:
        InvalidName: empty, too long, a leading dot, or other characters than letters, digits, -_.
    """
    if 1 <= len(name) <= MAX_NAME and not name.startswith(".") and set(name) <= _CHARACTERS:
        return name
    raise InvalidName(
        f"concept name: expected 1 to {MAX_NAME} letters, digits or -_. without a leading dot, "
        f"came {name[: MAX_NAME + 1]!r}"
    )


def check_concept(concept: Concept) -> Concept:
    """Give a concept that can be asked, its words without spaces around them.

    Raises:
        InvalidName, InvalidRequest: the name or what is in it cannot be.
    """
    check_concept_name(concept.name)
    prompts, negatives = _words("prompts", concept.prompts), _words("negatives", concept.negatives)
    liked, disliked = _chips("liked", concept.liked), _chips("disliked", concept.disliked)
    if not prompts and not liked:
        raise InvalidRequest("a concept needs words for it, or a chip that shows it")
    both = sorted(set(liked) & set(disliked))
    if both:
        raise InvalidRequest(f"chip {both[0]!r} is liked and disliked")
    if len(concept.notes) > MAX_NOTES:
        raise InvalidRequest(f"notes: expected at most {MAX_NOTES} letters")
    if concept.least is not None and not 0 <= concept.least <= 100:  # noqa: PLR2004 - percent
        raise InvalidRequest(f"least: expected a percentile from 0 to 100, came {concept.least}")
    return replace(concept, prompts=prompts, negatives=negatives, liked=liked, disliked=disliked)


def written(concept: Concept) -> dict[str, Any]:
    """Give a concept as JSON holds it."""
    created = concept.created and concept.created.isoformat()
    return asdict(concept) | {"created": created}


def read_concept(content: Mapping[str, Any]) -> Concept:
    """Read a concept from what JSON holds.

    Raises:
        InvalidRequest: it is none.
    """
    known = {one.name for one in fields(Concept)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise InvalidRequest(f"expected a concept's fields {', '.join(sorted(known))}, came "
                             f"{', '.join(unknown)}")  # fmt: skip
    try:
        lists = {name: tuple(map(str, content.get(name) or ())) for name in _LISTS}
        created, least = content.get("created"), content.get("least")
        return Concept(
            name=str(content["name"]),
            version=int(content.get("version", 0)),
            notes=str(content.get("notes", "")),
            created=datetime.fromisoformat(created) if created else None,
            least=None if least is None else float(least),
            **lists,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(f"expected a concept with a name and prompts: {error}") from error


def parse_reference(text: str) -> tuple[str, int | None]:
    """``mines`` → its newest version, ``mines@3`` → the third.

    Raises:
        InvalidRequest: what stands behind the ``@`` is no version.
    """
    name, at, version = text.partition("@")
    if at and not (version.isdecimal() and version.isascii()):
        raise InvalidRequest(f"expected a concept such as mines or mines@3, came {text[:80]!r}")
    return name, int(version) if at else None


def _words(name: str, texts: Sequence[str]) -> tuple[str, ...]:
    words = tuple(text.strip() for text in texts)
    if len(words) > MAX_WORDS:
        raise InvalidRequest(f"{name}: expected at most {MAX_WORDS}, came {len(words)}")
    for text in words:
        if not text or len(text) > MAX_LETTERS:
            raise InvalidRequest(f"{name}: expected 1 to {MAX_LETTERS} letters, came {text[:40]!r}")
    return tuple(dict.fromkeys(words))


def _chips(name: str, chips: Sequence[str]) -> tuple[str, ...]:
    if len(chips) > MAX_CHIPS:
        raise InvalidRequest(f"{name}: expected at most {MAX_CHIPS} chips, came {len(chips)}")
    for chip in chips:
        collection, slash, own = chip.partition("/")
        if not (collection and slash and own):
            raise InvalidRequest(f"{name}: expected COLLECTION/CHIP, came {chip[:80]!r}")
    return tuple(dict.fromkeys(chips))


def _parsed(line: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(line)
        int(content["version"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DamagedData(f"{path}: expected a version a line, came {line[:40]!r}") from error
    return dict(content)


def _version(line: Mapping[str, Any]) -> int:
    return int(line["version"])


def _is_removed(line: Mapping[str, Any]) -> bool:
    return bool(line.get("removed"))
