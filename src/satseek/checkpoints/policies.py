"""Turns the JSON files beside the weights into how a SigLIP wants its pixels and its words.

Does not guess: what a file does not say, or says of a way that satseek does not go, is refused.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

from satseek.checkpoints.pieces import PIECES
from satseek.errors import UnreadableCheckpoint
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tokenizers import Tokenizer

PREPROCESSOR = "preprocessor_config.json"
"""How pixels are prepared, in published checkpoints."""

PROCESSOR = "processor_config.json"
"""The same under ``image_processor``, in what transformers 5 writes."""

TOKENIZER_CONFIG = "tokenizer_config.json"
"""The tokenizer's class and special tokens."""

SPECIAL_TOKENS = "special_tokens_map.json"
"""Special tokens where older libraries did not repeat them in the tokenizer's config."""

RESAMPLES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of its filters (``PIL.Image.Resampling``), as the files hold them."""

_WHITE = 255
_CANONICAL = frozenset({"SiglipTokenizer"})
"""Classes that lower-case and drop punctuation themselves (transformers 5.23)."""

_LOWER = frozenset({"Siglip2Tokenizer", "GemmaTokenizer", "GemmaTokenizerFast"})
"""SigLIP 2: Gemma's pieces on lower-cased text (arXiv 2502.14786, and ``Siglip2Tokenizer``)."""

_DEFAULTS = {"SiglipTokenizer": "</s>"}
"""End and pad token that a class has where its file does not say (transformers 5.23)."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UnreadableCheckpoint: there is no such file, or it holds none.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnreadableCheckpoint(f"{path.parent}: expected {path.name}, which is missing") from (
            error
        )
    except (OSError, ValueError) as error:
        raise UnreadableCheckpoint(f"{path}: expected a JSON object: {error}") from error
    if not isinstance(written, dict):
        raise UnreadableCheckpoint(f"{path}: expected a JSON object")
    return written


def read_preprocessing(folder: Path, *, image_size: int) -> Preprocessing:
    """Read how a SigLIP's pixels are prepared.

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
    except (TypeError, AttributeError) as error:  # a list or a null where a number should be
        raise UnreadableCheckpoint(f"{path}: a value of another kind: {error}") from error


def read_tokenization(folder: Path, tokenizer: Tokenizer) -> Tokenization:
    """Read how a SigLIP's words are framed, from its tokenizer's class and special tokens.

    Raises:
        UnreadableCheckpoint: a token is missing or not in the vocabulary, or texts are padded in
            front or keep their capital letters where the class does not say how.
    """
    path = folder / TOKENIZER_CONFIG
    told: Mapping[str, Any] = {}
    if path.is_file() or not (folder / PIECES).is_file():
        told = read_json(path)
    if (folder / SPECIAL_TOKENS).is_file():
        told = {**read_json(folder / SPECIAL_TOKENS), **told}
    kind = str(told.get("tokenizer_class") or "SiglipTokenizer")
    if told.get("padding_side", "right") != "right" or told.get("do_lower_case", True) is False:
        raise UnreadableCheckpoint(
            f"{path}: expected texts in lower case, padded behind; it says otherwise"
        )
    end = _token(told, "eos_token", kind, path)
    policy = Tokenization(
        case=_case(kind, tokenizer),
        begin=_token(told, "bos_token", kind, path) if told.get("add_bos_token") else None,
        end=end,
        pad=_token(told, "pad_token", kind, path),
    )
    for token in (policy.begin, policy.end, policy.pad):
        if token is not None and tokenizer.token_to_id(token) is None:
            raise UnreadableCheckpoint(f"{path}: {token} is not in the tokenizer's vocabulary")
    return policy


def read_licences(folder: Path) -> dict[str, str]:
    """Read the licence of the weights from the front matter of ``README.md``; empty without."""
    path = folder / "README.md"
    if not path.is_file():
        return {}
    from huggingface_hub.repocard import metadata_load  # noqa: PLC0415 (slow to import)

    try:
        told = metadata_load(path) or {}
    except (ValueError, OSError):
        return {}
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "yaml":  # no licence in a broken card
            return {}
        raise
    licence = told.get("license_name") or told.get("license") or told.get("License")
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    return {"weights": str(licence)} if licence else {}


def _preprocessing(told: Mapping[str, Any], path: Path, image_size: int) -> Preprocessing:
    missing = {"size", "resample", "image_mean", "image_std"} - told.keys()
    if missing:
        raise UnreadableCheckpoint(f"{path}: missing {', '.join(sorted(missing))}")
    off = [name for name in ("do_resize", "do_rescale", "do_normalize") if not told.get(name, True)]
    factor = told.get("rescale_factor", 1 / _WHITE)
    if off or told.get("do_center_crop") or abs(factor * _WHITE - 1) > 1e-6:  # noqa: PLR2004
        raise UnreadableCheckpoint(
            f"{path}: expected pixels resized, divided by 255 and normalised, nothing cropped"
        )
    if told["size"] != {"height": image_size, "width": image_size}:
        raise UnreadableCheckpoint(
            f"{path}: expected the tower's own size of {image_size} × {image_size}, "
            f"got {told['size']}"
        )
    if told["resample"] not in RESAMPLES:
        raise UnreadableCheckpoint(f"{path}: unknown resample {told['resample']!r}")
    std = _channels(told["image_std"], path)
    if min(std) <= 0:
        raise UnreadableCheckpoint(f"{path}: expected an image_std above 0, got {list(std)}")
    return Preprocessing(
        resize="squash",
        resample=cast("Any", RESAMPLES[told["resample"]]),
        mean=_channels(told["image_mean"], path),
        std=std,
    )


def _case(kind: str, tokenizer: Tokenizer) -> Any:
    """Which of the three ways with case this tokenizer was trained for."""
    if kind in _CANONICAL:
        return "canonical"
    if kind in _LOWER:
        return "lower"
    # A class without ways of its own: what its normaliser does is all that is done.
    normalizer = tokenizer.normalizer
    seen = normalizer.normalize_str("A-B, c.") if normalizer is not None else "A-B, c."
    return {"ab c": "canonical", "a-b, c.": "lower"}.get(seen.strip().replace("▁", " "), "kept")


def _token(told: Mapping[str, Any], name: str, kind: str, path: Path) -> str:
    token = told.get(name, _DEFAULTS.get(kind))
    if isinstance(token, dict):
        token = token.get("content")
    if not isinstance(token, str) or not token:
        raise UnreadableCheckpoint(f"{path}: expected {name}, got {token!r}")
    return token


def _channels(values: Any, path: Path) -> tuple[float, float, float]:
    """Three numbers, whether the file holds one for all or one each."""
    listed = list(values) if isinstance(values, list) else [values] * 3
    if len(listed) != 3 or not all(  # noqa: PLR2004
        isinstance(one, int | float) and math.isfinite(one) for one in listed
    ):
        raise UnreadableCheckpoint(f"{path}: expected a mean or std of three channels: {values!r}")
    return (float(listed[0]), float(listed[1]), float(listed[2]))
