"""Puts variants of the shipped model into a store: real towers, without torch.

A variant resizes and scales its images otherwise, so that it is another version.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.model.bundle import starter_bundle
from satseek.model.card import content_version, write_card
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.store import ModelStore
    from satseek.types import ModelCard


def store_variant(store: ModelStore, room: Path, *, mean: float, **card: object) -> ModelCard:
    """Store the shipped model, cropping images; ``card`` says what is written wrong on purpose."""
    bundle = starter_bundle()
    room.mkdir()
    for path in (bundle.image_tower, bundle.text_tower, bundle.tokenizer):
        shutil.copy(path, room / path.name)
    how = Preprocessing(resize="crop", mean=(0.5, 0.5, mean))
    version = content_version(room, preprocessing=how)
    own = {"name": "own", "version": version, "preprocessing": how}
    write_card(replace(bundle.card, **(own | card)), room)
    return store.add(room).card


def activate(store: ModelStore, card: ModelCard) -> str:
    """Activate a variant, which passed no gate; returns ``name@version``."""
    return store.activate(f"{card.name}@{card.version}", force=True).ref
