"""Turns a folder into a ``Bundle``: a card, two towers and a tokenizer that are known to be there.

Does not open the towers: a bundle costs one small JSON file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, ModelNotFound
from satseek.model.card import CARD, IMAGE_TOWER, TEXT_TOWER, TOKENIZER, read_card

if TYPE_CHECKING:
    from satseek.types import ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model as it lies on disk."""

    folder: Path
    """Where everything lies."""
    card: ModelCard
    """What the model is."""
    image_tower: Path
    """ONNX: ``pixel_values`` float32 (n, 3, size, size) → ``features`` float32 (n, dim)."""
    text_tower: Path
    """ONNX: ``input_ids`` int64 (n, context_length) → ``features`` float32 (n, dim)."""
    tokenizer: Path
    """The ``tokenizers`` library's own JSON."""


def open_bundle(folder: Path) -> Bundle:
    """Check that a folder holds a whole model and read its card.

    Raises:
        ModelNotFound: there is no such folder, or it has no card.
        DamagedData: the card is wrong, or a tower or the tokenizer is missing.
    """
    if not folder.is_dir():
        raise ModelNotFound(f"{folder}: expected a model bundle, found no such folder")
    card = read_card(folder)
    for name in (IMAGE_TOWER, TEXT_TOWER, TOKENIZER):
        if not (folder / name).is_file():
            raise DamagedData(f"{folder}: expected {name} beside {CARD}, which is missing")
    return Bundle(
        folder=folder,
        card=card,
        image_tower=folder / IMAGE_TOWER,
        text_tower=folder / TEXT_TOWER,
        tokenizer=folder / TOKENIZER,
    )


def starter_bundle() -> Bundle:
    """Open the small model that is shipped inside the package.

    Raises:
        ModelNotFound: this installation was built without it, or lies in a zip file.
        DamagedData: a file of it is missing or wrong.
    """
    folder = resources.files("satseek.model") / "starter"
    if not isinstance(folder, Path):
        raise ModelNotFound("starter: expected an unpacked installation, got one in an archive")
    return open_bundle(folder)
