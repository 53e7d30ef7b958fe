"""Turns a float tower and rows for it into the ranges, scales and layers that measure best.

Does not know chips, files or bundles. Half of what it is given sets ranges, the rest judges them;
what is chosen here is proved later on rows that it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from satseek.quantize.observing import Runner, deviation, observe
from satseek.quantize.ranges import METHODS
from satseek.quantize.searching import Search
from satseek.quantize.smoothing import STRENGTHS, smoothed
from satseek.quantize.tuning import tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from satseek.quantize.ranges import Histogram, Method
    from satseek.quantize.rewriting import Tower
    from satseek.quantize.rounding import Range
    from satseek.quantize.searching import Sensitivity
    from satseek.types import Features

JUDGED = 4
"""Every fourth row judges, the others set ranges."""

SMOOTHED_METHODS = 2
"""Ways to choose ranges, the best ones, that are tried again on smoothed towers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is tried, and when it is enough."""

    target: float = 0.997
    """Mean cosine to float from which on no layer goes back to float: above the gate's 0.995, for
    other chips may do a little worse."""
    search_seconds: float = 600.0
    """Time for the search of sensitive layers, per tower."""
    finetune: bool = False
    """Whether the last projection is refitted, and kept so where that measures better."""
    threads: int = 0
    """Of one call; 0: all cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One way to make a tower integer and what it measured."""

    method: Method
    """How ranges were chosen."""
    smoothing: float | None
    """Strength of the smoothing; None: none."""
    cosine: float
    """Mean cosine to float on the judging rows."""
    least: float
    """Least of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A tower and how to write it in integers."""

    tower: Tower
    """Float weights, smoothed and refitted where that was better."""
    ranges: Mapping[str, Range]
    """By tensor."""
    floating: tuple[str, ...]
    """Layers that stay in float."""
    chosen: Trial
    """What was chosen."""
    trials: tuple[Trial, ...]
    """Everything that was tried, best first."""
    sensitivities: tuple[Sensitivity, ...]
    """Of the layers, where they were measured."""
    cosine: float
    """Mean cosine to float in the end, on the judging rows."""
    finetuned: bool = False
    """Whether the last projection was refitted."""

    def built(self) -> Any:
        """The ``onnx.ModelProto``."""
        return self.tower.built(ranges=self.ranges, floating=self.floating)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A trial and all it takes to write it."""

    trial: Trial
    ranges: Mapping[str, Range]
    histograms: Mapping[str, Histogram]


def calibrate(
    tower: Tower,
    rows: NDArray[Any],
    *,
    options: Options,
    report: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> Calibrated:
    """Choose ranges, smoothing, layers in float and, if asked, a new last projection.

    Args:
        tower: Float tower.
        rows: Its entries for real chips or texts, in an order that mixes kinds.
        options: How much is tried.
        report: Told a stage, steps done and all steps.
    """
    judge = _Judge(tower, rows, options, report)
    candidates = judge.candidates()
    best = candidates[0]
    chosen = judge.tower(best.trial.smoothing)
    search = Search(chosen, best.ranges, judge.judging, judge.reference, threads=options.threads)
    found = search.run(
        best.histograms, target=options.target, seconds=options.search_seconds, report=report
    )
    result = Calibrated(
        tower=chosen,
        ranges=best.ranges,
        floating=found.floating,
        chosen=best.trial,
        trials=tuple(one.trial for one in candidates),
        sensitivities=found.sensitivities,
        cosine=found.cosine,
    )
    return judge.refitted(result) if options.finetune else result


class _Judge:
    """Rows that set ranges, rows that judge, and what the float tower makes of the latter."""

    def __init__(
        self,
        tower: Tower,
        rows: NDArray[Any],
        options: Options,
        report: Callable[[str, int, int], None],
    ) -> None:
        chosen = [at for at in range(len(rows)) if at % JUDGED == 0]
        self.judging = rows[chosen]
        self.seen = rows[[at for at in range(len(rows)) if at % JUDGED]]
        self._tower, self._threads, self._report = tower, options.threads, report
        self._plain: Mapping[str, Histogram] = {}
        self.reference = self._features(tower.built(), self.judging)

    def candidates(self) -> list[_Candidate]:
        """Every method on the tower as it is, the best ones on smoothed towers too; best first."""
        self._plain = observe(self._tower, self.seen, threads=self._threads, report=self._report)
        tried = [self._tried(self._tower, self._plain, method, None) for method in METHODS]
        tried.sort(key=_worth, reverse=True)
        methods = [one.trial.method for one in tried[:SMOOTHED_METHODS]]
        for done, strength in enumerate(STRENGTHS):
            self._report("smoothing", done, len(STRENGTHS))
            easier = self.tower(strength)
            seen = observe(easier, self.seen, threads=self._threads)
            tried += [self._tried(easier, seen, method, strength) for method in methods]
        return sorted(tried, key=_worth, reverse=True)

    def tower(self, strength: float | None) -> Tower:
        """The tower smoothed by ``strength``; made anew each time, for it is large."""
        if strength is None:
            return self._tower
        return smoothed(self._tower, self._plain, strength=strength)

    def refitted(self, found: Calibrated) -> Calibrated:
        """The same with the last projection refitted, where a penalty makes it better."""
        wanted = self._features(self._tower.built(), self.seen)
        best = found
        for tower in tuned(
            found.tower,
            self.seen,
            wanted,
            ranges=found.ranges,
            floating=found.floating,
            threads=self._threads,
        ):
            cosine = self._cosines(replace(found, tower=tower).built())[0]
            if cosine > best.cosine:
                best = replace(found, tower=tower, cosine=cosine, finetuned=True)
        return best

    def _tried(
        self,
        tower: Tower,
        histograms: Mapping[str, Histogram],
        method: Method,
        smoothing: float | None,
    ) -> _Candidate:
        ranges = {entry: seen.range(method) for entry, seen in histograms.items()}
        cosine, least = self._cosines(tower.built(ranges=ranges))
        trial = Trial(method=method, smoothing=smoothing, cosine=cosine, least=least)
        return _Candidate(trial=trial, ranges=ranges, histograms=histograms)

    def _features(self, model: Any, rows: NDArray[Any]) -> Features:
        return Runner(model, threads=self._threads).features(rows)

    def _cosines(self, model: Any) -> tuple[float, float]:
        apart = deviation(self._features(model, self.judging), self.reference)
        return float(1 - apart.mean()), float(1 - apart.max())


def _worth(candidate: _Candidate) -> float:
    return candidate.trial.cosine
