"""Puts variants of the shipped model into a store, and collections into folders, without torch.

A variant resizes and scales its images otherwise, so that it is another version.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.assemble import Layout
from satseek.model.bundle import starter_bundle
from satseek.model.card import content_version, write_card
from satseek.types import Chip, Preprocessing, Window

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.assemble import Assembly
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


def flip_a_bit(path: Path) -> None:
    """Change one weight of a tower, as a failing disk would; its size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.chmod(0o644)
    path.write_bytes(content)


def make_collection(assembly: Assembly, name: str, *, seed: int = 0) -> None:
    """Write a collection of random vectors, as the model in force would make it."""
    with assembly.writer(name, Layout()) as target:
        rows = np.random.default_rng(seed).normal(size=(3, target.spec.dim)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        target.add([_chip(f"{name}-{seed}-{at}") for at in range(len(rows))], rows)


def _chip(name: str) -> Chip:
    return Chip(
        id=name,
        scene_id="scene",
        cell=name,
        scene_path="/nowhere/scene.tif",
        window=Window(column=0, row=0, width=1, height=1),
        footprint=None,
        datetime=None,
        valid_fraction=1.0,
    )
