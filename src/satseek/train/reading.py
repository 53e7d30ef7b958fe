"""A source's folder becomes chips in memory with their labels and captions.

Knows no tower and draws nothing by chance: what is held out follows from the file names.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from satseek.errors import FolderNotFound, InvalidConfig, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.train.configuring import SourceConfig

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One chip's file and what is known of it."""

    path: str
    """Path below the source's folder."""
    label: str | None
    """Class; None where only captions are known."""
    captions: tuple[str, ...]
    """Sentences that are true of it; may be empty where there is a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The chips of one source, in memory."""

    images: NDArray[np.uint8]
    """uint8, shape (n, 3, px, px)."""
    present: tuple[frozenset[str], ...]
    """Per chip: the labels that are certainly true."""
    unsure: tuple[frozenset[str], ...]
    """Per chip: the labels that are neither certainly true nor certainly false."""
    captions: tuple[tuple[str, ...], ...]
    """Per chip: sentences that are true of it."""
    labels: tuple[str, ...]
    """Labels that exclude each other, sorted; what a chip's main label is chosen from."""
    also: tuple[str, ...]
    """Further names that may be true beside a label, sorted."""
    held_out: NDArray[np.bool_]
    """bool, shape (n,): True where the chip must not be trained on."""


def is_held_out(path: str, fraction: float) -> bool:
    """Whether a file belongs to the held-out part: the same answer on every machine."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") < fraction * 2**32


def read_samples(source: SourceConfig) -> list[Sample]:
    """List a source's chips without opening them, sorted by path.

    Raises:
        FolderNotFound: The folder or its table is not there.
        InvalidConfig: The table lacks a column, or no row is left.
    """
    folder = Path(source.path)
    if not folder.is_dir():
        raise FolderNotFound(f"{folder}: no such folder, expected a training source")
    read = _READERS.get(source.kind)
    if read is None:
        raise InvalidConfig(f"{folder}: a {source.kind} source is not read from image files")
    samples = sorted(read(folder, source.split), key=lambda sample: sample.path)
    if not samples:
        raise InvalidConfig(f"{folder}: expected at least one chip of split {source.split!r}")
    return samples


def read_pool(source: SourceConfig, *, px: int) -> Pool:
    """Load a source's chips, resized bicubically to ``px`` by ``px``.

    Raises:
        UnreadableImage: A chip cannot be decoded; training does not go on without it.
    """
    folder, samples = Path(source.path), read_samples(source)
    images = np.empty((len(samples), 3, px, px), np.uint8)
    for i, sample in enumerate(samples):
        images[i] = _load(folder / sample.path, px)
    named = {s.label for s in samples if s.label is not None and s.label not in source.unnamed}
    also = sorted({name for names in source.also.values() for name in names})
    return Pool(
        images=images,
        present=tuple(_present(sample.label, source) for sample in samples),
        unsure=tuple(frozenset[str]() for _ in samples),
        captions=tuple(sample.captions for sample in samples),
        labels=tuple(sorted(named)),
        also=tuple(also),
        held_out=np.array([is_held_out(s.path, source.holdout) for s in samples]),
    )


def _present(label: str | None, source: SourceConfig) -> frozenset[str]:
    if label is None or label in source.unnamed:
        return frozenset()
    return frozenset({label, *source.also.get(label, ())})


def _load(path: Path, px: int) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
    except OSError as error:
        raise UnreadableImage(f"{path}: expected an image, {error}") from error
    if rgb.size != (px, px):
        rgb = rgb.resize((px, px), Image.Resampling.BICUBIC)
    return np.asarray(rgb, np.uint8).transpose(2, 0, 1)


def _labels_csv(folder: Path, split: str | None) -> list[Sample]:
    rows = _rows(folder / "labels.csv", needed=("path", "label"))
    return [
        Sample(
            path=row["path"],
            label=row["label"].strip(),
            captions=tuple(json.loads(row.get("captions") or "[]")),
        )
        for row in rows
        if split is None or row.get("split") == split
    ]


def _pairs_csv(folder: Path, split: str | None) -> list[Sample]:
    captions: dict[str, list[str]] = {}
    for row in _rows(folder / "pairs.csv", needed=("path", "caption")):
        if split is None or row.get("split") == split:
            captions.setdefault(row["path"], []).append(row["caption"])
    return [
        Sample(path=path, label=None, captions=tuple(texts)) for path, texts in captions.items()
    ]


def _folders(folder: Path, split: str | None) -> list[Sample]:
    root = folder / split if split else folder
    return [
        Sample(
            path=file.relative_to(folder).as_posix(),
            label=file.parent.name.replace("_", " ").lower(),
            captions=(),
        )
        for file in root.glob("*/*")
        if file.suffix.lower() in IMAGE_ENDINGS
    ]


def _rows(path: Path, *, needed: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise FolderNotFound(f"{path}: no such file, expected columns {list(needed)}") from error
    if rows and (missing := [name for name in needed if name not in rows[0]]):
        raise InvalidConfig(f"{path}: expected columns {list(needed)}, {missing} missing")
    return rows


_READERS: Mapping[str, Callable[[Path, str | None], list[Sample]]] = {
    "labels": _labels_csv,
    "pairs": _pairs_csv,
    "folders": _folders,
}
