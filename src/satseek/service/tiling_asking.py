"""What an address of a tile says → which tile of which map, under which filter.

Does not know how it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query
from pydantic import Field
from starlette.requests import Request

from satseek.imagery.tiles import MAX_ZOOM, Tile
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.search.filtering import read_filter
from satseek.service.bodies import validated
from satseek.service.messages import SearchAsked
from satseek.service.tiling_drawing import Shape
from satseek.service.tiling_pictures import picturing

if TYPE_CHECKING:
    from satseek.types import Filter

_DOUBLE = "@2x"

_LAST = 2**MAX_ZOOM - 1

Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM, description="Zoom; 0: the Earth is one tile.")]
Column = Annotated[int, Path(ge=0, le=_LAST, description="Column from the west, from 0.")]
Row = Annotated[
    str,
    Path(
        pattern=r"^[0-9]{1,8}(@2x)?$",
        description="Row from the north, from 0; with `@2x` the tile has 512 pixels, not 256.",
    ),
]
Generation = Annotated[
    int | None,
    Query(description="State of the collection that is meant: lets clients keep tiles for a day."),
]
Start = Annotated[str | None, Query(description="Earliest date.")]
End = Annotated[str | None, Query(description="Latest date, inclusive.")]
SceneId = Annotated[str | None, Query(description="Id of the only scene to show.")]
_Word = Annotated[str, Field(max_length=64)]
_ChipId = Annotated[str, Field(max_length=160)]
Chips = Annotated[list[_ChipId] | None, Query(max_length=8, description="Ids of chips.")]
Labels = Annotated[list[_Word], Query(min_length=1, max_length=32, description="Labels.")]
Templates = Annotated[
    list[_Word] | None, Query(max_length=8, description="Prompt templates, each with one `{}`.")
]
Distractors = Annotated[
    list[_Word] | None,
    Query(max_length=16, description="What else there may be; an empty one: nothing."),
]
"""All of these, written in addresses as twelve letters each, stay below the 64 KiB of a request's
head that servers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenesAsked:
    """Which scenes are shown."""

    scene: str | None
    """The only one; None: all that pass the filter."""
    where: Filter
    """Dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatAsked:
    """What a heat map is of."""

    search: SearchAsked
    """Words, chips, a concept, dates: as in a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesAsked:
    """What a class map is of."""

    labels: tuple[str, ...]
    """In the order of their numbers."""
    templates: tuple[str, ...]
    """Prompt templates."""
    distractors: tuple[str, ...]
    """What stands for “none of these”."""
    where: Filter
    """Dates."""


def scenes_asked(scene: SceneId = None, start: Start = None, end: End = None) -> ScenesAsked:
    """Read which scenes are asked for; raises InvalidFilter."""
    return ScenesAsked(scene=scene, where=read_filter(start=start, end=end))


def heat_asked(
    text: Annotated[str | None, Query(max_length=500, description="Words to look for.")] = None,
    concept: Annotated[
        str | None, Query(max_length=100, description="A saved concept, such as `mines`.")
    ] = None,
    liked: Chips = None,
    disliked: Chips = None,
    *,
    start: Start = None,
    end: End = None,
) -> HeatAsked:
    """Read what a heat map is asked of."""
    asked = {
        "text": text,
        "concept": concept,
        "liked": liked or [],
        "disliked": disliked or [],
        "start": start,
        "end": end,
    }
    return HeatAsked(search=validated(SearchAsked, asked))


def classes_asked(
    label: Labels,
    template: Templates = None,
    distractor: Distractors = None,
    start: Start = None,
    end: End = None,
) -> ClassesAsked:
    """Read what a class map is asked of; raises InvalidFilter."""
    others = DISTRACTORS if distractor is None else (one for one in distractor if one.strip())
    return ClassesAsked(
        labels=tuple(label),
        templates=TEMPLATES if not template else tuple(template),
        distractors=tuple(others),
        where=read_filter(start=start, end=end),
    )


def shape_of(request: Request, z: Zoom, x: Column, y: Row) -> Shape:
    """Read which tile is asked for, and as what; raises NotFound where there is no such tile."""
    row, double, _ = y.partition(_DOUBLE)
    return Shape(
        tile=Tile(z=z, x=x, y=int(row)),
        scale=2 if double else 1,
        how=picturing(request.url.path, request.headers.get("accept", "")),
    )


OfTile = Annotated[Shape, Depends(shape_of)]
OfScenes = Annotated[ScenesAsked, Depends(scenes_asked)]
OfHeat = Annotated[HeatAsked, Depends(heat_asked)]
OfClasses = Annotated[ClassesAsked, Depends(classes_asked)]
