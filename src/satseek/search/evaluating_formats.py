"""Files of four formats → listed images: path, label, captions, split.

Checks form alone: whether an image is there and readable shows when it is read. Every error names
the file and the row.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LABELS_FILE = "labels.csv"
COLUMNS = ("path", "label", "captions", "split")
"""Columns that are read; ``path`` and one of ``label`` and ``captions`` there must be."""

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Names of folders that hold a split each, where no other folder is beside them."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetImage:
    """One image of a set and what is true of it."""

    path: Path
    """Where it lies."""
    name: str
    """Its path as the set has it."""
    place: str
    """Where it is listed, for messages: file and row."""
    label: str | None
    """Its class in words; None: not told."""
    captions: tuple[str, ...] = ()
    """Sentences that people wrote about it."""
    split: str | None = None
    """Part of the set it belongs to; None: not told."""


def plain(name: str | Path) -> str:
    """``name`` as it may stand in text: one line, and no half characters."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(name))


def label_words(name: str) -> str:
    """A class name as words: ``DenseResidential``, ``dense_residential`` → ``dense residential``.

    A name that holds a space is words already and stays as it is.
    """
    if any(sign.isspace() for sign in name.strip()):
        return " ".join(name.split())
    return " ".join(_CAMEL.sub(" ", name).replace("_", " ").replace("-", " ").split()).lower()


def subfolders(folder: Path) -> list[Path]:
    """Folders directly below, sorted by name, without hidden ones."""
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def read_folders(folder: Path, *, find: Callable[[Path], list[Path]]) -> list[SetImage]:
    """One folder for each class, or for each split and in it one for each class.

    Args:
        folder: What holds the folders.
        find: Lists the images below a folder.

    Raises:
        InvalidConfig: it is no folder, or a split's folder has no folders.
    """
    if not folder.is_dir():
        raise InvalidConfig(f"{plain(folder)}: expected a folder with one folder for each class")
    below = subfolders(folder)
    if below and all(one.name.lower() in SPLITS for one in below):
        return [row for part in below for row in _classes(part, folder, part.name, find)]
    return _classes(folder, folder, None, find)


def _classes(
    folder: Path, root: Path, split: str | None, find: Callable[[Path], list[Path]]
) -> list[SetImage]:
    return [
        SetImage(
            path=path,
            name=path.relative_to(root).as_posix(),
            place=plain(place),
            label=label_words(place.name),
            split=split,
        )
        for place in subfolders(folder)
        for path in find(place)
    ]


def read_csv(
    file: Path, *, home: Path, note: Callable[[str], None] = lambda _line: None
) -> list[SetImage]:
    """A CSV with the columns ``path``, ``label`` and/or ``captions``, and maybe ``split``.

    ``captions`` is a JSON list of sentences, or one sentence as it is. Other columns are not read.

    Args:
        file: Where it lies.
        home: Folder below which its paths lie.
        note: Told in one line which columns are not read.

    Raises:
        InvalidConfig: a column is missing or there twice, a row has too few or many fields,
            captions are no list of sentences, or the file is no UTF-8 text.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            _check_columns(reader.fieldnames, file, note)
            return [_csv_row(row, f"{plain(file)} line {reader.line_num}", home) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{plain(file)}: expected CSV in UTF-8: {error}") from error


def _check_columns(names: Sequence[str], file: Path, note: Callable[[str], None]) -> None:
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise InvalidConfig(f"{plain(file)}: expected one column {twice[0]}, found several")
    if "path" not in names or not {"label", "captions"} & set(names):
        raise InvalidConfig(
            f"{plain(file)}: expected the columns path and label (or captions), "
            f"got {', '.join(names) or 'an empty file'}"
        )
    others = ", ".join(plain(name) or "one without a name" for name in names if name not in COLUMNS)
    if others:
        note(f"{plain(file)}: of its columns these are not read: {others}")


def _csv_row(row: Mapping[str | None, Any], place: str, home: Path) -> SetImage:
    if None in row or None in row.values():
        raise InvalidConfig(f"{place}: expected as many fields as there are columns")
    if not row["path"].strip():
        raise InvalidConfig(f"{place}: expected a path, got an empty field")
    label = row.get("label")
    return SetImage(
        path=home / row["path"],
        name=row["path"],
        place=place,
        label=None if label is None else label_words(label),
        captions=_csv_captions(row.get("captions") or "", place),
        split=row.get("split") or None,
    )


def _csv_captions(text: str, place: str) -> tuple[str, ...]:
    if not text.strip():
        return ()
    if not text.lstrip().startswith("["):
        return (text,)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidConfig(f"{place}: expected captions as a JSON list: {error}") from error
    if not all(isinstance(one, str) for one in found):
        raise InvalidConfig(f"{place}: expected captions as a JSON list of sentences")
    return tuple(found)


def read_content(file: Path) -> Mapping[str, Any]:
    """The object that a JSON file holds.

    Raises:
        InvalidConfig: the file is no JSON, or holds no object.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidConfig(f"{plain(file)}: expected JSON in UTF-8: {error}") from error
    if not isinstance(content, dict):
        raise InvalidConfig(f"{plain(file)}: expected a JSON object with images")
    return content


