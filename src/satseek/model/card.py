"""Turns a ``card.json`` into a ``ModelCard`` and back, and a bundle's bytes into its version.

Does not know what is done with a model; only what is written about it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData, ModelNotFound
from satseek.types import ModelCard

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
_TEXTS = ("name", "version", "precision", "training_data")
_COUNTS = ("dim", "image_size", "context_length")
_NUMBERS = ("logit_scale", "logit_bias")


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
    written["licences"] = dict(card.licences)
    written["accuracy"] = dict(card.accuracy)
    text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def content_version(folder: Path) -> str:
    """First 12 hex digits of the SHA-256 over weights and tokenizer.

    The same as ``cat image.onnx text.onnx tokenizer.json | sha256sum | cut -c1-12``: the card is
    left out, so that a better description of the same model does not make it another model.

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
    return ModelCard(**{**written, **numbers})


def _expected(name: str, value: object) -> str:
    """What the field should have been; empty where its value is fine."""
    if name in _TEXTS:
        return "" if isinstance(value, str) else "a text"
    if name in _COUNTS:
        return "" if type(value) is int and value > 0 else "a positive whole number"
    if name in _NUMBERS:
        return "" if type(value) in {int, float} else "a number"
    kinds = {str} if name == "licences" else {int, float}
    fits = isinstance(value, dict) and all(type(entry) in kinds for entry in value.values())
    return "" if fits else f"an object of {'texts' if name == 'licences' else 'numbers'}"
