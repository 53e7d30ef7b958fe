"""What requests and answers look like on the wire.

Knows no use-case. Unknown fields are errors, so that a misspelt filter is never silently ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from satseek.index.checks import MAX_K
from satseek.model.prompts import TEMPLATES
from satseek.search.classifying import MAX_LABELS
from satseek.search.federating import MAX_COLLECTIONS

if TYPE_CHECKING:
    from satseek.types import Chip

MAX_TEXT = 1000
"""Letters of a query, label, template or distractor: its tokens end before (64, for SigLIP)."""

MAX_TEMPLATES = 32
"""Prompt templates of one request: beyond a few, more of them change an average little."""

MAX_DISTRACTORS = 100
"""Distractors of one request; only the strongest of them counts."""

MAX_PROMPTS = 5000
"""Labels times templates of one request, each of which the text tower embeds once; as many as the
most labels make with the built-in templates."""

MAX_EXAMPLES = 100
"""Liked or disliked chips in one query."""

MAX_REFERENCE = 4096
"""Letters of a reference to an image; Linux takes no longer path (PATH_MAX)."""

REFERENCE = (
    "Instead of `image`: a path or `file:` address below a folder, or an `http(s)` address on a "
    "host, that this server may read from; none unless its settings name some."
)

DEFAULT_K = 10

MAX_CRS = 10_000
"""Letters of a CRS: a code, or WKT."""


def _four_numbers(value: Any) -> Any:
    """``w,s,e,n`` → four parts; what is no text is left to the schema."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    """Text → its lines without the empty ones; what is no text is left to the schema."""
    if not isinstance(value, str):
        return value
    if len(value) > MAX_LABELS * (MAX_TEXT + 1):
        raise ValueError(f"expected at most {MAX_LABELS} lines of {MAX_TEXT} letters")
    return [line.strip() for line in value.splitlines() if line.strip()]


_Four = tuple[float, float, float, float]
BoundingBox = Annotated[_Four, BeforeValidator(_four_numbers, json_schema_input_type=_Four | str)]
Words = Annotated[str, Field(max_length=MAX_TEXT)]
Reference = Annotated[str, Field(max_length=MAX_REFERENCE)]
Condition = Annotated[str, Field(max_length=MAX_TEXT)]
_Listed = Annotated[list[Words], Field(max_length=MAX_LABELS)]
Lines = Annotated[_Listed, BeforeValidator(_lines, json_schema_input_type=_Listed | str)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _either_word(schema: dict[str, Any]) -> None:
    """Say that texts may be called ``labels`` instead."""
    described = dict(schema["properties"]["text"])
    schema["properties"]["labels"] = described | {"description": "The same as `text`."}
    schema["required"] = [name for name in schema["required"] if name != "text"]
    schema["oneOf"] = [{"required": ["text"]}, {"required": ["labels"]}]


class SearchAsked(_Asked):
    """A search. Words, an image and liked chips may be combined; words and an image count alike."""

    collection: str | None = Field(
        None, description="Collection to search; left out: the only one, or `default`."
    )
    collections: list[str] = Field(
        default_factory=list,
        max_length=MAX_COLLECTIONS,
        description="Several collections instead, ranked together; `*`: all that you may see. "
        "Chips are then named `COLLECTION/CHIP`.",
    )
    rank_by: Literal["cosine", "percentile"] = Field(
        "cosine",
        description="Over several collections: `cosine` where one model version made them all; "
        "`percentile` also where several did.",
    )
    text: Words | None = Field(None, description="Words to look for, in English or Chinese.")
    concept: str | None = Field(
        None, max_length=100, description="A saved concept, such as `mines` or `mines@3`."
    )
    image: str | None = Field(
        None, description="Example image: base64, or a `data:` address holding base64."
    )
    image_ref: Reference | None = Field(None, description=REFERENCE)
    liked: list[str] = Field(
        default_factory=list,
        max_length=MAX_EXAMPLES,
        description="Ids of chips that show what is looked for.",
    )
    disliked: list[str] = Field(
        default_factory=list,
        max_length=MAX_EXAMPLES,
        description="Ids of chips that do not show it.",
    )
    bbox: BoundingBox | None = Field(
        None, description="West, south, east, north in degrees; chips that touch it pass."
    )
    area: dict[str, Any] | str | None = Field(
        None,
        description="Instead of `bbox`: a polygon as GeoJSON (also a Feature or a collection), or "
        "as WKT.",
    )
    area_crs: str | None = Field(
        None,
        max_length=MAX_CRS,
        description="CRS of the area's coordinates, such as `EPSG:25833`, easting or longitude "
        "first; left out: what it names, or degrees on WGS 84.",
    )
    start: str | None = Field(None, description="Earliest date or time (ISO 8601), inclusive.")
    end: str | None = Field(None, description="Latest date or time, inclusive: a day is whole.")
    where: list[Condition] | dict[str, Any] = Field(
        default_factory=list,
        description="Conditions on scenes' properties: texts such as `eo:cloud_cover<=20` or "
        '`platform in a,b`, or an object such as `{"eo:cloud_cover": {"lte": 20}}`.',
    )
    levels: list[int] = Field(
        default_factory=list, max_length=16, description="Only chips of these sizes."
    )
    least: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Least percentile of a hit against its collection; left out: no cut.",
    )
    group_by: Literal["place", "scene"] | None = Field(
        None,
        description="`place`: of the hits in one grid cell, at whatever date, only the best; "
        "`scene`: of those in one scene; left out: every chip for itself.",
    )
    duplicate_cosine: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Hits whose cosine with a better one is at least this, such as 0.98, are left "
        "out as its near-duplicates.",
    )
    explain: bool = Field(
        default=False, description="Say how the hits were found, and what it took."
    )
    k: int = Field(
        DEFAULT_K,
        description="Number of hits, 1 to 10,000; left out beside `least`: all above it, up to "
        "10,000.",
        json_schema_extra={"minimum": 1, "maximum": MAX_K},
    )

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        if self.collection and self.collections:
            raise ValueError("give collection or collections, not both")
        return self

    @property
    def wanted(self) -> int:
        """Number of hits: as asked, or as many as the cut leaves."""
        cut_alone = self.least is not None and "k" not in self.model_fields_set
        return MAX_K if cut_alone else self.k


class ClassifyAsked(_Asked):
    """An image, or a chip of a collection, and the labels that might fit it."""

    image: str | None = Field(None, description="Base64, or a `data:` address holding base64.")
    image_ref: Reference | None = Field(None, description=REFERENCE)
    collection: str | None = Field(None, description="Collection of `chip`.")
    chip: str | None = Field(None, description="Id of a chip, instead of `image`.")
    labels: Lines = Field(
        description="Labels: a list, or a text with one label a line. `@mines` is the concept of "
        "that name."
    )
    templates: list[Words] | None = Field(
        None,
        max_length=MAX_TEMPLATES,
        description="Prompt templates, each with one `{}`; left out: the built-in ones.",
    )
    distractors: list[Words] | None = Field(
        None,
        max_length=MAX_DISTRACTORS,
        description="What else it might show, the strongest being “none of these”; left out: "
        "common land cover; an empty list: nothing else.",
    )

    @model_validator(mode="after")
    def _check_prompts(self) -> Self:
        templates = len(TEMPLATES if self.templates is None else self.templates)
        if len(self.labels) * templates > MAX_PROMPTS:
            raise ValueError(
                f"expected at most {MAX_PROMPTS} labels times templates, "
                f"came {len(self.labels)} times {templates}"
            )
        return self


class SimilarityAsked(_Asked):
    """An image and texts to compare it with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_either_word)

    image: str | None = Field(None, description="Base64, or a `data:` address holding base64.")
    image_ref: Reference | None = Field(None, description=REFERENCE)
    text: Lines = Field(description="Texts: a list, or a text with one of them a line.")

    @model_validator(mode="before")
    @classmethod
    def _take_labels(cls, fields: Any) -> Any:
        """Take ``labels``, as some tutorials call them, where there is no ``text``."""
        if not isinstance(fields, dict) or "labels" not in fields or "text" in fields:
            return fields
        return {name: one for name, one in fields.items() if name != "labels"} | {
            "text": fields["labels"]
        }


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class ModelShown(_Shown):
    """Which model answered."""

    name: str
    version: str


