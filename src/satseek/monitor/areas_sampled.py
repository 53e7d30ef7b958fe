"""A sample and what people said of its places → its map's accuracy and honest areas.

Does not know where samples are kept. What was not judged is told, never guessed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.monitor.areas import estimate_areas
from satseek.monitor.samples import alike, judged_of, progress_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.areas import AreaEstimates
    from satseek.monitor.areas_intervals import Interval
    from satseek.monitor.samples import Sample, Settled

EVEN = 0.01
"""Cells of a stratum whose areas differ by less from their mean are of one size: what their areas
would change in a share is far below any interval of a sample."""


def estimate_sample(
    sample: Sample, settled: Sequence[Settled], *, interval: Interval = "wilson"
) -> AreaEstimates:
    """Estimate accuracies and areas from what was said of a sample's places.

    Args:
        sample: How it was drawn.
        settled: All of its places, as ``Samples.settled`` gives them.
        interval: See ``areas.estimate_areas``.

    Raises:
        InvalidRequest: no place is agreed upon yet, or as ``areas.estimate_areas``.
    """
    found = estimate_areas(
        sample.strata, judged_of(settled), mapped_m2=sample.mapped_m2, interval=interval
    )
    return replace(found, notes=(*_notes(sample, settled), *found.notes))


def _notes(sample: Sample, settled: Sequence[Settled]) -> Iterator[str]:
    progress = progress_of(settled)
    left = progress.drawn - progress.agreed
    if left:
        yield (
            f"{left} of {progress.drawn} places do not count: {progress.open} wait for an answer, "
            f"on {progress.contested} people do not agree, of {progress.unclear} they cannot tell; "
            "if these are of another kind than the rest, the figures lean"
        )
    several, same = alike(settled)
    if several:
        yield f"{several} places were judged by several people, who agree on {same} of them"
    if sample.unit == "cell" and sample.uneven > EVEN:
        yield (
            f"cells of one stratum differ by up to {sample.uneven:.1%} from their mean area, and "
            "count alike; where that matters, draw points"
        )
    if sample.unit == "cell":
        yield "areas are those of whole cells, each by what covers most of it"