def read_coco(content: Mapping[str, Any], *, file: Path, home: Path) -> list[SetImage]:
    """``images`` with ``id`` and ``file_name``; ``annotations`` with ``image_id``, ``caption``.

    Format: https://cocodataset.org/#format-data, caption annotations. An image may also have a
    ``label`` and a ``split``.

    Raises:
        InvalidConfig: something of that is missing, or an annotation's image is.
    """
    captions: dict[Any, list[str]] = {}
    for image, place in _listed(content, "images", file):
        if _field(image, "id", (int, str), place) in captions:
            raise InvalidConfig(f"{place}: the id {image['id']!r} is another image's already")
        captions[image["id"]] = []
    for annotation, place in _listed(content, "annotations", file):
        image_id = _field(annotation, "image_id", (int, str), place)
        if image_id not in captions:
            raise InvalidConfig(f"{place}: there is no image of id {image_id!r}")
        captions[image_id].append(_field(annotation, "caption", str, place))
    return [
        _json_row(image, _field(image, "file_name", str, place), captions[image["id"]], place, home)
        for image, place in _listed(content, "images", file)
    ]


def read_karpathy(content: Mapping[str, Any], *, file: Path, home: Path) -> list[SetImage]:
    """``images`` with ``filename``, ``sentences`` of ``raw``, and maybe ``split``, ``filepath``.

    Format: the splits published with Karpathy & Fei-Fei, arXiv 1412.2306, in which RSICD, UCM and
    Sydney captions come too. An image may also have a ``label``.

    Raises:
        InvalidConfig: something of that is missing.
    """
    rows = []
    for image, place in _listed(content, "images", file):
        name = _field(image, "filename", str, place)
        below = image.get("filepath")
        name = f"{below}/{name}" if isinstance(below, str) and below else name
        sentences = [_field(one, "raw", str, at) for one, at in _listed(image, "sentences", place)]
        rows.append(_json_row(image, name, sentences, place, home))
    return rows


def _json_row(
    image: Mapping[str, Any], name: str, captions: Sequence[str], place: str, home: Path
) -> SetImage:
    label = _field(image, "label", str, place) if "label" in image else None
    split = _field(image, "split", str, place) if "split" in image else None
    if not name.strip():
        raise InvalidConfig(f"{place}: expected a file name, got an empty one")
    path = home / name
    inside = home / "images" / name
    return SetImage(
        path=inside if not path.is_file() and inside.is_file() else path,
        name=name,
        place=place,
        label=None if label is None else label_words(label),
        captions=tuple(captions),
        split=split,
    )


def _listed(
    content: Mapping[str, Any], key: str, where: str | Path
) -> Iterator[tuple[dict[str, Any], str]]:
    """Each object of a list, and its place."""
    found = content.get(key)
    if not isinstance(found, list):
        raise InvalidConfig(f"{plain(where)}: expected a list {key!r}")
    for at, one in enumerate(found):
        place = f"{plain(where)} {key}[{at}]"
        if not isinstance(one, dict):
            raise InvalidConfig(f"{place}: expected an object")
        yield one, place


def _field(one: Mapping[str, Any], key: str, kind: type | tuple[type, ...], place: str) -> Any:
    value = one.get(key)
    if not isinstance(value, kind):
        raise InvalidConfig(f"{place}: expected {key!r}, got {value!r:.60}")
    return value
