"""``/v1/models``: the stored versions with their gates; activate one, go back.

Knows the store. The server follows it by itself: what is activated answers once it is warm.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from satseek.errors import InvalidRequest, ModelNotFound, ModelNotServed
from satseek.model.bundle import starter_bundle
from satseek.model.naming import STARTER, parse_reference
from satseek.model.store import ModelStore
from satseek.model.versions import fitting, is_shipped, stored_version
from satseek.service import openai_models
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.inference.offers import IN_FORCE
from satseek.service.openai_models import ModelListed
from satseek.service.recording import record
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.model.activation import Activation
    from satseek.model.bundle import Bundle
    from satseek.model.versions import StoredVersion
    from satseek.service.access.principals import Principal

router = APIRouter(tags=["models"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]

Ref = Annotated[
    str,
    PathParameter(
        max_length=200,
        description="`NAME@VERSION`, of which the first four digits do; `NAME` where it has one "
        "version; `starter`; or `satseek`, whichever is in force.",
    ),
]


class VersionShown(BaseModel):
    """One stored version of a model."""

    model_config = ConfigDict(frozen=True)

    ref: str = Field(description="What the other routes take: `NAME@VERSION`, or `starter`.")
    name: str
    version: str = Field(description="12 hex digits of its content.")
    precision: str
    dim: int = Field(description="Numbers in a vector.")
    bytes: int = Field(description="Size of its files.")
    gate: Literal["passed", "failed", "none"] = Field(
        description="Whether it was checked against what it was made from, and passed."
    )
    parent: str = Field(description="Version that it was quantized from; empty: none.")
    active: bool = Field(description="True for the one that was activated last.")


class ChangeShown(BaseModel):
    """One change of the model in use."""

    model_config = ConfigDict(frozen=True)

    ref: str
    action: Literal["activate", "rollback"]
    when: str = Field(description="ISO 8601, UTC.")
    forced: bool = Field(description="True where it had passed no gate.")
    note: str


class VersionDetails(VersionShown):
    """The same, with its card, its gate's report and when it was in use."""

    id: str = Field(description="As in `data` of the list: what OpenAI's clients call it.")
    object: Literal["model"] = "model"
    created: int = Field(description="When it was stored, in seconds since 1970.")
    owned_by: str
    card: dict[str, Any]
    report: dict[str, Any] | None = Field(description="Of its gate; null: it was never checked.")
    history: list[ChangeShown]


class VersionsAnswer(BaseModel):
    """Every stored version, and which answers."""

    model_config = ConfigDict(frozen=True)

    in_force: str = Field(description="`NAME@VERSION` that answers now; empty: none is warm yet.")
    pinned: bool = Field(description="True: the setting `model` goes before any activation.")
    models: list[VersionShown]
    object: Literal["list"] = "list"
    data: list[ModelListed] = Field(
        description="The same for OpenAI's clients; `satseek` is whichever is in force."
    )


class ChangeAnswer(ChangeShown):
    """What was changed, and what answers at this moment."""

    in_force: str = Field(description="Follows within seconds; `/readyz` tells, or why it did not.")
    pinned: bool = Field(description="True: the setting `model` goes before it, nothing follows.")


class ActivateAsked(BaseModel):
    """How to activate."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(
        default=False, description="Also without a gate that passed.", examples=[False]
    )


@router.get("/v1/models", summary="List model versions")
async def list_models(request: Request, shared: Shared) -> VersionsAnswer:
    """List the stored versions with the state of their gates, and which one is active."""
    _reading(request)

    def listed() -> VersionsAnswer:
        store = _store(shared)
        active = store.active()
        chosen = active.ref if active else STARTER
        versions = (*_shipped(), *store.versions())
        models = [VersionShown(**_shown(one, chosen)) for one in versions]
        folder = shared.assembly.model().bundle.folder
        data = openai_models.listed(versions, now=folder)
        return VersionsAnswer(**_now(shared), models=models, data=data)

    return await shared.in_thread(listed)


@router.get("/v1/models/{ref}", summary="Show a model version", responses={404: PROBLEM})
async def show_model(request: Request, ref: Ref, shared: Shared) -> VersionDetails:
    """Show a version's card, the report of its gate, and when it was in use."""
    _reading(request)

    def shown() -> VersionDetails:
        store = _store(shared)
        now = shared.assembly.model().bundle if ref == IN_FORCE else None
        one = _stored(now) if now else _version(ref, store)
        active = store.active()
        fields = _shown(one, active.ref if active else STARTER)
        as_listed = openai_models.in_force(now.folder) if now else openai_models.one_of(one)
        return VersionDetails(
            **fields,
            **as_listed.model_dump(),
            card=asdict(one.card),
            report=asdict(one.report) if one.report else None,
            history=[_change(entry) for entry in store.history() if entry.ref == one.ref],
        )

    return await shared.in_thread(shown)


