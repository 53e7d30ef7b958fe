"""What a section of a report is made of: texts, facts, tables, maps, pairs of images, charts.

Knows no page: how a block looks is the renderers' business. Every text is plain, in the report's
language; renderers escape it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.export.ground_map import GroundMap
    from satseek.types import BBox, GeoJSON, Pixels, Recipe, Scene

Tone: TypeAlias = Literal["plain", "good", "warning", "bad", "unknown"]
"""How something is meant; renderers show it by a sign and a colour, never by colour alone."""

Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, 0–255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A word that is meant as good or bad, such as the light of a parcel."""

    text: str
    """The word itself: it is read without its colour, too."""
    tone: Tone
    """How it is meant."""


Cell: TypeAlias = str | int | float | datetime | Mark | None
"""What stands in a table: numbers are written by their column's decimals, dates by day; None is a
dash: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    """Head of the column; with its unit in it, such as ``area (ha)``."""
    kind: Literal["text", "number", "share"] = "text"
    """``number`` stands at the right; ``share``, 0–1, is written in percent with a bar."""
    decimals: int = 0
    """Digits behind the point."""
    weight: float = 1.0
    """Its width beside the others' on paper; positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Paragraphs."""

    paragraphs: tuple[str, ...]
    """Each one a paragraph, plain."""
    tone: Tone = "plain"
    """``warning`` and ``bad`` are framed: what must not be overlooked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names and values, in order."""

    rows: tuple[tuple[str, str], ...]
    """Name and value; a row whose value is empty is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head."""

    caption: str
    """What the table shows, in a few words."""
    columns: tuple[Column, ...]
    """At least one."""
    rows: tuple[tuple[Cell, ...], ...]
    """As many cells as columns each."""
    total: tuple[Cell, ...] | None = None
    """Last row, set apart; None: none."""
    note: str = ""
    """Below it: what the figures are of."""

    def __post_init__(self) -> None:
        rows = self.rows if self.total is None else (*self.rows, self.total)
        odd = next((row for row in rows if len(row) != len(self.columns)), None)
        if odd is not None:
            raise InvalidRequest(
                f"table {self.caption!r}: expected {len(self.columns)} cells a row, came {len(odd)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """What a map shows below its shapes."""

    scenes: tuple[Scene, ...]
    """Drawn the newest on top; those without georeference are left out."""
    recipe: Recipe
    """How samples become colours: the collection's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a map's legend, to which shapes refer."""

    key: str
    """What shapes name."""
    label: str
    """What it stands for."""
    colour: Colour
    """Of outline and filling."""
    filled: bool = True
    """False: outlines alone, as for districts and areas of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A patch, cell, parcel or district on a map."""

    geometry: GeoJSON
    """Point, (Multi)LineString or (Multi)Polygon on WGS 84."""
    entry: str
    """Key of its line of the legend."""
    label: str = ""
    """A few characters beside it, such as the number under which the report speaks of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Shapes over a view of the ground, north up."""

    title: str
    """What it shows."""
    alt: str
    """The same for those who cannot see it: what lies where, in a sentence."""
    shapes: tuple[Shape, ...] = ()
    """Drawn in order, the last on top."""
    legend: tuple[Entry, ...] = ()
    """Lines of the legend, in order."""
    backdrop: Backdrop | None = None
    """Scenes below; None: blank ground."""
    classes: GroundMap | None = None
    """A class map between backdrop and shapes; None: none."""
    class_colours: tuple[Colour, ...] = ()
    """Of the class map, in the order of its names; empty: those of class maps elsewhere."""
    bbox: BBox | None = None
    """What is shown, degrees on WGS 84; None: all shapes and the class map, with a margin."""
    attribution: str = ""
    """Whose imagery it is, as its licence wants it."""

    def __post_init__(self) -> None:
        known = {one.key for one in self.legend}
        missing = sorted({one.entry for one in self.shapes} - known)
        if missing:
            raise InvalidRequest(
                f"map {self.title!r}: expected shapes of its legend, came {', '.join(missing)}"
            )
        names = () if self.classes is None else self.classes.names
        if self.class_colours and len(self.class_colours) != len(names):
            raise InvalidRequest(
                f"map {self.title!r}: expected {len(names)} colours of classes, came "
                f"{len(self.class_colours)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is read when its page is written, and forgotten after that."""

    identity: str
    """What it is of, such as a kept image's digest or a chip id with its scene's digest: goes into
    the report's digest."""
    alt: str
    """What it shows, for those who cannot see it."""
    read: Callable[[], Pixels | None] = field(compare=False, hash=False)
    """Reads it; None or an UnreadableImage: it is gone by now, which the page says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One place before and after, and what is said of it."""

    title: str
    """Such as ``3. bare soil → open-pit mine``."""
    before: Image | None
    """At the earlier date; None: nothing was seen then."""
    after: Image | None
    """At the later date; likewise."""
    before_caption: str
    """Date and id of what is shown."""
    after_caption: str
    """Likewise."""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value, a few: area, scores, state, coordinates."""
    mark: Mark | None = None
    """Light or state, beside the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Places before and after, many of them."""

    pairs: tuple[Pair, ...]
    """In order; images are read one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line, or the bars of one colour."""

    name: str
    """Legend."""
    values: tuple[float | None, ...]
    """One for each place on the axis; None: not known there."""
    low: tuple[float | None, ...] = ()
    """Lower ends of intervals; empty: none."""
    high: tuple[float | None, ...] = ()
    """Upper ends; likewise."""
    colour: Colour | None = None
    """None: the next of a palette for all kinds of colour vision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Figures over dates or names."""

    title: str
    """What it shows."""
    alt: str
    """The same in a sentence: what rises, what falls, from what to what."""
    kind: Literal["lines", "bars", "stacked"]
    """``lines`` over dates; ``bars`` side by side; ``stacked`` bars where shares make a whole."""
    places: tuple[str, ...]
    """Along the axis: dates or names."""
    series: tuple[Series, ...]
    """At least one."""
    unit: str
    """Of the values, such as ``ha``."""
    note: str = ""
    """Below it."""

    def __post_init__(self) -> None:
        for one in self.series:
            odd = [
                value for value in one.values if value is not None and not _fits(value, self.kind)
            ]
            if odd:
                raise InvalidRequest(
                    f"chart {self.title!r}: expected figures of {one.name!r} that can be drawn, "
                    f"came {odd[0]}"
                )
            if bool(one.low) != bool(one.high):
                raise InvalidRequest(
                    f"chart {self.title!r}: expected both ends of the intervals of {one.name!r}, "
                    "came one"
                )
            for values in (one.values, one.low or one.values, one.high or one.values):
                if len(values) != len(self.places):
                    raise InvalidRequest(
                        f"chart {self.title!r}: expected {len(self.places)} values of "
                        f"{one.name!r}, came {len(values)}"
                    )


def _fits(value: float, kind: str) -> bool:
    """Tell whether a figure can be drawn; stacked bars stand on each other, so none is below 0."""
    return isfinite(value) and (kind != "stacked" or value >= 0)


Block: TypeAlias = Text | Facts | Table | Map | Pairs | Chart
