"""A map's classes and what a sample of places really is → areas that can be defended.

Does not know where the sample was drawn, who answered, or what a report looks like. Areas counted
from a map carry the map's mistakes; here they follow from a stratified random sample: Olofsson et
al. (2014), "Good practices for estimating area and assessing accuracy of land change", Remote
Sensing of Environment 148, 42–57 (equations 1–11), in the form of Stehman (2014), International
Journal of Remote Sensing 35, 4923–4939, which gives the same where the strata are the map's
classes, and also holds where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.monitor.areas.counting import Counts, count
from satseek.monitor.areas.intervals import ratio_of, share_of
from satseek.monitor.areas.notes import Note, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.monitor.areas.intervals import Estimate, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A part of the mapped ground out of which a sample was drawn at random."""

    name: str
    """Mostly a class of the map, or of change: ``forest``, ``forest → mine``."""
    area_m2: float
    """All of it, measured on an equal-area projection."""
    cells: int | None = None
    """Cells it has, of which some were drawn; None: points were drawn, of which there is no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One place of the sample, with what the map says and what it really is."""

    stratum: str
    """From which it was drawn."""
    mapped: str
    """Label on the map."""
    reference: str
    """Label that people gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelArea:
    """What is known of one class."""

    label: str
    """The class."""
    mapped_m2: float | None
    """Area on the map; None: not given, as the strata are not the map's classes."""
    area_m2: Estimate
    """Error-adjusted area, with its standard error and 95 % confidence interval."""
    users: Estimate | None
    """User's accuracy, 0–1: of what the map calls so, how much is; None: the sample has none."""
    producers: Estimate | None
    """Producer's accuracy, 0–1: of what is so, how much the map found; None: none was seen."""
    mapped_places: int
    """Places of the sample that the map calls so."""
    reference_places: int
    """Places of the sample that are so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumCount:
    """How a stratum was sampled."""

    stratum: Stratum
    """The stratum."""
    judged: int
    """Places in it that were judged; none: it is not among what the estimates speak of."""
    right: int
    """Of these, where the map says what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaEstimates:
    """Accuracy of a map, and the areas that follow from it."""

    labels: tuple[str, ...]
    """Classes, in the order of rows and columns."""
    counts: tuple[tuple[int, ...], ...]
    """Error matrix in places: rows as the map has it, columns as it is."""
    proportions: tuple[tuple[float, ...], ...]
    """Error matrix in shares of the area; sums to 1."""
    overall: Estimate
    """Overall accuracy, 0–1."""
    classes: tuple[LabelArea, ...]
    """Of each label, in their order."""
    strata: tuple[StratumCount, ...]
    """How each stratum was sampled, those without any judged place as well."""
    interval: Interval
    """How intervals were made."""
    covered_m2: float
    """Area that the estimates speak of: all strata with judged places."""
    notes: tuple[Note, ...] = ()
    """What the reader should be careful about."""

    @property
    def judged(self) -> int:
        """Places that were judged."""
        return sum(one.judged for one in self.strata)

    def of(self, label: str) -> LabelArea:
        """Give one class.

        Raises:
            InvalidRequest: there is none of that name.
        """
        found = next((one for one in self.classes if one.label == label), None)
        if found is None:
            raise InvalidRequest(f"expected one of {', '.join(self.labels)}, came {label!r}")
        return found


def estimate_areas(
    strata: Sequence[Stratum],
    judged: Sequence[Judged],
    *,
    mapped_m2: Mapping[str, float] | None = None,
    labels: Sequence[str] = (),
    interval: Interval = "wilson",
) -> AreaEstimates:
    """Estimate accuracies and areas from a stratified random sample.

    A stratum without any judged place is left out, and that is told: the estimates then speak of
    the rest, ``covered_m2``.

    Args:
        strata: All of the ground that was mapped, in parts without overlap.
        judged: The sample, in any order.
        mapped_m2: Area of each class on the map; None: the strata are the map's classes, or else
            it is not known.
        labels: Classes in the order wanted; others follow behind them.
        interval: ``wald`` as the paper has it; ``wilson`` is sound for small samples as well.

    Raises:
        InvalidRequest: a place of an unknown stratum, more places than a stratum has cells, an area
            that is not positive, nothing judged at all, or one place alone under ``wald``.
    """
    counted = count(strata, judged, labels=labels)
    if interval == "wald" and counted.single:
        raise InvalidRequest(
            f"stratum {counted.single[0]!r} has one judged place, from which wald has no standard "
            "error: judge another one, or use wilson"
        )
    known = _mapped(counted, strata) if mapped_m2 is None else mapped_m2
    return AreaEstimates(
        labels=counted.labels,
        counts=tuple(tuple(row) for row in counted.places.sum(axis=0).tolist()),
        proportions=tuple(tuple(row) for row in counted.shares.tolist()),
        overall=share_of(counted.strata, counted.right, interval=interval),
        classes=tuple(
            _label_area(counted, at, known, interval) for at in range(len(counted.labels))
        ),
        strata=tuple(_stratum_count(one, judged) for one in strata),
        interval=interval,
        covered_m2=counted.area_m2,
        notes=tuple(_notes(strata, counted)),
    )


def _label_area(
    counted: Counts, at: int, known: Mapping[str, float] | None, interval: Interval
) -> LabelArea:
    mapped = counted.places[:, at, :].sum(axis=1)
    is_so = counted.places[:, :, at].sum(axis=1)
    both = counted.places[:, at, at]
    name = counted.labels[at]
    share = share_of(counted.strata, is_so, interval=interval)
    return LabelArea(
        label=name,
        mapped_m2=None if known is None else known.get(name, 0.0),
        area_m2=share.scaled(counted.area_m2),
        users=ratio_of(counted.strata, both, mapped, interval=interval),
        producers=ratio_of(counted.strata, both, is_so, interval=interval),
        mapped_places=int(mapped.sum()),
        reference_places=int(is_so.sum()),
    )


def _mapped(counted: Counts, strata: Sequence[Stratum]) -> Mapping[str, float] | None:
    """Take each stratum's area for its class's where every place of it is mapped as its name."""
    return {one.name: one.area_m2 for one in strata} if counted.strata_are_classes else None


def _stratum_count(stratum: Stratum, judged: Sequence[Judged]) -> StratumCount:
    own = [one for one in judged if one.stratum == stratum.name]
    return StratumCount(
        stratum=stratum,
        judged=len(own),
        right=sum(one.mapped == one.reference for one in own),
    )


def _notes(strata: Sequence[Stratum], counted: Counts) -> Iterator[Note]:
    missing = [one for one in strata if one.name not in counted.names]
    if missing:
        area, whole = (sum(one.area_m2 for one in part) for part in (missing, strata))
        names = listed(one.name for one in missing)
        yield Note(key="left out", values={"strata": names, "share": area / whole})
    if counted.single:
        yield Note(key="single", values={"strata": listed(counted.single)})
    if len(counted.names) == 1:
        yield Note(key="plain")
    unseen = [name for name in counted.labels if not counted.seen(name)]
    if unseen:
        yield Note(key="unseen", values={"labels": listed(unseen)})