@router.post(
    "/v1/models/rollback",
    summary="Go back to the model before",
    responses={409: PROBLEM},
    openapi_extra=REPEATED,
)
async def rollback(request: Request, shared: Shared) -> ChangeAnswer:
    """Put the version in use before back into use; again goes further back."""
    asking = caller(request)
    asking.principal.require("models")
    async with record("model.rollback", "the model before", shared=shared, caller=asking):
        change = await shared.in_thread(_store(shared).rollback)
    return ChangeAnswer(**_change(change).model_dump(), **_now(shared))


@router.post(
    "/v1/models/{ref}/activate",
    summary="Activate a model version",
    responses={404: PROBLEM, 409: PROBLEM},
    openapi_extra=REPEATED,
)
async def activate(
    request: Request, ref: Ref, shared: Shared, asked: ActivateAsked | None = None
) -> ChangeAnswer:
    """Make a version the one in use, once its bytes and its gate's report are checked."""
    asking, force = caller(request), asked is not None and asked.force
    asking.principal.require("models")
    store = _store(shared)

    def change() -> Activation:
        try:
            return store.activate(ref, force=force)
        except ModelNotFound as error:
            raise _unknown(ref, store) from error

    async with record("model.activate", ref, shared=shared, caller=asking, forced=force):
        done = await shared.in_thread(change)
    return ChangeAnswer(**_change(done).model_dump(), **_now(shared))


def _reading(request: Request) -> Principal:
    """Return who asks, if they may see models: whoever may search, embed or change them."""
    who = caller(request).principal
    if who.scopes.isdisjoint({"models", "embed", "classify"}):
        who.require("search")
    return who


def _store(shared: Running) -> ModelStore:
    return ModelStore(shared.assembly.models_dir)


def _now(shared: Running) -> dict[str, Any]:
    return {"in_force": shared.readiness.model, "pinned": shared.assembly.models.pinned}


def _shipped() -> Sequence[StoredVersion]:
    try:
        bundle = starter_bundle()
    except ModelNotFound:
        return ()
    return (stored_version((STARTER, bundle.card.version), bundle.folder),)


def _stored(bundle: Bundle) -> StoredVersion:
    shipped = next((one for one in _shipped() if one.folder == bundle.folder), None)
    return shipped or stored_version((bundle.card.name, bundle.card.version), bundle.folder)


def _version(ref: str, store: ModelStore) -> StoredVersion:
    reference = parse_reference(ref)
    folders = fitting(reference, store.folder) if reference else {}
    if reference and not folders and is_shipped(reference):
        return _shipped()[0]
    if len(folders) > 1:
        several = ", ".join(f"{name}@{version}" for name, version in folders)
        raise InvalidRequest(f"several versions, choose one: {several}")
    if not folders:
        raise _unknown(ref, store)
    ((key, folder),) = folders.items()
    return stored_version(key, folder)


def _unknown(ref: str, store: ModelStore) -> ModelNotServed:
    there = ", ".join([STARTER, *(one.ref for one in store.versions())])
    return ModelNotServed(f"no stored model {ref[:200]!r}; there are: {there}")


def _shown(one: StoredVersion, active: str) -> dict[str, Any]:
    return {
        "ref": one.ref,
        "name": one.name,
        "version": one.version,
        "precision": one.card.precision,
        "dim": one.card.dim,
        "bytes": one.bytes,
        "gate": one.gate,
        "parent": one.card.parent,
        "active": one.ref == active,
    }


def _change(one: Activation) -> ChangeShown:
    return ChangeShown(
        ref=one.ref,
        action=one.action,
        when=one.when.isoformat(),
        forced=one.forced,
        note=without_folders(one.note),
    )
