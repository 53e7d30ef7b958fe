"""Turns a tower that lost too much into one with its most sensitive layers back in float.

Does not know chips: it is handed rows, and what the float tower makes of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.quantize.observing import Runner, deviation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from satseek.quantize.ranges import Histogram
    from satseek.quantize.rewriting import Linear, Tower
    from satseek.quantize.rounding import Range
    from satseek.types import Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What the return of one layer to float would gain."""

    name: str
    """The layer."""
    gain: float
    """Mean cosine gained when it alone goes back; below 0 where chance took it."""
    cost: float
    """Its share of the products of all linear layers, 0–1: what no longer runs in integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The layers that went back to float, and why."""

    floating: tuple[str, ...]
    """Their names, in the order in which they were taken back."""
    sensitivities: tuple[Sensitivity, ...]
    """Of the layers that were measured, by gain for the cost; empty where all was well."""
    cosine: float
    """Mean cosine to float in the end."""


class Search:
    """Tries layers one by one, within a time."""

    def __init__(
        self,
        tower: Tower,
        ranges: Mapping[str, Range],
        rows: NDArray[Any],
        reference: Features,
        *,
        threads: int,
    ) -> None:
        """Take a tower, its ranges, and rows whose float features are known."""
        self._tower, self._ranges = tower, ranges
        self._rows, self._reference, self._threads = rows, reference, threads

    def run(
        self,
        histograms: Mapping[str, Histogram],
        *,
        target: float,
        seconds: float,
        report: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
    ) -> Found:
        """Take layers back until the mean cosine reaches ``target``, or time or layers are out."""
        reached, ends = self.cosine(()), time.monotonic() + seconds
        if reached >= target:
            return Found(floating=(), sensitivities=(), cosine=reached)
        ranked = self._ranked(histograms, reached, ends, report)
        floating: tuple[str, ...] = ()
        for done, layer in enumerate(ranked):
            if reached >= target or time.monotonic() > ends:
                break
            report("layers back to float", done, len(ranked))
            tried = self.cosine((*floating, layer.name))
            if tried > reached:
                floating, reached = (*floating, layer.name), tried
        return Found(floating=floating, sensitivities=tuple(ranked), cosine=reached)

    def cosine(self, floating: tuple[str, ...]) -> float:
        """Mean cosine to float with some layers in float."""
        model = self._tower.built(ranges=self._ranges, floating=floating)
        features = Runner(model, threads=self._threads).features(self._rows)
        return float(1 - deviation(features, self._reference).mean())

    def _ranked(
        self,
        histograms: Mapping[str, Histogram],
        reached: float,
        ends: float,
        report: Callable[[str, int, int], None],
    ) -> list[Sensitivity]:
        """Every layer taken back alone, those first that gain most for what they cost."""
        linears = self._tower.linears()
        products = {one.name: _products(one, histograms) for one in linears}
        total = sum(products.values())
        found = []
        for done, linear in enumerate(linears):
            if time.monotonic() > ends:
                break
            report("sensitivity", done, len(linears))
            gain = self.cosine((linear.name,)) - reached
            cost = products[linear.name] / total
            found.append(Sensitivity(name=linear.name, gain=gain, cost=cost))
        return sorted(found, key=lambda one: one.gain / one.cost, reverse=True)


def _products(linear: Linear, histograms: Mapping[str, Histogram]) -> float:
    """Multiplications of a layer for all rows that were watched."""
    return linear.inputs * linear.outputs * histograms[linear.entry].rows
