"""What a watch is: a concept, ground and dates to look for it at, and when that is an alert.

Knows no file, no vector and no store: the nouns of a watch, and what can be wrong with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import InvalidName, InvalidRequest
from satseek.index.checks import check_name
from satseek.index.filters import check_area

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from satseek.types import GeoJSON

Aim: TypeAlias = Literal["background_quantile", "precision", "recall"]
"""What an operating point holds to: a share of the background that stays below the cut, or what is
expected at the cut by labelled feedback."""

AIMS: tuple[Aim, ...] = ("background_quantile", "precision", "recall")
"""All of them, as they are written."""

BACKGROUND_QUANTILE = 0.995
"""One cell of two hundred of the ground as it was at first would seed an alert, if its looks alone
counted: a cell must have changed as well."""

GROW_QUANTILE = 0.97
"""Cells beside a seed belong to it from here on: the seed's share, six times."""

MAX_LETTERS = 58
"""Of a watch's name: its schedule is called ``watch-NAME``, and names have at most 64."""

MAX_PERSISTENCE = 24
"""Dates over which sightings are counted: two years of months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedConcept:
    """What is looked for."""

    label: str
    """What an alert of it is called, such as ``mine``."""
    prompts: tuple[str, ...] = ()
    """Words for it."""
    negatives: tuple[str, ...] = ()
    """Words for what is mistaken for it: hard negatives."""
    liked: tuple[str, ...] = ()
    """Chips that show it: ``collection/chip id``."""
    disliked: tuple[str, ...] = ()
    """Chips that do not, however near they came: ``collection/chip id``."""
    saved: str = ""
    """A saved concept whose words and chips count as well, ``mines`` or ``mines@3``; empty: none.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedScenes:
    """Where new scenes come from; as a job that indexes is told."""

    folder: str
    """Folder, scene, STAC document, table of STAC items, or address of a STAC API."""
    search: Mapping[str, Any] | None = field(default=None, hash=False)
    """What a STAC API is asked for: ``collections``, ``bbox``, ``datetime``, ``query``, ``ids``,
    ``max_items``; None: ``folder`` is no API."""
    allow: tuple[str, ...] = ()
    """Folders, hosts and buckets that a STAC document may lead to besides its own place."""
    here: bool = False
    """True: a person at this machine's terminal named it, so that it may lie anywhere."""
    recipe: str | None = None
    """Radiometric recipe of a collection that is not there yet; None: auto."""
    chip_px: int | None = None
    """Chip edge in pixels of such a collection; None: 256."""
    stride_px: int | None = None
    """Step from chip to chip; None: the edge."""
    pixel_size: float | None = None
    """Metres per pixel; None: each scene's own."""
    crs: str | None = None
    """CRS of its grid; None: each scene's own."""
    min_valid: float | None = None
    """Least valid fraction of a chip, 0–1; None: 0.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedHours:
    """When a watch is run."""

    cron: str
    """Five fields as in crontab(5)."""
    timezone: str = "UTC"
    """IANA zone that the fields are read in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Where the cut lies: never a constant, always a place in what was measured."""

    aim: Aim = "background_quantile"
    """What is held to."""
    value: float = BACKGROUND_QUANTILE
    """Of it, above 0 and below 1."""
    grow_quantile: float = GROW_QUANTILE
    """Background quantile from which a cell beside a seed belongs to it, above 0 and below 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRule:
    """On how many dates something must be seen."""

    seen: int = 1
    """Sightings that make an alert; positive."""
    of: int = 1
    """Latest looks at a cell among which they are counted, the newest included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is watched for; every version of it is kept."""

    name: str
    """Letters, digits and ``-_.``, at most 64."""
    collection: str
    """Where its scenes are indexed, and looked at."""
    concept: WatchedConcept
    """What is looked for."""
    scenes: WatchedScenes | None = None
    """Where new scenes come from; None: whatever somebody else indexes into the collection."""
    area: GeoJSON | None = field(default=None, hash=False)
    """AOI on WGS 84; None: all of the collection."""
    since: date | None = None
    """Alerts are of what was not there on this day or before; None: at the first look at a place.
    """
    hours: WatchedHours | None = None
    """When it is run; None: when somebody does."""
    permits: GeoJSON | None = field(default=None, hash=False)
    """Ground on which it is allowed, on WGS 84; None: nothing is known of permits."""
    exclusions: GeoJSON | None = field(default=None, hash=False)
    """Ground that is not looked at: sites that are known, towns, water; None: none."""
    operating_point: OperatingPoint = OperatingPoint()
    """Where the cut lies."""
    persistence: SightingRule = SightingRule()
    """On how many dates it must be seen."""
    neighbours: float = 0.25
    """What the mean of a cell's neighbours counts in its score, 0–1: what is looked for is larger
    than a cell, more often than not."""
    least_cells: int = 1
    """Minimum mapping unit in cells; positive."""
    least_area_ha: float = 0.0
    """Minimum mapping unit on the ground, hectares."""
    existing: Literal["known", "alert"] = "known"
    """``known``: what was there at first is no alert; ``alert``: it is."""
    level: int = 1
    """Size of the chips that are looked at, as a multiple of the grid's."""
    least_valid: float = 0.5
    """Least share of a cell that must have been measured for it to count as seen, 0–1."""
    deliver: tuple[str, ...] = ()
    """Names of the channels, as the settings have them, that are told of its alerts; none: alerts
    wait in the review queue alone."""
    version: int = 0
    """1 for the first one under the name; each change is another version."""
    created: datetime | None = None
    """When this version was saved, UTC."""


