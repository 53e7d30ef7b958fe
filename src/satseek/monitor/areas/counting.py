"""Judged places → how many of them each stratum has of each class, checked.

Does not know what is estimated from the counts.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.monitor.areas.intervals import Strata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.monitor.areas.estimating import Judged, Stratum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """The sample as numbers; strata without a judged place are not among them."""

    labels: tuple[str, ...]
    """Classes."""
    names: tuple[str, ...]
    """Strata."""
    strata: Strata
    """How they were sampled."""
    places: NDArray[np.int64]
    """Shape (strata, classes, classes): as the map has it, as it is."""
    area_m2: float
    """Of these strata together."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Error matrix in shares of the area (Olofsson et al. 2014, equation 4)."""
        within = self.places / self.strata.places[:, None, None]
        return np.asarray(np.einsum("h,hij->ij", self.strata.weights, within))

    @property
    def right(self) -> NDArray[np.int64]:
        """Shape (strata,): places where the map says what they are."""
        return np.asarray(np.trace(self.places, axis1=1, axis2=2))

    @property
    def single(self) -> tuple[str, ...]:
        """Strata with one judged place though they have more."""
        alone = (self.strata.places == 1) & (self.strata.left > 0)
        return tuple(name for name, is_alone in zip(self.names, alone, strict=True) if is_alone)

    @property
    def strata_are_classes(self) -> bool:
        """Whether each stratum is all that the map calls by its name."""
        mapped = self.places.sum(axis=2)
        own = [self.labels.index(name) if name in self.labels else None for name in self.names]
        return all(
            at is not None and row[at] == row.sum() for at, row in zip(own, mapped, strict=True)
        )

    def seen(self, label: str) -> int:
        """Count the places that are so."""
        return int(self.places[:, :, self.labels.index(label)].sum())


def count(strata: Sequence[Stratum], judged: Sequence[Judged], *, labels: Sequence[str]) -> Counts:
    """Count judged places.

    Raises:
        InvalidRequest: they and the strata do not go together, or there is nothing to count.
    """
    by_stratum = Counter(one.stratum for one in judged)
    _check(strata, by_stratum)
    used = [one for one in strata if by_stratum[one.name]]
    names = tuple(one.name for one in used)
    classes = _classes(labels, names, judged)
    stratum_at, class_at = ({name: at for at, name in enumerate(n)} for n in (names, classes))
    places = np.zeros((len(names), len(classes), len(classes)), dtype=np.int64)
    for one in judged:
        places[stratum_at[one.stratum], class_at[one.mapped], class_at[one.reference]] += 1
    areas = np.array([one.area_m2 for one in used])
    drawn = np.array([by_stratum[name] for name in names])
    left = [1.0 if s.cells is None else 1 - by_stratum[s.name] / s.cells for s in used]
    return Counts(
        labels=classes,
        names=names,
        strata=Strata(weights=areas / areas.sum(), places=drawn, left=np.array(left)),
        places=places,
        area_m2=float(areas.sum()),
    )


def _classes(
    labels: Sequence[str], strata: Sequence[str], judged: Sequence[Judged]
) -> tuple[str, ...]:
    """Order the classes: those asked for, what the map has, then what else was found."""
    mapped = {one.mapped for one in judged}
    found = mapped | {one.reference for one in judged}
    named = [name for name in strata if name in found]
    return tuple(dict.fromkeys([*labels, *named, *sorted(mapped), *sorted(found)]))


def _check(strata: Sequence[Stratum], drawn: Counter[str]) -> None:
    names = [one.name for one in strata]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"strata: expected each once, {twice!r} came twice")
    if unknown := sorted(drawn.keys() - set(names)):
        raise InvalidRequest(
            f"judged places of stratum {unknown[0]!r}: expected one of {', '.join(names)}"
        )
    for one in strata:
        if not (math.isfinite(one.area_m2) and one.area_m2 > 0):
            raise InvalidRequest(
                f"stratum {one.name!r}: expected a positive area, came {one.area_m2} m²"
            )
        if one.cells is not None and drawn[one.name] > one.cells:
            raise InvalidRequest(
                f"stratum {one.name!r}: expected at most its {one.cells} cells, came "
                f"{drawn[one.name]} judged ones"
            )
    if not drawn:
        raise InvalidRequest("expected judged places, came none: answer some of the sample first")
