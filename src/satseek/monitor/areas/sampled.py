"""A sample and what people said of its places → its map's accuracy and honest areas.

Does not know where samples are kept. What was not judged is told, never guessed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.monitor.areas.estimating import estimate_areas
from satseek.monitor.areas.notes import Note
from satseek.monitor.samples.sample import alike, judged_of, progress_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.areas.estimating import AreaEstimates
    from satseek.monitor.areas.intervals import Interval
    from satseek.monitor.samples.sample import Sample, Settled

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


def _notes(sample: Sample, settled: Sequence[Settled]) -> Iterator[Note]:
    progress = progress_of(settled)
    left = progress.drawn - progress.agreed
    if left:
        values = {
            "left": left,
            "drawn": progress.drawn,
            "open": progress.open,
            "contested": progress.contested,
            "unclear": progress.unclear,
        }
        yield Note(key="not counted", values=values)
    several, same = alike(settled)
    if several:
        yield Note(key="several", values={"several": several, "same": same})
    if sample.unit == "cell":
        if sample.uneven > EVEN:
            yield Note(key="uneven", values={"share": sample.uneven})
        yield Note(key="whole cells")
