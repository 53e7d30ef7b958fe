"""Files of labels, the shipped ones and anybody's own → label sets.

Does not know models. JSON or TOML, the same keys in both; unknown keys are errors, so that nothing
that somebody wrote is silently left out.
"""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from satseek.errors import FolderNotFound, InvalidConfig, InvalidRequest
from satseek.model.prompts import TEMPLATES
from satseek.monitor.labels.labelling import Label, LabelSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES: Final = 1 << 20
"""Largest file that is read: a hundred labels have some kilobytes."""

_ROOM: Final = "satseek.monitor.labels.presets"
_SET_KEYS: Final = frozenset({"name", "names", "labels", "distractors", "templates"})
_LABEL_KEYS: Final = frozenset({"name", "names", "prompts", "colour", "properties"})
_CHANNELS: Final = 3
_BRIGHTEST: Final = 255


def preset_names() -> tuple[str, ...]:
    """Name the shipped label sets, in alphabetical order."""
    names = (one.name for one in files(_ROOM).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def preset(name: str) -> LabelSet:
    """Give a shipped label set.

    Raises:
        InvalidRequest: there is none of that name; the message lists them.
    """
    known = preset_names()
    if name not in known:
        raise InvalidRequest(
            f"expected one of the label sets {', '.join(known)}, or a file, came {name[:64]!r}"
        )
    text = files(_ROOM).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return label_set_of(json.loads(text), source=name)


def read_labels(path: Path) -> LabelSet:
    """Read somebody's own label set, JSON or TOML by the file's ending.

    Raises:
        FolderNotFound: there is no such file.
        InvalidConfig: it is too large or no label set; the message says where.
        EmptyText, InvalidRequest: its labels cannot be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FolderNotFound(f"{path}: expected a file of labels (.json or .toml)") from error
    if len(content) > MAX_BYTES:
        raise InvalidConfig(f"{path.name}: expected at most {MAX_BYTES} bytes of labels")
    try:
        text = content.decode("utf-8-sig")
        read = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise InvalidConfig(f"{path.name}: expected JSON or TOML, came {said[:160]}") from error
    return label_set_of(read, source=path.name)


def find_labels(ref: str, *, folder: Path) -> LabelSet:
    """Give a label set by what somebody typed: a shipped one's name, or a file.

    Args:
        ref: Name or path.
        folder: What a relative path starts from.

    Raises:
        As ``preset`` and ``read_labels``.
    """
    is_file = ref.endswith((".json", ".toml"))
    return read_labels(folder / ref) if is_file else preset(ref)


def label_set_of(read: Any, *, source: str) -> LabelSet:
    """Make a label set of what a file holds.

    A label is its name, or a table of ``name``, ``prompts``, ``names``, ``colour`` and
    ``properties``; without prompts its name is its prompt.

    Raises:
        InvalidConfig: it is none; the message names the source and the key.
        EmptyText, InvalidRequest: its labels cannot be.
    """
    table = _table(read, _SET_KEYS, f"{source}: ")
    labels = table.get("labels")
    if not isinstance(labels, list):
        raise InvalidConfig(f"{source}: expected a list of labels, came {_shown(labels)}")
    return LabelSet(
        name=_text(table.get("name", source), f"{source}: name"),
        names=_names(table.get("names", {}), f"{source}: names"),
        labels=tuple(_label(one, f"{source}: labels[{at}]") for at, one in enumerate(labels)),
        distractors=_texts(table.get("distractors", []), f"{source}: distractors"),
        templates=_texts(table.get("templates", list(TEMPLATES)), f"{source}: templates"),
    )


def _label(read: Any, where: str) -> Label:
    if isinstance(read, str):
        return Label(name=read.strip(), prompts=(read.strip(),))
    table = _table(read, _LABEL_KEYS, f"{where}: ")
    name = _text(table.get("name"), f"{where}.name")
    return Label(
        name=name,
        prompts=_texts(table.get("prompts", [name]), f"{where}.prompts"),
        names=_names(table.get("names", {}), f"{where}.names"),
        colour=None if "colour" not in table else _colour(table["colour"], f"{where}.colour"),
        properties=_mapping(table.get("properties", {}), f"{where}.properties"),
    )


def _table(read: Any, allowed: frozenset[str], where: str) -> Mapping[str, Any]:
    table = _mapping(read, where.rstrip(": "))
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise InvalidConfig(
            f"{where}expected {', '.join(sorted(allowed))}, came {', '.join(unknown)[:160]}"
        )
    return table


def _mapping(read: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(read, dict):
        raise InvalidConfig(f"{where}: expected keys and values, came {_shown(read)}")
    return read


def _names(read: Any, where: str) -> Mapping[str, str]:
    return {key: _text(one, f"{where}.{key}") for key, one in _mapping(read, where).items()}


def _texts(read: Any, where: str) -> tuple[str, ...]:
    if not isinstance(read, list):
        raise InvalidConfig(f"{where}: expected a list of texts, came {_shown(read)}")
    return tuple(_text(one, f"{where}[{at}]") for at, one in enumerate(read))


def _text(read: Any, where: str) -> str:
    if not isinstance(read, str):
        raise InvalidConfig(f"{where}: expected a text, came {_shown(read)}")
    return read.strip()


def _colour(read: Any, where: str) -> tuple[int, int, int]:
    match read:
        case [int(red), int(green), int(blue)] if all(0 <= one <= _BRIGHTEST for one in read):
            return red, green, blue
    raise InvalidConfig(
        f"{where}: expected {_CHANNELS} numbers from 0 to {_BRIGHTEST}, came {_shown(read)}"
    )


def _shown(read: Any) -> str:
    return repr(read)[:80]
