"""Turns a gate's report into ``gate.json`` and back: the proof that a model version may be used.

Does not know how the figures were measured, nor who refuses a version without a report.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPORT = "gate.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One figure and the threshold that it has to keep."""

    name: str
    """What was measured, such as ``image cosine, least``."""
    value: float
    """As measured."""
    threshold: float
    """Where it stops being good enough."""
    rule: Literal["at least", "at most"]
    """On which side of the threshold the value has to be; on it is good."""

    @property
    def passed(self) -> bool:
        """Whether the value keeps the threshold; what is not finite never does."""
        if not math.isfinite(self.value):
            return False
        if self.rule == "at least":
            return self.value >= self.threshold
        return self.value <= self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """Everything a version was checked for, against what, and on what."""

    kind: Literal["parity", "quantization"]
    """``parity``: an import against transformers; ``quantization``: against the float version."""
    model: str
    """``name@version`` that was checked."""
    reference: str
    """What it was compared with, such as ``transformers 5.23.0`` or ``name@version``."""
    checks: tuple[GateCheck, ...]
    """In the order in which they are shown."""
    images: int
    """Images compared."""
    texts: int
    """Texts compared."""
    machine: str
    """Processor and runtime on which it was measured."""
    date: str
    """Day, ISO 8601."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else a reader wants to see: histograms, layers kept in float, calibration."""

    @property
    def passed(self) -> bool:
        """Whether there are checks and every one passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def write_report(report: GateReport, folder: Path) -> None:
    """Write ``gate.json``, with its own digest, into a bundle's folder in one step."""
    half_written = folder / f".{REPORT}.new"
    half_written.write_text(_text(report), encoding="utf-8")
    half_written.replace(folder / REPORT)


def is_whole(folder: Path) -> bool:
    """Whether ``gate.json`` is there and as it was written, by the digest that it holds itself."""
    try:
        report = read_report(folder)
        return report is not None and (folder / REPORT).read_text(encoding="utf-8") == _text(report)
    except (DamagedData, OSError):
        return False


def read_report(folder: Path) -> GateReport | None:
    """Read ``gate.json`` of a bundle; None where there is none.

    Raises:
        DamagedData: the file is no report.
    """
    path = folder / REPORT
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        for derived in ("passed", "sha256"):  # from the checks, and from all of it: never believed
            written.pop(derived, None)
        checks = tuple(GateCheck(**check) for check in written.pop("checks"))
        return GateReport(checks=checks, **written)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedData(f"{path}: expected the report of a gate: {error}") from error


def _text(report: GateReport) -> str:
    written = dataclasses.asdict(report) | {"passed": report.passed}
    digest = hashlib.sha256(json.dumps(written).encode()).hexdigest()
    return json.dumps(written | {"sha256": digest}, indent=2, ensure_ascii=False) + "\n"
