"""A folder or file → the images to measure a model on, with the truth about each.

Knows neither models nor pixels: a listed image may still turn out to be unreadable.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from satseek.errors import EmptyText, FolderNotFound, InvalidConfig, InvalidRequest
from satseek.imagery.scenes import find_scenes
from satseek.model.tokenizer import canonicalise
from satseek.search.evaluating_formats import (
    LABELS_FILE,
    SetImage,
    plain,
    read_coco,
    read_content,
    read_csv,
    read_folders,
    read_karpathy,
    subfolders,
)
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS = ("folders", "csv", "coco", "karpathy")
"""Names of the formats, as ``--format`` takes them."""

EXPECTED = (
    f"a folder with {LABELS_FILE}, a folder with one folder for each class, a CSV file, "
    "or a JSON file of captions (COCO or Karpathy)"
)

_Read: TypeAlias = Callable[[], "list[SetImage]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSet:
    """What a model is measured on."""

    source: str
    """Folder or file that was named."""
    form: str
    """Its format, one of `FORMATS`."""
    split: str | None
    """Part of it that is taken; None: all."""
    images: tuple[SetImage, ...]
    """At least one, in the order of the source."""
    labels: tuple[str, ...]
    """All labels of the part taken, sorted, each once; empty where images have none."""
    refusals: tuple[Refusal, ...]
    """Captions without any word, which are left out."""

    def limited(self, limit: int | None) -> EvaluationSet:
        """At most ``limit`` images, drawn by chance but always the same; labels stay as they are.

        The first ones would be those of the first classes; fewer labels would be easier to tell.

        Raises:
            InvalidRequest: the limit is not positive.
        """
        if limit is None:
            return self
        if limit < 1:
            raise InvalidRequest(f"expected a limit of at least 1 image, got {limit}")
        if limit >= len(self.images):
            return self
        drawn = sorted(random.Random(0).sample(range(len(self.images)), limit))  # noqa: S311
        return replace(self, images=tuple(self.images[at] for at in drawn))


def read_set(
    path: Path,
    *,
    split: str | None = None,
    form: str | None = None,
    images: Path | None = None,
    note: Callable[[str], None] = lambda _line: None,
) -> EvaluationSet:
    """List the images of a set.

    Args:
        path: Folder or file, see `EXPECTED`.
        split: Only this part; None: all.
        form: One of `FORMATS`; None: found by looking.
        images: Folder below which the paths in a file lie; None: the file's own, or ``images``
            in it.
        note: Told in one line what of the set is not read.

    Raises:
        FolderNotFound: there is nothing of that name, or nothing that looks like a set.
        InvalidConfig: the set is malformed, empty, or has no such split.
        EmptyText: a label has no word.
        InvalidRequest: there is no such format.
    """
    if form is not None and form not in FORMATS:
        raise InvalidRequest(f"expected the format {', '.join(FORMATS)}, got {form!r}")
    if not path.exists():
        raise FolderNotFound(f"{plain(path)}: no such folder or file; expected {EXPECTED}")
    found, listed = _found(path, form, images, note)
    everything = listed()
    _check_doubles(everything, path)
    taken = _of_split(everything, split, path)
    rows, refusals = _with_words(taken)
    rows = _with_truth(rows, path)
    return EvaluationSet(
        source=plain(path),
        form=found,
        split=split,
        images=tuple(rows),
        labels=tuple(sorted({row.label for row in rows if row.label is not None})),
        refusals=tuple(refusals),
    )


def _found(
    path: Path, form: str | None, images: Path | None, note: Callable[[str], None]
) -> tuple[str, _Read]:
    """The format, and how to read it."""
    if form == "folders" or (form is None and path.is_dir() and _is_folders(path)):
        return "folders", lambda: read_folders(path, find=find_scenes)
    file = path if path.is_file() else _file_in(path, form)
    home = images or file.parent
    if form == "csv" or (form is None and file.suffix.lower() == ".csv"):
        return "csv", lambda: read_csv(file, home=home, note=note)
    if form is None and file.suffix.lower() != ".json":
        raise InvalidConfig(f"{plain(path)}: expected {EXPECTED}; --format forces one of them")
    content = read_content(file)
    if form == "coco" or (form is None and "annotations" in content):
        return "coco", lambda: read_coco(content, file=file, home=home)
    return "karpathy", lambda: read_karpathy(content, file=file, home=home)


def _is_folders(folder: Path) -> bool:
    if (folder / LABELS_FILE).is_file() or any(map(_lists_images, _json_files(folder))):
        return False
    return bool(subfolders(folder))


def _json_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.json") if file.is_file())


def _lists_images(file: Path) -> bool:
    try:
        return isinstance(read_content(file).get("images"), list)
    except InvalidConfig:
        return False  # a folder of classes may have any file beside it


def _file_in(folder: Path, form: str | None) -> Path:
    labels = folder / LABELS_FILE
    if labels.is_file() and form in {None, "csv"}:
        return labels
    files = _json_files(folder) if form != "csv" else []
    listing = [file for file in files if _lists_images(file)] or files
    if len(listing) > 1:
        names = ", ".join(plain(file.name) for file in listing)
        raise InvalidConfig(f"{plain(folder)}: which of these is meant? Name it: {names}")
    if not listing:
        raise FolderNotFound(f"{plain(folder)}: expected {EXPECTED}")
    return listing[0]


def _check_doubles(rows: Sequence[SetImage], path: Path) -> None:
    if not rows:
        raise InvalidConfig(f"{plain(path)}: expected at least one image, found none")
    seen: dict[str, str] = {}
    for row in rows:
        key = os.path.normpath(row.path)
        if key in seen:
            raise InvalidConfig(f"{row.place}: {plain(row.name)} is listed already, {seen[key]}")
        seen[key] = row.place


def _of_split(rows: list[SetImage], split: str | None, path: Path) -> list[SetImage]:
    if split is None:
        return rows
    taken = [row for row in rows if row.split == split]
    if not taken:
        there = ", ".join(sorted({row.split for row in rows if row.split})) or "no split"
        raise InvalidConfig(f"{plain(path)} has no image of split {split!r}; there is: {there}")
    return taken


def _with_words(rows: Sequence[SetImage]) -> tuple[list[SetImage], list[Refusal]]:
    """Refuse labels without words; leave out captions without."""
    kept, refusals = [], []
    for row in rows:
        if row.label is not None and not _has_word(row.label):
            raise EmptyText(f"{row.place}: expected a label with a word, got {row.label!r}")
        worded = tuple(caption for caption in row.captions if _has_word(caption))
        refusals += [
            Refusal(
                path=row.name,
                reason=f"{row.place}: a caption of {plain(row.name)} has no word: {caption!r}",
                kind=EmptyText.__name__,
            )
            for caption in row.captions
            if caption not in worded
        ]
        kept.append(replace(row, captions=worded))
    return kept, refusals


def _has_word(text: str) -> bool:
    try:
        return bool(canonicalise(text))
    except InvalidRequest:  # half a character
        return False


def _with_truth(rows: list[SetImage], path: Path) -> list[SetImage]:
    """Check that there is something to measure; a single label is none and is taken off."""
    labels = {row.label for row in rows}
    captioned = any(row.captions for row in rows)
    if labels == {None} and not captioned:
        raise InvalidConfig(f"{plain(path)}: expected labels or captions, found neither")
    if None in labels and len(labels) > 1:
        row = next(row for row in rows if row.label is None)
        raise InvalidConfig(f"{row.place}: expected a label, as other images have one")
    if len(labels) == 1 and not captioned:
        raise InvalidConfig(
            f"{plain(path)}: expected two labels to tell apart, or captions; "
            f"found only {next(iter(labels))!r}"
        )
    return [replace(row, label=None) for row in rows] if len(labels) == 1 else rows
