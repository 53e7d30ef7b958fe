"""``/v1/collections/{name}/classes``: what is where, zero-shot, as a table of places and hectares.

Knows neither tiles nor how places are classified; the colours are those of the map's tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from satseek.export.areas import raster_area_by_class
from satseek.search.mapping import class_map
from satseek.search.mapping_colours import class_colours
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.messages import ModelShown
from satseek.service.running import Running, running
from satseek.service.tiling_asking import ClassesAsked, OfClasses
from satseek.service.tiling_making import known_of

if TYPE_CHECKING:
    from satseek.assemble import Matched
    from satseek.export.ground_map import GroundMap
    from satseek.search.mapping_colours import Colour
    from satseek.service.access.principals import Principal

router = APIRouter(tags=["maps"])

Shared = Annotated[Running, Depends(running)]


class ClassShown(BaseModel):
    """One class of a class map."""

    model_config = ConfigDict(frozen=True)

    label: str = Field(description="As asked, or “none of these”.")
    colour: str | None = Field(description="On the map, such as `#e69f00`; null: not coloured.")
    places: int = Field(description="Cells of the grid that it takes.")
    area_ha: float = Field(description="Their area in hectares, in an equal-area projection.")


class ClassesAnswer(BaseModel):
    """Every class in the order asked, “none of these” last."""

    model_config = ConfigDict(frozen=True)

    collection: str
    model: ModelShown
    generation: int = Field(description="State of the collection that answered.")
    classes: list[ClassShown]


@router.get(
    "/v1/collections/{name}/classes",
    summary="Tabulate a class map",
    responses={404: PROBLEM, 409: PROBLEM},
)
async def tabulate_classes(
    request: Request, name: str, shared: Shared, asked: OfClasses
) -> ClassesAnswer:
    """Tell how many places of a collection take each label, and how large they are together."""
    who = caller(request).principal
    who.require("classify")

    async def work(name: str, matched: Matched) -> ClassesAnswer:
        return await shared.in_thread(
            lambda: _tabulated(name, asked, matched, shared=shared, who=who)
        )

    return await shared.with_collection(name, work, who=who)


def _tabulated(
    name: str, asked: ClassesAsked, matched: Matched, *, shared: Running, who: Principal
) -> ClassesAnswer:
    known = known_of(asked, matched, shared=shared, who=who)
    with matched.pinned() as index:
        ground = class_map(
            asked.labels,
            index=index,
            embedder=matched.model.embedder,
            where=asked.where,
            templates=asked.templates,
            distractors=(*asked.distractors, *known.negatives),
            known=known.vectors,
        )
        card = matched.model.card
        return ClassesAnswer(
            collection=name,
            model=ModelShown(name=card.name, version=card.version),
            generation=index.generation,
            classes=_rows(ground),
        )


def _rows(ground: GroundMap) -> list[ClassShown]:
    places = np.bincount(ground.values.ravel().astype(np.int64), minlength=len(ground.names))
    areas, colours = raster_area_by_class(ground), class_colours(ground.names)
    return [
        ClassShown(
            label=label, colour=_hex(colour), places=int(places[number]), area_ha=areas[label]
        )
        for number, (label, colour) in enumerate(zip(ground.names, colours, strict=True))
    ]


def _hex(colour: Colour) -> str | None:
    red, green, blue, alpha = colour
    return f"#{red:02x}{green:02x}{blue:02x}" if alpha else None
