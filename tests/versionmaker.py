"""Makes whole small bundles that a store takes, of bytes that no runtime could open.

Knows no torch: the store reads cards, tokenizers and reports, never a tower.
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, pre_tokenizers
from towers import CARD

from satseek.model.card import content_version, write_card
from satseek.model.reports import GateCheck, GateReport, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.store import ModelStore

TOWER_BYTES = 3000


def make_version(
    folder: Path, seed: int, *, name: str = "colours", cosine: float | None = 0.999
) -> str:
    """Write a bundle into a folder; return its ``name@version``.

    Args:
        folder: Made where it is missing.
        seed: Another seed is another version.
        name: On the card.
        cosine: What its gate measured, and 0.99 is needed; None: it has no report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    for file in ("image.onnx", "text.onnx"):
        (folder / file).write_bytes(chance.randbytes(TOWER_BYTES))
    pieces = Tokenizer(models.WordLevel({"</s>": 0, "boat": 1, "<unk>": 2}))
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    pieces.save(str(folder / "tokenizer.json"))
    card = dataclasses.replace(CARD, name=name, version=content_version(folder))
    write_card(card, folder)
    ref = f"{name}@{card.version}"
    if cosine is not None:
        write_report(report_of(ref, cosine), folder)
    return ref


def store_version(
    store: ModelStore, seed: int, *, name: str = "colours", cosine: float | None = 0.999
) -> str:
    """Make a bundle in the store's staging and add it; return its ``name@version``."""
    with store.staging() as folder:
        ref = make_version(folder, seed, name=name, cosine=cosine)
        store.add(folder)
    return ref


def report_of(model: str, cosine: float) -> GateReport:
    """A report with one check that anybody passes, and one that needs a cosine of 0.99."""
    return GateReport(
        kind="parity",
        model=model,
        reference="transformers 5.23.0",
        checks=(
            GateCheck(name="texts compared", value=20, threshold=1, rule="at least"),
            GateCheck(name="image cosine, least", value=cosine, threshold=0.99, rule="at least"),
        ),
        images=10,
        texts=20,
        machine="a test",
        date="2026-01-02",
    )
