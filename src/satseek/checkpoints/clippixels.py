"""Turns the JSON beside a CLIP's weights into how it wants its pixels.

Does not guess: what the file does not say, or says of a way that satseek does not go, is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from satseek.checkpoints.policies import PREPROCESSOR, PROCESSOR, RESAMPLES, read_json
from satseek.errors import UnreadableCheckpoint
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WHITE = 255
_CHANNELS = 3


def read_clip_preprocessing(folder: Path, *, image_size: int) -> Preprocessing:
    """Read how a CLIP directory's pixels are prepared.

    Raises:
        UnreadableCheckpoint: a file or a value is missing, or says something that is not done.
    """
    path = folder / PREPROCESSOR
    if path.is_file() or not (folder / PROCESSOR).is_file():
        told: Mapping[str, Any] = read_json(path)
    else:
        path = folder / PROCESSOR
        told = read_json(path).get("image_processor") or {}
    try:
        return _preprocessing(told, path, image_size)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnreadableCheckpoint(f"{path}: a value of the wrong kind: {error}") from error


def _preprocessing(told: Mapping[str, Any], path: Path, image_size: int) -> Preprocessing:
    missing = {"size", "resample", "image_mean", "image_std"} - told.keys()
    if missing:
        raise UnreadableCheckpoint(f"{path}: missing {', '.join(sorted(missing))}")
    off = [name for name in ("do_resize", "do_rescale", "do_normalize") if not told.get(name, True)]
    if off or abs(told.get("rescale_factor", 1 / _WHITE) * _WHITE - 1) > 1e-6:  # noqa: PLR2004
        raise UnreadableCheckpoint(f"{path}: expected pixels resized, divided by 255, normalised")
    if told["resample"] not in RESAMPLES:
        raise UnreadableCheckpoint(f"{path}: unknown resample {told['resample']!r}")
    return Preprocessing(
        resize=cast("Any", _resize(told, path, image_size)),
        resample=cast("Any", RESAMPLES[told["resample"]]),
        mean=channels(told["image_mean"], path),
        std=channels(told["image_std"], path),
    )


def channels(values: Any, path: Path) -> tuple[float, float, float]:
    """Three numbers, one for each channel.

    Raises:
        UnreadableCheckpoint: they are not.
    """
    numbers = isinstance(values, list) and all(isinstance(one, int | float) for one in values)
    if not numbers or len(values) != _CHANNELS:
        raise UnreadableCheckpoint(f"{path}: expected a mean or std of three channels: {values!r}")
    return (float(values[0]), float(values[1]), float(values[2]))


def _resize(told: Mapping[str, Any], path: Path, size: int) -> str:
    """``crop`` or ``squash``: the two ways whose result is the tower's square."""
    square = {"height": size, "width": size}
    taken, cut = told["size"], told.get("crop_size")
    cropped = told.get("do_center_crop", True)  # CLIPImageProcessor's own default
    if not cropped or cut in (size, square):
        if cropped and taken in (size, {"shortest_edge": size}):
            return "crop"
        if taken == square:
            return "squash"
    raise UnreadableCheckpoint(
        f"{path}: expected the tower's own size of {size} px, got size {taken}, cropped to {cut}"
    )
