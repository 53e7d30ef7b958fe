"""Puts small models with random weights into a store, as versions that have passed their gate.

Knows what ``modelmaker`` knows, so a test that uses it skips where torch is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import modelmaker

from satseek.model.bundle import open_bundle
from satseek.model.card import write_card
from satseek.model.reports import GateCheck, GateReport, write_report
from satseek.model.store import ModelStore
from satseek.train.exporting import export

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle
    from satseek.types import ModelCard

EDGES = (64, 48)
"""Image sizes: an image reduced for one version has not the pixels that the other would take."""


def store_versions(store: Path, room: Path, *, count: int = 2, name: str = "tiny") -> list[Bundle]:
    """Store versions of one model, with vectors of one length and other directions."""
    return [
        ModelStore(store).add(_exported(room / f"{name}-{seed}", seed=seed, name=name))
        for seed in range(count)
    ]


def store_broken(store: Path, room: Path, *, like: Bundle) -> Bundle:
    """Store a version, sound by its checksums, whose card promises vectors of another length."""
    staged = _copied(like.folder, room / "broken")
    write_card(replace(like.card, name="broken", dim=like.card.dim // 2), staged)
    return ModelStore(store).add(staged)


def ref_of(card: ModelCard) -> str:
    return f"{card.name}@{card.version}"


def _exported(room: Path, *, seed: int, name: str) -> Path:
    shape = modelmaker.Shape(image_size=EDGES[seed % len(EDGES)], layers=1)
    made = modelmaker.make_directory(room / "directory", shape, seed=seed)
    export(
        made,
        room / "bundle",
        name=name,
        licences={"weights": "Apache-2.0"},
        training_data="none",
        accuracy={},
        precision="float32",
    )
    write_report(_passed(open_bundle(room / "bundle").card), room / "bundle")
    return room / "bundle"


def _passed(card: ModelCard) -> GateReport:
    cosine = GateCheck(name="image cosine, least", value=1.0, threshold=0.9999, rule="at least")
    return GateReport(
        kind="parity",
        model=ref_of(card),
        reference="transformers",
        checks=(cosine,),
        images=1,
        texts=1,
        machine="the tests' own",
        date="2025-01-01",
    )


def _copied(source: Path, target: Path) -> Path:
    """Copy what a version is made of, without what the store added."""
    target.mkdir(parents=True)
    for name in ("image.onnx", "text.onnx", "tokenizer.json", "card.json"):
        (target / name).write_bytes((source / name).read_bytes())
    return target
