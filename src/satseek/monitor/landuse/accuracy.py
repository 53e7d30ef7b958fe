"""A land-use map and the samples that were drawn from it → sections of its report.

Does not know how the report is written. A sample speaks of one map alone: of another model, other
labels or scenes that came since nothing is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.monitor.areas.reporting import areas_section, subject_of
from satseek.monitor.areas.sampled import estimate_sample
from satseek.monitor.landuse.sampling import ARROW, sampling_frame
from satseek.monitor.landuse.words import class_names
from satseek.monitor.samples.strata import gather_rare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index.pinned import Pinned
    from satseek.monitor.areas.estimating import AreaEstimates
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.reports.report import Language, Section
    from satseek.monitor.samples.drawing import SamplingFrame
    from satseek.monitor.samples.keeping import Samples
    from satseek.monitor.samples.sample import Sample

DATE, SINCE, GATHERED = "date", "since", "strata of fewer cells are one"
"""Under which a sample tells of what map it is, see ``Sample.told``."""


def told_of(found: LandUse, *, date: str, since: str | None, gathered: int) -> dict[str, str]:
    """Say of what map a sample is, so that the map is known again."""
    told = {DATE: date, SINCE: since or "", GATHERED: str(gathered)}
    return told | {"model": found.model, "label set": f"{found.labels.name} {found.labels.digest}"}


def frame_of(
    found: LandUse, *, index: Pinned, date: str, since: str | None, gathered: int
) -> SamplingFrame:
    """Lay the cells of a map out for sampling; raises as ``sampling_frame``."""
    frame = sampling_frame(found, index=index, date=date, since=since)
    return gather_rare(frame, least=gathered)


def frame_again(sample: Sample, found: LandUse, *, index: Pinned) -> SamplingFrame:
    """Lay the cells out that a sample was drawn from.

    Raises:
        InvalidRequest: the sample is not of land use, or its dates are not among those found.
    """
    told = sample.told
    if DATE not in told:
        raise InvalidRequest(f"sample {sample.name!r} was not drawn from a land-use map")
    return frame_of(
        found,
        index=index,
        date=told[DATE],
        since=told.get(SINCE) or None,
        gathered=int(told.get(GATHERED, "0")),
    )


def accuracy_sections(
    found: LandUse, *, index: Pinned, samples: Samples, language: Language = "en"
) -> Iterator[Section]:
    """Give a section for each sample of this very map of which something was judged.

    Args:
        found: The map.
        index: The generation that it was read from.
        samples: All samples.
        language: Of the sections.
    """
    for sample in samples.all():
        if sample.collection != found.collection or not _is_of(sample, found, index):
            continue
        settled = samples.settled(sample.name)
        if any(one.label is not None for one in settled):
            yield areas_section(
                _called(estimate_sample(sample, settled), found, language),
                subject=subject_of(sample, language),
                language=language,
            )


def _called(estimates: AreaEstimates, found: LandUse, language: Language) -> AreaEstimates:
    """Name classes, and changes from one to another, as the rest of the report does."""
    known = dict(zip(found.names, class_names(found.labels, found.names, language), strict=True))

    def called(label: str) -> str:
        return ARROW.join(known.get(one, one) for one in label.split(ARROW))

    return replace(
        estimates,
        labels=tuple(map(called, estimates.labels)),
        classes=tuple(replace(one, label=called(one.label)) for one in estimates.classes),
    )


def _is_of(sample: Sample, found: LandUse, index: Pinned) -> bool:
    try:
        return sample.frame == frame_again(sample, found, index=index).digest
    except InvalidRequest:  # of a date that is not among these
        return False
