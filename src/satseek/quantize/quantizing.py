"""Turns a float bundle, and chips and texts to try it on, into a smaller bundle and its proof.

Does not know where bundles are kept: it fills the folder it is given and nothing else.
"""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from satseek.errors import InvalidRequest
from satseek.model.bundle import open_bundle
from satseek.model.card import IMAGE_TOWER, TEXT_TOWER, TOKENIZER, content_version, write_card
from satseek.model.preprocessing import preprocess
from satseek.model.reports import write_report
from satseek.model.tokenizer import Tokenizer
from satseek.quantize.calibrating import Calibrated, Options, calibrate
from satseek.quantize.proving import prove
from satseek.quantize.rewriting import Tower, check_tower, write_tower
from satseek.quantize.sampling import FEWEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.quantize.sampling import Sample
    from satseek.types import ModelCard, Pixels

Precision = Literal["int8", "float16", "bfloat16"]
"""What the new bundle is made of."""

Towers = Literal["both", "image", "text"]
"""Which towers change; the other one stays as it is."""

_BITS = {"float32": 32, "float16": 16, "bfloat16": 16}
"""Bits of a stored weight."""

_LISTED = 12
"""Sensitivities and trials in the report."""


def quantize_bundle(
    bundle: Bundle,
    folder: Path,
    *,
    images: Sequence[Pixels],
    texts: Sequence[str],
    proof: Sample,
    to: Precision = "int8",
    towers: Towers = "both",
    options: Options | None = None,
    report: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> ModelCard:
    """Write a smaller bundle and its gate's report into ``folder``.

    Whether it passed stands in the report; this does not refuse one that did not.

    Args:
        bundle: A float bundle of any family.
        folder: An empty folder, such as ``ModelStore.staging`` gives.
        images: Chips to set ranges with.
        texts: Texts to set ranges with.
        proof: Other chips and texts, for the gate.
        to: ``int8`` computes in integers; the others only store weights smaller.
        towers: Which towers change.
        options: How much is tried.
        report: Told a stage, steps done and all steps.

    Raises:
        InvalidRequest: the bundle is no float one, or there are too few chips or texts.
        DamagedData: a tower of it cannot be read.
        OSError: the folder cannot be written, such as where the disk is full.
    """
    options = options or Options()
    check_parent(bundle, to)
    if to == "int8" and min(len(images), len(texts)) < FEWEST:
        raise InvalidRequest(
            f"expected {FEWEST} chips and texts or more to set ranges with, "
            f"got {len(images)} and {len(texts)}"
        )
    told: dict[str, Any] = {
        "towers": towers,
        "calibration": {"images": len(images), "texts": len(texts)},
    }
    whole = towers == "both"
    tower: Literal["image", "text"]
    for tower in ("image", "text"):
        file = IMAGE_TOWER if tower == "image" else TEXT_TOWER
        source = bundle.folder / file
        if towers not in ("both", tower):
            shutil.copyfile(source, folder / file)
        elif to == "int8":
            made = _integer(bundle, tower, (images, texts), options, report)
            whole = whole and not made.floating
            told[f"{tower} tower"] = _told(made)
            _write(made.built(), folder / file)
            del made  # a tower's float weights; the next one needs the room
        else:
            _write(Tower.read(source).built(store=to), folder / file)
    shutil.copyfile(bundle.tokenizer, folder / TOKENIZER)
    card = _card(bundle.card, folder, "mixed" if to == "int8" and not whole else to)
    report("gate", 0, 1)
    checked = prove(open_bundle(folder), bundle, proof=proof, details=told)
    write_report(checked, folder)
    card = replace(card, accuracy=_accuracy(checked))
    write_card(card, folder)
    return card


def check_parent(bundle: Bundle, to: Precision) -> None:
    """Refuse, before any work, a bundle that cannot be made smaller this way.

    Raises:
        InvalidRequest: it is stored as small already.
    """
    held = bundle.card.precision
    if held not in _BITS or (to != "int8" and _BITS[to] >= _BITS[held]):
        raise InvalidRequest(
            f"{bundle.card.ref}: expected a model stored larger than {to}, "
            f"this one is {held}; quantize the version it was made from"
        )


def _integer(
    bundle: Bundle,
    tower: Literal["image", "text"],
    shown: tuple[Sequence[Pixels], Sequence[str]],
    options: Options,
    report: Callable[[str, int, int], None],
) -> Calibrated:
    images, texts = shown
    card = bundle.card
    rows: NDArray[Any]
    if tower == "image":
        rows = preprocess(images, size=card.image_size, how=card.preprocessing)
    else:
        rows = Tokenizer.from_bundle(bundle).encode(texts)
    return calibrate(
        Tower.read(bundle.folder / (IMAGE_TOWER if tower == "image" else TEXT_TOWER)),
        rows,
        options=options,
        report=lambda stage, done, total: report(f"{tower} tower: {stage}", done, total),
    )


def _write(model: Any, path: Path) -> None:
    check_tower(model)
    write_tower(model, path)


def _card(parent: ModelCard, folder: Path, precision: str) -> ModelCard:
    version = content_version(
        folder, preprocessing=parent.preprocessing, tokenization=parent.tokenization
    )
    card = replace(parent, version=version, precision=precision, parent=parent.version, accuracy={})
    write_card(card, folder)
    return card


def _accuracy(report: GateReport) -> dict[str, float]:
    """What the gate measured against the parent; the parent's own figures are not this model's."""
    kept = ("image cosine, mean", "text cosine, mean", "top-1 agreement", "overlap@10")
    return {check.name: check.value for check in report.checks if check.name in kept}


def _told(made: Calibrated) -> dict[str, Any]:
    return {
        "layers": len(made.tower.linears()),
        "layers in float": list(made.floating),
        "ranges": made.chosen.method,
        "smoothing": made.chosen.smoothing,
        "last projection refitted": made.finetuned,
        "cosine while choosing": made.cosine,
        "tried": [dataclasses.asdict(trial) for trial in made.trials[:_LISTED]],
        "sensitivities": [dataclasses.asdict(s) for s in made.sensitivities[:_LISTED]],
    }
