"""Turns measurements of this machine into a file, and the file into measurements again.

Does not know how anything is measured, nor which measurement wins.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.engines.choice import EngineChoice
from satseek.model.durable import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.engines.machine import Machine
    from satseek.types import ModelCard

FILE = "engines.json"
"""Lies in the data folder; may be deleted: it only saves measuring again."""

_FORMAT = 1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one way to run a model does on this machine."""

    choice: EngineChoice
    """What was measured, with the batch that was fastest."""
    images_per_s: float
    """Images a second with ``choice.streams`` calls at once."""
    texts_per_s: float
    """Texts a second likewise."""
    image_ms: float
    """Median wait for one image alone, milliseconds."""
    text_ms: float
    """Median wait for one text alone, milliseconds."""
    peak_bytes: int
    """Most resident memory of its process."""
    least_cosine: float
    """Smallest cosine of a vector with its float32 counterpart, over images and texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Measurements of one model version."""

    same_machine: bool
    """Whether they were made on this very machine with these versions of the runtimes."""
    measured: tuple[Measured, ...]
    """In the order in which they were measured."""


def remember(
    folder: Path, *, machine: Machine, card: ModelCard, measured: Sequence[Measured]
) -> Path:
    """Keep the measurements of a model version on a machine, in place of older ones.

    Returns:
        The file, which is replaced as a whole: a crash leaves the old one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    entries = [
        entry
        for entry in _entries(path)
        if (entry.get("fingerprint"), entry.get("model")) != (machine.fingerprint, card.version)
    ]
    entries.append(
        {
            "fingerprint": machine.fingerprint,
            "model": card.version,
            "cpu": machine.cpu,
            "cores": machine.cores,
            "measured": [dataclasses.asdict(one) for one in measured],
        }
    )
    text = json.dumps({"format": _FORMAT, "entries": entries}, indent=2) + "\n"
    replace_text(path, text, by_way_of=folder / f".{FILE}.{os.getpid()}")
    return path


def remembered(folder: Path, *, machine: Machine, card: ModelCard) -> Remembered | None:
    """Measurements of a model version made here, else on this processor under other runtimes.

    Returns:
        None where there are none. A damaged file counts as none, and the log says so.
    """
    entries = [entry for entry in _entries(folder / FILE) if entry.get("model") == card.version]
    here = [entry for entry in entries if entry.get("fingerprint") == machine.fingerprint]
    alike = [
        entry
        for entry in entries
        if (entry.get("cpu"), entry.get("cores")) == (machine.cpu, machine.cores)
    ]
    if not here and not alike:
        return None
    try:
        measured = tuple(_measured(one) for one in [*alike, *here][-1]["measured"])
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("%s: expected measurements, ignored: %r", folder / FILE, error)
        return None
    return Remembered(same_machine=bool(here), measured=measured)


def _measured(written: Mapping[str, Any]) -> Measured:
    return Measured(**{**written, "choice": EngineChoice(**written["choice"])})


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["format"] != _FORMAT:
            raise ValueError(f"format {written['format']}")  # noqa: TRY301 - one place that warns
        return [dict(entry) for entry in written["entries"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s: expected measurements, ignored: %r", path, error)
        return []
