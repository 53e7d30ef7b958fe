"""A small world of chips in every odd place, what happens to it, and filters drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from contract.indexes import block, chip, scene, units
from hypothesis import strategies as st
from towers import DIM as WORDS_DIM
from towers import ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.index import ExactIndex, bbox_area
from satseek.search.searching import query_vector
from satseek.types import Filter, Query

if TYPE_CHECKING:
    from contract.indexes import Filling

    from satseek.types import Chip, GeoJSON, Vectors

DAY = timedelta(days=1)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 10
EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
WORDS = ("a", "harbour", "river", "forest", "bridge", "field", "airport", "above")
"""Each is a query: every index is asked with its vector, a federation with itself."""

PROPERTIES: dict[str, dict[str, object]] = {
    "s1": {"cover": 20, "kind": "a"},
    "s2": {"cover": 60, "kind": "b"},
    "s3": {"cover": 60.5, "kind": "a", "night": True},
    "s4": {"kind": "c", "view": {"angle": 3}},
    "s5": {},
}
CHIPS = 60
"""Of each scene."""
SHARED = 6
"""Vectors that a third of all chips share."""


def asked() -> Vectors:
    """Give the vector of each word, as a search makes it."""
    nowhere = ExactIndex(WORDS_DIM)
    found = [query_vector(Query(text=one), index=nowhere, embedder=EMBEDDER) for one in WORDS]
    return np.concatenate(found)


def fill(index: Filling) -> None:
    """Add scenes, replace some chips, remove some, and bring one scene in anew with fewer."""
    rng = np.random.default_rng(11)
    made = {name: [_chip(name, n, rng) for n in range(CHIPS)] for name in PROPERTIES}
    for name, properties in PROPERTIES.items():
        index.add_blocks([block(scene(name, **properties), made[name], _vectors(rng, CHIPS))])
    replaced = [_chip(name, n, rng) for name in ("s1", "s2") for n in range(0, CHIPS, 4)]
    index.add(replaced, _vectors(rng, len(replaced)))
    index.remove([one.id for name in ("s2", "s3") for one in made[name][1::5]])
    again = [_chip("s4", n, rng) for n in range(CHIPS // 2)]
    changed = scene("s4", **PROPERTIES["s4"], cover=20)
    index.add_blocks([block(changed, again, _vectors(rng, len(again)))])
    index.add([chip("lone", scene_id="s6")], units(5, 1, WORDS_DIM))


def _vectors(rng: np.random.Generator, count: int) -> Vectors:
    """Draw vectors of which many are equal to the bit."""
    own = units(int(rng.integers(2**31)), count, WORDS_DIM)
    shared = rng.random(count) < 1 / 3
    own[shared] = units(4, SHARED, WORDS_DIM)[rng.integers(0, SHARED, int(shared.sum()))]
    return own


def _chip(scene_id: str, number: int, rng: np.random.Generator) -> Chip:
    dated = rng.random() < 0.85
    return chip(
        f"{number:02d}",
        scene_id=scene_id,
        footprint=_footprint(rng),
        datetime=NEW_YEAR + int(rng.integers(DAYS)) * DAY if dated else None,
        level=int(rng.choice([1, 1, 2, 4])),
    )


def _footprint(rng: np.random.Generator) -> GeoJSON | None:
    """Draw nothing, a box, a slanted square, or a box across the antimeridian."""
    west, south = int(rng.integers(-18, 18)) * 10.0, int(rng.integers(-8, 8)) * 10.0
    return (
        None,
        bbox_area(west, south, west + 10, south + 10),
        polygon(
            (west + 5, south), (west + 10, south + 5), (west + 5, south + 10), (west, south + 5)
        ),
        bbox_area(175, south, -175, south + 10),
    )[int(rng.choice(4, p=[0.1, 0.45, 0.35, 0.1]))]


def polygon(*corners: tuple[float, float]) -> GeoJSON:
    ring = [[*corner] for corner in (*corners, corners[0])]
    return {"type": "Polygon", "coordinates": [ring]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A box turned by some degrees: slanted wherever it lies, also across the antimeridian."""

    x: int
    y: int
    width: int
    height: int
    degrees: int

    def area(self) -> GeoJSON:
        angle = np.radians(self.degrees)
        across = np.array([np.cos(angle), np.sin(angle)]) * self.width / 2
        up = np.array([-np.sin(angle), np.cos(angle)]) * self.height / 2
        middle = np.array([self.x, self.y])
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        corners = [middle + one * across + two * up for one, two in signs]
        return polygon(*((float(x), float(np.clip(y, -90, 90))) for x, y in corners))


