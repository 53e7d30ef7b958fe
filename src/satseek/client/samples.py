"""JSON of a server → samples, places to be judged, and the areas that follow.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProgress:
    """How far people are with a sample, in places."""

    drawn: int
    """All of them."""
    open: int
    """Too few have judged them."""
    agreed: int
    """They count."""
    contested: int
    """People do not agree on them."""
    unclear: int
    """People cannot tell what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A stratified random sample of places that people judge."""

    name: str
    """Names it."""
    collection: str
    """Collection of its cells."""
    subject: str
    """What is to be said of each place."""
    unit: str
    """``cell`` or ``point``."""
    seed: int
    """With which it was drawn."""
    opinions: int
    """How many people are to judge each place."""
    labels: tuple[str, ...]
    """Answers that are taken, beside ``cannot tell``; empty: any."""
    strata: tuple[Mapping[str, Any], ...] = field(hash=False)
    """Name, area in m², cells and places drawn of each stratum."""
    made: datetime
    """When it was first drawn."""
    map: Mapping[str, str] = field(hash=False)
    """What else is to be known of the map."""
    progress: SampleProgress
    """How far people are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAnswer:
    """What one person said of a place."""

    who: str
    """Who."""
    label: str
    """What it is, or ``cannot tell``."""
    at: datetime
    """When."""
    comment: str
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceView:
    """A place at one date."""

    number: int
    """1 is the earliest date; see ``save_place_picture``."""
    chip_id: str
    """Chip that shows it."""
    datetime: datetime | None
    """When it was acquired; None: unknown, or the chip is gone."""
    mark: tuple[float, float, float, float] | None
    """Left, top, right, bottom of what is to be judged, as shares of the picture; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlace:
    """A place to be judged."""

    id: str
    """Its id."""
    sample: str
    """Of which sample."""
    collection: str
    """Collection of its chips."""
    subject: str
    """What is to be said of it."""
    labels: tuple[str, ...]
    """Answers that are taken; empty: any."""
    cell: str
    """In which cell it lies."""
    point: tuple[float, float] | None
    """Longitude and latitude of what is to be judged; None: the cell is."""
    footprint: Mapping[str, Any] | None = field(hash=False)
    """Of its cell, GeoJSON."""
    area_m2: float
    """Of its cell."""
    pictures: tuple[PlaceView, ...]
    """At each of its dates, earliest first."""
    answer: PlaceAnswer | None
    """What you said of it last; None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledPlace:
    """What the answers make of a place."""

    id: str
    """Its id."""
    standing: str
    """``open``, ``agreed``, ``contested`` or ``unclear``."""
    label: str | None
    """What it is, once agreed."""
    answered: int
    """People who have judged it."""
    answers: tuple[PlaceAnswer, ...]
    """The last one of each person; none while more are waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """Accuracy of a map, and the areas that follow from it."""

    sample: str
    """From which sample."""
    interval: str
    """How intervals were made: ``wilson`` or ``wald``."""
    judged: int
    """Places that count."""
    covered_ha: float
    """Area that the estimates speak of."""
    overall: Mapping[str, float | None] = field(hash=False)
    """Overall accuracy: value, standard_error, low and high, 0–1."""
    labels: tuple[str, ...]
    """Classes, in the order of rows and columns."""
    counts: tuple[tuple[int, ...], ...]
    """Error matrix in places: rows as the map has it, columns as it is."""
    proportions: tuple[tuple[float, ...], ...]
    """The same in shares of the area."""
    classes: tuple[Mapping[str, Any], ...] = field(hash=False)
    """Of each class mapped_ha, area_ha, users and producers, each with its 95 % interval."""
    strata: tuple[Mapping[str, Any], ...] = field(hash=False)
    """How each stratum was sampled."""
    notes: tuple[Mapping[str, str], ...] = field(hash=False)
    """What to be careful about: key, en, zh."""


def sample_of(answer: Json) -> Sample:
    """Read a sample."""
    names = ("name", "collection", "subject", "unit", "seed", "opinions", "map")
    return Sample(
        **{name: answer[name] for name in names},
        labels=tuple(answer["labels"]),
        strata=tuple(answer["strata"]),
        made=datetime.fromisoformat(answer["made"]),
        progress=SampleProgress(**answer["progress"]),
    )


def place_of(answer: Json) -> SamplePlace:
    """Read a place."""
    names = ("id", "sample", "collection", "subject", "cell", "footprint", "area_m2")
    point, own = answer["point"], answer["answer"]
    return SamplePlace(
        **{name: answer[name] for name in names},
        labels=tuple(answer["labels"]),
        point=None if point is None else (point[0], point[1]),
        pictures=tuple(_view(one) for one in answer["pictures"]),
        answer=None if own is None else _answer(own),
    )


def settled_of(answer: Json) -> SettledPlace:
    """Read what the answers make of a place."""
    return SettledPlace(
        **{name: answer[name] for name in ("id", "standing", "label", "answered")},
        answers=tuple(_answer(one) for one in answer["answers"]),
    )


def areas_of(answer: Json) -> Areas:
    """Read what was estimated."""
    names = ("sample", "interval", "judged", "covered_ha", "overall")
    return Areas(
        **{name: answer[name] for name in names},
        labels=tuple(answer["labels"]),
        counts=tuple(tuple(row) for row in answer["counts"]),
        proportions=tuple(tuple(row) for row in answer["proportions"]),
        classes=tuple(answer["classes"]),
        strata=tuple(answer["strata"]),
        notes=tuple(answer["notes"]),
    )


def _view(one: Json) -> PlaceView:
    mark, moment = one["mark"], one["datetime"]
    return PlaceView(
        number=one["number"],
        chip_id=one["chip_id"],
        datetime=datetime.fromisoformat(moment) if moment else None,
        mark=None if mark is None else (mark[0], mark[1], mark[2], mark[3]),
    )


def _answer(one: Json) -> PlaceAnswer:
    return PlaceAnswer(
        who=one["who"],
        label=one["label"],
        at=datetime.fromisoformat(one["at"]),
        comment=one["comment"],
    )
