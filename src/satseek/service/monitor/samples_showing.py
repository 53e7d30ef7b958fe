"""Samples, places and areas → what is told of them over the wire.

Does not know who looks: whoever may not see a sample never comes here.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from satseek.monitor.samples.drawing import Unit
from satseek.monitor.samples.sample import Standing

_PLACE: dict[str, Any] = {
    "id": "12_7",
    "sample": "june",
    "collection": "county",
    "subject": "land use 2025-06",
    "labels": ["forest", "cropland", "cannot tell"],
    "cell": "12_7",
    "point": None,
    "footprint": None,
    "area_m2": 65536.0,
    "pictures": [
        {
            "number": 1,
            "chip_id": "2025-06.tif/12_7",
            "datetime": "2025-06-02T10:30:00+00:00",
            "mark": [0.0, 0.0, 1.0, 1.0],
            "path": "/v1/samples/june/places/12_7/pictures/1",
        }
    ],
    "answer": None,
}


class StratumShown(BaseModel):
    """A part of the ground out of which places were drawn."""

    model_config = ConfigDict(frozen=True)

    name: str
    area_m2: float
    cells: int | None = Field(description="Cells it has; null: points were drawn.")
    drawn: int


class SampleProgress(BaseModel):
    """How far people are with a sample, in places."""

    model_config = ConfigDict(frozen=True)

    drawn: int
    open: int = Field(description="Too few have judged them.")
    agreed: int = Field(description="They count.")
    contested: int = Field(description="People do not agree on them.")
    unclear: int = Field(description="People cannot tell what they are.")


class SampleShown(BaseModel):
    """A stratified random sample of places that people judge."""

    model_config = ConfigDict(frozen=True)

    name: str
    collection: str
    subject: str = Field(description="What is to be said of each place.")
    unit: Unit
    seed: int
    opinions: int = Field(description="How many people are to judge each place.")
    labels: list[str] = Field(
        description="Answers that are taken, beside `cannot tell`; none: any."
    )
    strata: list[StratumShown]
    made: str
    map: dict[str, str] = Field(description="What else is to be known of the map.")
    progress: SampleProgress


class SampleDetails(SampleShown):
    """The same, and how far each stratum is."""

    by_stratum: dict[str, SampleProgress]


class SamplesAnswer(BaseModel):
    """The samples that you may see, by name."""

    model_config = ConfigDict(frozen=True)

    samples: list[SampleShown]


class PlacePictureShown(BaseModel):
    """A place at one date."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="1 is the earliest date.")
    chip_id: str
    datetime: str | None = Field(description="Null: not known, or the chip is gone.")
    mark: tuple[float, float, float, float] | None = Field(
        description="Left, top, right, bottom of what is to be judged, as shares of the picture's "
        "width and height; of a point all ends are two; null: all of it."
    )
    path: str = Field(description="Where the picture is had, a JPEG.")


class AnswerShown(BaseModel):
    """What one person said of a place."""

    model_config = ConfigDict(frozen=True)

    who: str
    label: str
    at: str
    comment: str


class PlaceShown(BaseModel):
    """A place to be judged; what the map says of it is not told."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": _PLACE})

    id: str
    sample: str
    collection: str
    subject: str
    labels: list[str] = Field(description="Answers that are taken; none: any.")
    cell: str
    point: tuple[float, float] | None = Field(
        description="Longitude and latitude of what is to be judged; null: the cell is."
    )
    footprint: dict[str, Any] | None
    area_m2: float
    pictures: list[PlacePictureShown] = Field(description="At each of its dates, earliest first.")
    answer: AnswerShown | None = Field(description="What you said of it last; null: nothing.")


class SettledShown(BaseModel):
    """What the answers make of a place."""

    model_config = ConfigDict(frozen=True)

    id: str
    standing: Standing
    label: str | None = Field(description="What it is, once agreed.")
    answered: int = Field(description="People who have judged it.")
    answers: list[AnswerShown] = Field(
        description="The last one of each person; none while more are waited for."
    )


class PlacesAnswer(BaseModel):
    """One page of a sample's places, those that are due first in front."""

    model_config = ConfigDict(frozen=True)

    places: list[SettledShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class EstimateShown(BaseModel):
    """A figure from a sample, with what it may be off by."""

    model_config = ConfigDict(frozen=True)

    value: float
    standard_error: float | None
    low: float = Field(description="Lower end of the 95 % confidence interval.")
    high: float = Field(description="Upper end.")


class ClassArea(BaseModel):
    """What is known of one class."""

    model_config = ConfigDict(frozen=True)

    label: str
    mapped_ha: float | None = Field(description="As the map has it.")
    area_ha: EstimateShown = Field(description="As it is, by the sample.")
    users: EstimateShown | None = Field(
        description="User's accuracy: of what the map calls so, how much is."
    )
    producers: EstimateShown | None = Field(
        description="Producer's accuracy: of what is so, how much the map found."
    )
    mapped_places: int
    reference_places: int


class StratumJudged(BaseModel):
    """How a stratum was sampled."""

    model_config = ConfigDict(frozen=True)

    name: str
    area_ha: float
    cells: int | None
    judged: int
    right: int = Field(description="Of these, where the map says what they are.")


class NoteShown(BaseModel):
    """One thing to be careful about."""

    model_config = ConfigDict(frozen=True)

    key: str
    en: str
    zh: str


class AreasAnswer(BaseModel):
    """Accuracy of a map, and the areas that follow from it (Olofsson et al. 2014)."""

    model_config = ConfigDict(frozen=True)

    sample: str
    interval: Literal["wilson", "wald"]
    judged: int = Field(description="Places that count.")
    covered_ha: float = Field(description="Area that the estimates speak of.")
    overall: EstimateShown = Field(description="Overall accuracy, 0 to 1.")
    labels: list[str] = Field(description="Classes, in the order of rows and columns.")
    counts: list[list[int]] = Field(
        description="Error matrix in places: rows as the map has it, columns as it is."
    )
    proportions: list[list[float]] = Field(description="The same in shares of the area.")
    classes: list[ClassArea]
    strata: list[StratumJudged]
    notes: list[NoteShown] = Field(description="What to be careful about.")


def place_path(sample: str, place: str, number: int, *, root: str = "") -> str:
    """Path under which a picture of a place is served."""
    named = f"{quote(sample, safe='')}/places/{quote(place, safe='@')}"
    return f"{root}/v1/samples/{named}/pictures/{number}"


def place_shown(told: dict[str, Any], *, root: str = "") -> PlaceShown:
    """Show a place by what ``samples.describing`` tells of it."""
    pictures = [
        one | {"path": place_path(told["sample"], told["id"], one["number"], root=root)}
        for one in told["pictures"]
    ]
    return PlaceShown(**told | {"pictures": pictures})