TENS = st.integers(-18, 17).map(lambda tens: tens * 10)
BOXES = st.builds(
    lambda x, y, wide, high: bbox_area(x, y, min(x + wide, 180), min(y + high, 90)),
    TENS,
    st.integers(-9, 8).map(lambda tens: tens * 10),
    st.sampled_from([5, 10, 40, 200]),
    st.sampled_from([5, 10, 60]),
)
CROSSING = st.builds(
    lambda west, east, low: bbox_area(west, low, east, low + 40),
    st.integers(150, 179),
    st.integers(-179, -150),
    st.integers(-80, 40),
)
TURNED = st.builds(
    Turned,
    x=st.integers(-190, 190),
    y=st.integers(-60, 60),
    width=st.sampled_from([7, 30, 90]),
    height=st.sampled_from([7, 25, 50]),
    degrees=st.integers(1, 89),
).map(Turned.area)
RINGED = st.builds(
    lambda x, y: {
        "type": "Polygon",
        "coordinates": [
            bbox_area(x, y, x + 60, y + 40)["coordinates"][0],
            bbox_area(x + 10, y + 10, x + 50, y + 30)["coordinates"][0][::-1],
        ],
    },
    st.integers(-18, 11).map(lambda tens: tens * 10),
    st.integers(-9, 4).map(lambda tens: tens * 10),
)
PAIRS = st.builds(
    lambda one, other: {
        "type": "GeometryCollection",
        "geometries": [one, other],
    },
    BOXES,
    TURNED,
)
AREAS = st.one_of(st.none(), st.none(), BOXES, CROSSING, TURNED, RINGED, PAIRS)
MOMENTS = st.one_of(st.none(), st.none(), st.integers(-1, DAYS).map(lambda n: NEW_YEAR + n * DAY))
SCENES = st.sampled_from([(), (), (), ("s1",), ("s2", "s9"), ("s4", "s6"), ("s9",)])
ATTRIBUTES = st.sampled_from(
    [
        {},
        {},
        {},
        {"cover": {"lte": 20}},
        {"cover": {"gt": 20}, "kind": "b"},
        {"kind": ["a", "c"]},
        {"view.angle": {"lt": 10}},
        {"night": True},
        {"cover": {"ne": 60}},
        {"nothing": 1},
    ]
)
LEVELS = st.sampled_from([(), (), (), (1,), (2, 4), (3,)])


def _filter(**parts: object) -> Filter:
    first, last = parts["start"], parts["end"]
    if first is not None and last is not None and last < first:  # type: ignore[operator]
        parts["start"], parts["end"] = last, first
    return Filter(**parts)  # type: ignore[arg-type]


ALL_AT_ONCE = st.builds(
    _filter,
    area=AREAS,
    start=MOMENTS,
    end=MOMENTS,
    scene_ids=SCENES,
    attributes=ATTRIBUTES,
    levels=LEVELS,
)
FILTERS = st.one_of(
    st.builds(Filter, area=AREAS),
    st.builds(_filter, start=MOMENTS, end=MOMENTS, levels=LEVELS),
    st.builds(Filter, scene_ids=SCENES, attributes=ATTRIBUTES),
    ALL_AT_ONCE,
)
"""One thing asked at a time, or all: together they leave few chips or none."""