def check_watch(watch: Watch) -> Watch:
    """Give a watch whose numbers and names can be.

    Raises:
        InvalidName, InvalidRequest: one of them cannot; says which.
    """
    check_name(watch.name, "watch")
    if len(watch.name) > MAX_LETTERS:
        raise InvalidName(f"watch name: expected at most {MAX_LETTERS} letters, came {watch.name}")
    check_name(watch.collection)
    _check_concept(watch.concept)
    _check_point(watch.operating_point)
    _check_numbers(watch)
    if watch.existing not in ("known", "alert"):
        raise InvalidRequest(f"existing: expected known or alert, came {watch.existing!r}")
    return replace(
        watch,
        area=None if watch.area is None else check_area(watch.area),
        permits=None if watch.permits is None else check_area(watch.permits),
        exclusions=None if watch.exclusions is None else check_area(watch.exclusions),
    )


def check_chips(chips: Iterable[str]) -> tuple[str, ...]:
    """Give chips that are named as ``COLLECTION/CHIP``, none twice; raises InvalidRequest."""
    given = tuple(dict.fromkeys(chips))
    for chip in given:
        collection, slash, own = chip.partition("/")
        if not (collection and slash and own):
            raise InvalidRequest(f"chip: expected COLLECTION/CHIP, came {chip[:80]!r}")
    return given


def _check_concept(concept: WatchedConcept) -> None:
    if not (concept.prompts or concept.liked or concept.saved):
        raise InvalidRequest(
            "concept: expected words for it (prompts), a chip that shows it (liked) or a saved one"
        )
    for text in (*concept.prompts, *concept.negatives):
        if not text.strip():
            raise InvalidRequest("concept: expected words, came an empty prompt or negative")
    if not concept.label.strip():
        raise InvalidRequest("concept: expected a label that alerts are called by, such as mine")
    check_chips((*concept.liked, *concept.disliked))


def _check_point(point: OperatingPoint) -> None:
    if point.aim not in AIMS:
        raise InvalidRequest(f"operating point: expected {', '.join(AIMS)}, came {point.aim!r}")
    for name, share in ((point.aim, point.value), ("grow_quantile", point.grow_quantile)):
        if not 0 < share < 1:
            raise InvalidRequest(f"{name}: expected a share above 0 and below 1, came {share}")
    if point.aim == "background_quantile" and point.grow_quantile > point.value:
        raise InvalidRequest(
            f"grow_quantile: expected at most the background_quantile {point.value}, "
            f"came {point.grow_quantile}"
        )


def _check_numbers(watch: Watch) -> None:
    seen, of = watch.persistence.seen, watch.persistence.of
    if not 1 <= seen <= of <= MAX_PERSISTENCE:
        raise InvalidRequest(
            f"persistence: expected 1 <= seen <= of <= {MAX_PERSISTENCE}, came {seen} of {of}"
        )
    for name in ("neighbours", "least_valid"):
        if not 0 <= getattr(watch, name) <= 1:
            raise InvalidRequest(
                f"{name}: expected a share from 0 to 1, came {getattr(watch, name)}"
            )
    if watch.least_cells < 1 or watch.level < 1:
        raise InvalidRequest("least_cells, level: expected numbers from 1 on")
    if not (watch.least_area_ha >= 0 and math.isfinite(watch.least_area_ha)):
        raise InvalidRequest(f"least_area_ha: expected 0 or more, came {watch.least_area_ha}")
