"""Models of a server → the list that OpenAI's clients read.

Knows the wire (OpenAI's API reference, models), nothing of the store but folders of versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from satseek.model.card import CARD
from satseek.service.inference.offers import IN_FORCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.model.versions import StoredVersion


class ModelListed(BaseModel):
    """A model, as OpenAI's clients know one."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="What `/v1/embeddings` takes as `model`.")
    object: Literal["model"] = "model"
    created: int = Field(description="When it was stored, in seconds since 1970.")
    owned_by: str = IN_FORCE


def listed(versions: Sequence[StoredVersion], *, now: Path) -> list[ModelListed]:
    """List the stored versions behind the name of whichever is in force.

    Args:
        versions: Those that can be asked for.
        now: Folder of the one in force.
    """
    return [in_force(now), *(one_of(version) for version in versions)]


def in_force(now: Path) -> ModelListed:
    """Describe whichever model is in force, by the name that stays."""
    return ModelListed(id=IN_FORCE, created=_created(now))


def one_of(version: StoredVersion) -> ModelListed:
    """Describe one stored version."""
    return ModelListed(id=version.ref, created=_created(version.folder))


def _created(folder: Path) -> int:
    return int((folder / CARD).stat().st_mtime)
