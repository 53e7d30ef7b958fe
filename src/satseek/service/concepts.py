"""``/v1/concepts``: queries saved under a name, with all their versions.

Knows the store. Chips of collections that somebody does not see are not shown to them.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import CollectionNotFound, InvalidName
from satseek.search.concepts import MAX_CHIPS, MAX_NOTES, MAX_WORDS
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.messages import MAX_TEXT
from satseek.service.recording import record
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.types import Concept

if TYPE_CHECKING:
    from satseek.service.access.principals import Principal

router = APIRouter(tags=["concepts"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
Name = Annotated[str, PathParameter(max_length=64, description="Letters, digits and `-_.`.")]
Version = Annotated[int | None, QueryParameter(ge=1, description="Left out: the newest.")]
Words = Annotated[str, Field(max_length=MAX_TEXT)]
ChipName = Annotated[str, Field(max_length=1000)]


class ConceptAsked(BaseModel):
    """What a concept is made of: words for it, or chips that show it, or both."""

    model_config = ConfigDict(extra="forbid")

    prompts: list[Words] = Field(
        default_factory=list, max_length=MAX_WORDS, description="Words for it, averaged."
    )
    negatives: list[Words] = Field(
        default_factory=list,
        max_length=MAX_WORDS,
        description="Words for what is mistaken for it.",
    )
    liked: list[ChipName] = Field(
        default_factory=list,
        max_length=MAX_CHIPS,
        description="Chips that show it: `COLLECTION/CHIP`.",
    )
    disliked: list[ChipName] = Field(
        default_factory=list, max_length=MAX_CHIPS, description="Chips that do not."
    )
    notes: str = Field("", max_length=MAX_NOTES)
    least: float | None = Field(
        None, ge=0, le=100, description="Least percentile of its hits; null: no cut."
    )


class ConceptShown(ConceptAsked):
    """One version of a concept."""

    name: str
    version: int
    created: str | None = Field(description="When this version was saved, ISO 8601, UTC.")

    @classmethod
    def of(cls, concept: Concept) -> ConceptShown:
        """Show a concept."""
        return cls(
            name=concept.name,
            version=concept.version,
            created=concept.created.isoformat() if concept.created else None,
            prompts=list(concept.prompts),
            negatives=list(concept.negatives),
            liked=list(concept.liked),
            disliked=list(concept.disliked),
            notes=concept.notes,
            least=concept.least,
        )


class ConceptsAnswer(BaseModel):
    """Every concept in its newest version, by name."""

    model_config = ConfigDict(frozen=True)

    concepts: list[ConceptShown]


class VersionsOfConcept(BaseModel):
    """Every version of a concept, oldest first."""

    model_config = ConfigDict(frozen=True)

    versions: list[ConceptShown]


@router.get("/v1/concepts", summary="List concepts")
async def list_concepts(request: Request, shared: Shared) -> ConceptsAnswer:
    """List the saved concepts, each in its newest version."""
    who = _reading(request)
    return ConceptsAnswer(concepts=await shared.in_thread(lambda: shown_concepts(shared, who)))


@router.get("/v1/concepts/{name}", summary="Show a concept", responses={404: PROBLEM})
async def show_concept(
    request: Request, name: Name, shared: Shared, version: Version = None
) -> ConceptShown:
    """Show one version of a concept."""
    who = _reading(request)
    return await shared.in_thread(
        lambda: _shown(shared.assembly.concepts.get(name, version), shared, who)
    )


@router.get(
    "/v1/concepts/{name}/versions", summary="List a concept's versions", responses={404: PROBLEM}
)
async def list_versions(request: Request, name: Name, shared: Shared) -> VersionsOfConcept:
    """List every version of a concept, oldest first."""
    who = _reading(request)

    def listed() -> list[ConceptShown]:
        return [_shown(one, shared, who) for one in shared.assembly.concepts.versions(name)]

    return VersionsOfConcept(versions=await shared.in_thread(listed))


@router.put(
    "/v1/concepts/{name}",
    summary="Save a concept",
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def save_concept(
    request: Request, name: Name, asked: ConceptAsked, shared: Shared
) -> ConceptShown:
    """Save a concept as the next version under its name; the ones before are kept."""
    asking = caller(request)
    asking.principal.require("collections")
    concept = Concept(
        name=name,
        version=0,
        prompts=tuple(asked.prompts),
        negatives=tuple(asked.negatives),
        liked=tuple(asked.liked),
        disliked=tuple(asked.disliked),
        notes=asked.notes,
        least=asked.least,
    )

    def save() -> ConceptShown:
        for collection in {chip.partition("/")[0] for chip in (*concept.liked, *concept.disliked)}:
            shared.reader(collection, asking.principal)  # nobody learns that others are there
        return ConceptShown.of(shared.assembly.concepts.save(concept))

    async with record("concept.save", name, shared=shared, caller=asking):
        return await shared.in_thread(save)


@router.delete(
    "/v1/concepts/{name}",
    summary="Remove a concept",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def remove_concept(request: Request, name: Name, shared: Shared) -> Response:
    """Remove a concept with all its versions; one saved later goes on counting."""
    asking = caller(request)
    asking.principal.require("collections")
    async with record("concept.remove", name, shared=shared, caller=asking):
        await shared.in_thread(lambda: shared.assembly.concepts.remove(name))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def shown_concepts(shared: Running, who: Principal) -> list[ConceptShown]:
    """Show every concept, as far as somebody may see it."""
    return [_shown(one, shared, who) for one in shared.assembly.concepts.list()]


def _reading(request: Request) -> Principal:
    who = caller(request).principal
    who.require("search")
    return who


def _shown(concept: Concept, shared: Running, who: Principal) -> ConceptShown:
    def seen(chip: str) -> bool:
        try:
            shared.require(chip.partition("/")[0], who)
        except (CollectionNotFound, InvalidName):
            return False
        return True

    liked, disliked = (tuple(filter(seen, one)) for one in (concept.liked, concept.disliked))
    return ConceptShown.of(replace(concept, liked=liked, disliked=disliked))
