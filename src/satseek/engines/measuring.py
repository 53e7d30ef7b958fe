"""Turns ways to run a model into figures: rates, waits, memory, and how near to float32 they are.

Does not know which is chosen; each way runs in a process of its own, beside the reference.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.engines.machine import free_memory_bytes
from satseek.engines.remembering import Measured
from satseek.engines.workers import TimedEngine
from satseek.errors import OutOfMemory, SatseekError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.engines.choice import EngineChoice
    from satseek.model.bundle import Bundle
    from satseek.types import Features, Tensor, TokenIds

    Report = Callable[[str, int, int], None]

GAIN = 1.03
"""A larger batch has to be this much faster to be worth its memory; less is lost in noise."""

PATIENCE = 2
"""Batches in a row without gain after which no larger one is tried."""

MEMORY_SHARE = 0.7
"""Share of the free memory that a batch may be foreseen to take: the system needs some too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and with what batches to measure."""

    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    """Images in a call, ascending."""
    texts: int = 32
    """Texts in a call."""
    seconds: float = 1.0
    """Least time for one figure."""
    rounds: int = 5
    """Turns of candidate and reference."""


QUICK = Plan(batches=(1, 8, 16), texts=16, seconds=0.25, rounds=3)
"""A first idea, in less than a minute with a small model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched:
    """What one batch size does."""

    batch: int
    """Images in a call."""
    images_per_s: float
    """Rate."""
    peak_bytes: int
    """Most resident memory meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    measured: Measured
    """What is remembered."""
    image_ratio: float
    """Images a second over the reference's: the median of turns side by side."""
    text_ratio: float
    """Texts a second likewise."""
    opened_s: float
    """From nothing loaded to the first vector of an image, Python's own start left out."""
    resident_bytes: int
    """Memory once both towers have run, before large batches."""
    batches: tuple[Batched, ...]
    """What each batch size did."""
    stopped: str
    """Why no larger batch was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A way to run the model that did not run."""

    choice: EngineChoice
    """What was tried."""
    reason: str
    """One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What was measured."""

    reference: Row
    """What the ratios are to."""
    rows: tuple[Row, ...]
    """In the order of the candidates."""
    failed: tuple[Failed, ...]
    """What did not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Rows that every engine is given."""

    images: Tensor
    """Preprocessed images."""
    texts: TokenIds
    """Ids of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What candidates are compared with."""

    bundle: Bundle
    """The model itself, or the float one that it was quantized from."""
    choice: EngineChoice
    """How it runs."""


def measure(
    bundle: Bundle,
    choices: Sequence[EngineChoice],
    *,
    reference: Reference,
    probes: Probes,
    plan: Plan,
    report: Report,
) -> Table:
    """Time every choice in its own process, in turn with the reference.

    Args:
        bundle: the model.
        choices: ways to run it.
        reference: what ratios and cosines are to.
        probes: rows that are embedded; their features are compared.
        plan: how long.
        report: told what is measured now, how many are done, and of how many.

    Raises:
        SatseekError: the reference itself does not run.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="satseek-bench-")))
        given = folder / "probes.npz"
        np.savez(given, image=probes.images, text=probes.texts)
        report(f"reference: {reference.choice.name}", 0, len(choices))
        beside = stack.enter_context(TimedEngine(reference.bundle, reference.choice, probes=given))
        first = _Bench(beside, plan)
        expected = first.features()
        reference_row = first.row(expected, beside=None)
        rows: list[Row] = []
        failed: list[Failed] = []
        for number, choice in enumerate(choices):
            report(f"{choice.name} {choice.layout}", number, len(choices))
            try:
                with TimedEngine(bundle, choice, probes=given) as engine:
                    rows.append(_Bench(engine, plan).row(expected, beside=beside))
            except SatseekError as error:
                failed.append(Failed(choice=choice, reason=str(error)))
        report("done", len(choices), len(choices))
    return Table(reference=reference_row, rows=tuple(rows), failed=tuple(failed))


class _Bench:
    """What is asked of one engine, in its order."""

    def __init__(self, engine: TimedEngine, plan: Plan) -> None:
        self._engine = engine
        self._plan = plan
        self._opened_s: float = engine.open()["opened_s"]
        self._features, self._resident = engine.features()

    def features(self) -> Mapping[str, Features]:
        return self._features

    def row(self, expected: Mapping[str, Features], *, beside: TimedEngine | None) -> Row:
        engine, plan = self._engine, self._plan
        image_ms = engine.latency_ms("image", seconds=plan.seconds / 2)
        text_ms = engine.latency_ms("text", seconds=plan.seconds / 2)
        batches, stopped = self._grown()
        best = max(batches, key=lambda one: one.images_per_s)
        fastest = next(one for one in batches if one.images_per_s * GAIN >= best.images_per_s)
        images = self._turns("image", fastest.batch, beside)
        texts = self._turns("text", plan.texts, beside)
        return Row(
            measured=Measured(
                choice=replace(engine.choice, batch=fastest.batch),
                images_per_s=images[0],
                texts_per_s=texts[0],
                image_ms=image_ms,
                text_ms=text_ms,
                peak_bytes=max(fastest.peak_bytes, self._resident),
                least_cosine=min(
                    least_cosine(self._features[name], expected[name]) for name in expected
                ),
            ),
            image_ratio=images[1],
            text_ratio=texts[1],
            opened_s=self._opened_s,
            resident_bytes=self._resident,
            batches=tuple(batches),
            stopped=stopped,
        )

    def _grown(self) -> tuple[list[Batched], str]:
        """Larger batches for as long as they pay and fit; and why the last one is the last."""
        free = free_memory_bytes()
        found: list[Batched] = []
        best, without = 0.0, 0
        for batch in self._plan.batches:
            if found and free and _foreseen(found, self._resident, batch) > MEMORY_SHARE * free:
                return found, f"a batch of {batch} might not fit into memory"
            try:
                rate, peak = self._engine.rate("image", batch=batch, seconds=self._plan.seconds)
            except OutOfMemory:
                if not found:
                    raise
                return found, f"a batch of {batch} does not fit into memory"
            found.append(Batched(batch=batch, images_per_s=rate, peak_bytes=peak))
            without = 0 if rate > best * GAIN else without + 1
            best = max(best, rate)
            if without >= PATIENCE:
                return found, "larger batches are not faster"
        return found, "the largest batch asked for"

    def _turns(self, tower: str, batch: int, beside: TimedEngine | None) -> tuple[float, float]:
        """Rate, and ratio to the reference's, as medians of turns side by side."""
        ours: list[float] = []
        ratios: list[float] = []
        seconds = self._plan.seconds / 2
        for _ in range(self._plan.rounds):
            mine, _ = self._engine.rate(tower, batch=batch, seconds=seconds)
            other = beside.rate(tower, batch=batch, seconds=seconds)[0] if beside else mine
            ours.append(mine)
            ratios.append(mine / other)
        return statistics.median(ours), statistics.median(ratios)


def least_cosine(left: Features, right: Features) -> float:
    """Smallest cosine of a row with its counterpart; 0 where a row has no direction."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = (a * b).sum(axis=1)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return float(np.nan_to_num(cosines, nan=0.0).min())


def _foreseen(found: Sequence[Batched], resident: int, batch: int) -> float:
    """Bytes that a larger batch is going to take beyond the weights, growing with the rows."""
    last = found[-1]
    return max(last.peak_bytes - resident, 0) * batch / last.batch