class ChipShown(_Shown):
    """One chip."""

    chip: str = Field(description="Id of the chip.")
    scene: str
    cell: str = Field(description="Grid cell: the same place has the same name at every date.")
    datetime: str | None = Field(description="Acquisition time, ISO 8601, UTC.")
    valid_fraction: float = Field(description="Share of measured pixels, 0–1.")
    footprint: dict[str, Any] | None = Field(description="GeoJSON geometry; null: no georeference.")
    thumbnail: str = Field(description="Path of a JPEG of the chip on this server.")

    @classmethod
    def of(cls, chip: Chip, *, thumbnail: str, **more: Any) -> Self:
        """Show a chip, and what else is known of it."""
        return cls(
            chip=chip.id,
            scene=chip.scene_id,
            cell=chip.cell,
            datetime=chip.datetime.isoformat() if chip.datetime else None,
            valid_fraction=chip.valid_fraction,
            footprint=dict(chip.footprint) if chip.footprint else None,
            thumbnail=thumbnail,
            **more,
        )


class HitShown(ChipShown):
    """One chip that answers."""

    rank: int = Field(description="1 is the best.")
    collection: str = Field(description="Where it was found.")
    scores: dict[str, float] = Field(
        description="By kind: cosine, percentile and, where words alone were asked, match "
        "(not of models trained under a softmax, such as CLIP)."
    )


