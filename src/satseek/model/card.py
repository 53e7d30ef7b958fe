"""Turns a ``card.json`` into a ``ModelCard`` and back, and a bundle's bytes into its version.

Does not know what is done with a model; only what is written about it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData, ModelNotFound
from satseek.types import ModelCard, Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD = "card.json"
IMAGE_TOWER = "image.onnx"
TEXT_TOWER = "text.onnx"
TOKENIZER = "tokenizer.json"

VERSIONED = (IMAGE_TOWER, TEXT_TOWER, TOKENIZER)
"""Files that decide a vector, in the order in which they are hashed."""

VERSION_DIGITS = 12
"""48 bits: short enough to read aloud, far beyond what one store of models can collide in."""

_BLOCK_BYTES = 1 << 20
_REQUIRED = frozenset(
    field.name
    for field in dataclasses.fields(ModelCard)
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
)
_KNOWN = frozenset(field.name for field in dataclasses.fields(ModelCard))
_TEXTS = ("name", "version", "precision", "training_data", "parent")
_COUNTS = ("dim", "image_size", "context_length")
_NUMBERS = ("logit_scale", "logit_bias")
_CHOICES = {"family": ("siglip", "clip"), "score_head": ("sigmoid", "softmax")}
_PARTS = {"preprocessing": Preprocessing, "tokenization": Tokenization}
_PART_CHOICES = {
    "resize": ("squash", "crop"),
    "resample": ("nearest", "bilinear", "bicubic", "lanczos"),
    "case": ("canonical", "lower", "kept"),
}
_CHANNELS = 3


def read_card(folder: Path) -> ModelCard:
    """Read ``card.json`` of a bundle.

    Raises:
        ModelNotFound: the folder has no card.
        DamagedData: the card is no JSON object, lacks a field, has one too many or a wrong value.
    """
    path = folder / CARD
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelNotFound(f"{folder}: expected a model bundle, found no {CARD}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedData(f"{path}: expected a JSON object in UTF-8: {error}") from error
    if not isinstance(written, dict):
        raise DamagedData(f"{path}: expected a JSON object, got {type(written).__name__}")
    return _card(written, path)


def write_card(card: ModelCard, folder: Path) -> None:
    """Write ``card.json`` into an existing folder, readable by people, replacing what is there."""
    written = {field.name: getattr(card, field.name) for field in dataclasses.fields(card)}
    for name in ("licences", "accuracy", "source"):
        written[name] = dict(written[name])
    for name in _PARTS:
        written[name] = dataclasses.asdict(written[name])
    text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def content_version(
    folder: Path,
    *,
    preprocessing: Preprocessing | None = None,
    tokenization: Tokenization | None = None,
) -> str:
    """First 12 hex digits of the SHA-256 over what decides a vector.

    For SigLIP's own preprocessing and tokenization (None) the same as
    ``cat image.onnx text.onnx tokenizer.json | sha256sum | cut -c1-12``; others follow as JSON. The
    rest of the card is left out: a better description of a model does not make it another model.

    Raises:
        DamagedData: one of the files is missing.
    """
    digest = hashlib.sha256()
    for name in VERSIONED:
        try:
            with (folder / name).open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except FileNotFoundError as error:
            raise DamagedData(f"{folder}: expected {name}, which is missing") from error
    for part in (preprocessing or Preprocessing(), tokenization or Tokenization()):
        if part != type(part)():
            digest.update(json.dumps(dataclasses.asdict(part), sort_keys=True).encode())
    return digest.hexdigest()[:VERSION_DIGITS]


def _card(written: Mapping[str, Any], path: Path) -> ModelCard:
    missing = sorted(_REQUIRED - written.keys())
    if missing:
        raise DamagedData(f"{path}: missing {', '.join(missing)}")
    unknown = sorted(written.keys() - _KNOWN)
    if unknown:
        raise DamagedData(
            f"{path}: unknown {', '.join(unknown)}; known: {', '.join(sorted(_KNOWN))}"
        )
    for name, value in written.items():
        expected = _expected(name, value)
        if expected:
            raise DamagedData(f"{path}: expected {name} to be {expected}, got {value!r}")
    numbers = {name: float(written[name]) for name in _NUMBERS}
    parts = {name: _part(kind, written.get(name, {})) for name, kind in _PARTS.items()}
    return ModelCard(**{**written, **numbers, **parts})


def _part(kind: type[Any], written: Mapping[str, Any]) -> Any:
    lists = {name: tuple(value) for name, value in written.items() if isinstance(value, list)}
    return kind(**{**written, **lists})


def _expected(name: str, value: object) -> str:
    """What the field should have been; empty where its value is fine."""
    if name in _TEXTS:
        return "" if isinstance(value, str) else "a text"
    if name in _COUNTS:
        return "" if type(value) is int and value > 0 else "a positive whole number"
    if name in _NUMBERS:
        return "" if type(value) in {int, float} else "a number"
    if name in _CHOICES:
        return "" if value in _CHOICES[name] else f"one of {', '.join(_CHOICES[name])}"
    if name in _PARTS:
        return _expected_part(_PARTS[name], value)
    kinds = {int, float} if name == "accuracy" else {str}
    fits = isinstance(value, dict) and all(type(entry) in kinds for entry in value.values())
    return "" if fits else f"an object of {'numbers' if name == 'accuracy' else 'texts'}"


def _expected_part(kind: type[Any], value: object) -> str:
    """What ``preprocessing`` or ``tokenization`` should have been; empty where it is fine."""
    known = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(value, dict) or value.keys() - known:
        return f"an object with {', '.join(sorted(known))}"
    for name, one in value.items():
        if name in ("mean", "std"):
            numbers = isinstance(one, list) and all(type(part) in {int, float} for part in one)
            if not numbers or len(one) != _CHANNELS or (name == "std" and 0 in one):
                return f"an object whose {name} is three numbers"
        elif name in _PART_CHOICES:
            if one not in _PART_CHOICES[name]:
                return f"an object whose {name} is one of {', '.join(_PART_CHOICES[name])}"
        elif not (isinstance(one, str) and one) and not (name == "begin" and one is None):
            return f"an object whose {name} is a token"
    return ""