class SourceShown(_Shown):
    """What one collection contributed."""

    collection: str
    model: ModelShown
    plan: str = Field(description="Which way through the index was taken.")
    generation: int = Field(description="State of the collection that answered.")


class WayShown(_Shown):
    """One way in which an index could be searched."""

    name: str
    rows: int = Field(description="Rows or codes that it looks at.")
    expected_ms: float = Field(description="By the costs measured on this machine.")


class ExplanationShown(_Shown):
    """Why one collection was searched as it was, and what it took."""

    collection: str
    living: int = Field(description="Chips in the collection.")
    passing: int = Field(description="Chips left by the filter.")
    ways: list[WayShown] = Field(description="Ways that could be taken; the first was.")
    candidates: int = Field(description="Candidates compared exactly.")
    filter_ms: float = Field(description="Near 0 where the filter was remembered.")
    search_ms: float = Field(description="Spent on candidates and their comparison.")


class ExplainedShown(_Shown):
    """Why an answer came about as it did, and what it took."""

    embedding_ms: float = Field(
        description="Spent until words, images and clicks were one vector; little where remembered."
    )
    searches: int = Field(
        description="Searches of an index: more than one each where many hits were left out."
    )
    collections: list[ExplanationShown]


class SearchAnswer(_Shown):
    """Hits, best first, and how they were found."""

    collection: str = Field(description="The one asked; the first of several.")
    model: ModelShown
    plan: str = Field(description="Which way through the index was taken.")
    generation: int = Field(description="State of the collection that answered.")
    seconds: float
    translated: str | None = Field(
        description="What words that are not English were taken for; null: taken as asked."
    )
    weight: float | None = Field(
        description="What liked and disliked chips counted, the words counting 1; 0: words alone "
        "rank the clicks better; null: no chip was named."
    )
    concept: str | None = Field(description="The concept that was asked, with its version.")
    warnings: list[str] = Field(description="What the reader should know of this answer.")
    sources: list[SourceShown] = Field(description="Every collection that was asked.")
    explanation: ExplainedShown | None = Field(
        None, description="How the hits were found; null unless `explain` was asked for."
    )
    hits: list[HitShown]


class LabelShown(_Shown):
    """How one label fits."""

    label: str
    scores: dict[str, float] = Field(
        description="By kind: cosine, match (not of models trained under a softmax, such as "
        "CLIP) and, where labels were asked, share."
    )


class ClassifyAnswer(_Shown):
    """Labels by falling share."""

    model: ModelShown
    translated: dict[str, str] = Field(
        description="What labels that are not English were taken for, by label."
    )
    best: str = Field(description="The label with the largest share; may be “none of these”.")
    labels: list[LabelShown]


class SimilarityAnswer(_Shown):
    """Texts in the order asked."""

    model: ModelShown
    texts: list[LabelShown]


class CollectionShown(_Shown):
    """What a collection amounts to."""

    name: str
    model: ModelShown
    searchable: bool = Field(description="False: made by another model than the one in use.")
    chips: int
    scenes: int
    refusals: int = Field(description="Files that could not be used.")
    generation: int
    extent: tuple[float, float, float, float] | None = Field(
        description="West, south, east, north in degrees; null: no georeference."
    )
    start: str | None = Field(description="First acquisition time.")
    end: str | None = Field(description="Last acquisition time.")


class CollectionDetails(CollectionShown):
    """The same, and how its chips were made."""

    bytes: int = Field(description="Size on disk.")
    dim: int
    min_valid: float = Field(description="Smallest valid fraction of a chip, 0–1.")
    recipe: dict[str, Any]
    grid: dict[str, Any]


class CollectionsAnswer(_Shown):
    """Every collection, by name."""

    collections: list[CollectionShown]
    next: str | None = Field(None, description="Path of the next page; null: this is the last.")


class RefusalShown(_Shown):
    """A file that could not be used."""

    path: str
    reason: str
    kind: str


class RefusalsAnswer(_Shown):
    """Files that could not be used."""

    refusals: list[RefusalShown]
    next: str | None = Field(None, description="Path of the next page; null: this is the last.")
