"""``/v1/collections/{name}/stats``: what lies in a collection's folder, and what answers from it.

Knows the index's own account of its files.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from satseek.service.chips import reading
from satseek.service.describing import PROBLEM
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.index.inventory import Inventory
    from satseek.index.protocol import QueryKind
    from satseek.index.spec import Pending
    from satseek.index.tuning import Tuning
    from satseek.index.watching import Watched

router = APIRouter(tags=["collections"])

Shared = Annotated[Running, Depends(running)]


class PendingShown(BaseModel):
    """Vectors beside those in use."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(description="`NAME@VERSION` of the model that makes or made them.")
    rows_done: int = Field(description="Rows embedded so far.")
    rows: int = Field(description="Rows that there are.")
    kept: bool = Field(description="True for vectors that were in use before.")


class EffortShown(BaseModel):
    """What one kind of query needs."""

    model_config = ConfigDict(frozen=True)

    candidates: int = Field(description="Compared exactly for ten hits of all chips.")
    recall: float = Field(description="Measured with so many, in the mean, 0–1.")
    least_recall: float = Field(description="What that mean is above 95 times in a hundred.")
    queries: int = Field(description="That it was measured on.")


class TuningShown(BaseModel):
    """The effort that searches by codes take."""

    model_config = ConfigDict(frozen=True)

    codes: str = Field(description="Name of the codes.")
    wanted: float = Field(description="Recall that was wanted, 0–1.")
    when: str = Field(description="When it was measured: ISO 8601, UTC.")
    kinds: dict[str, EffortShown] = Field(description="By kind of query.")


class RecallShown(BaseModel):
    """What this server saw when it answered searches a second time, exactly."""

    model_config = ConfigDict(frozen=True)

    recall: float = Field(description="Share of the true answers that was found, 0–1.")
    recent: int = Field(description="Searches that this is the mean of: the newest ones.")
    samples: int = Field(description="Searches compared since the server began.")


class StatsAnswer(BaseModel):
    """What lies in a collection's folder."""

    model_config = ConfigDict(frozen=True)

    collection: str
    generation: int
    chips: int = Field(description="Chips that a search may answer.")
    scenes: int
    refusals: int = Field(description="Files that could not be used.")
    format_version: int = Field(description="Of the folder's layout.")
    rows: int = Field(description="Rows of vectors, dead ones included.")
    dead: int = Field(description="Rows of replaced or removed chips: compaction frees them.")
    dead_share: float = Field(description="Dead rows among all, 0–1.")
    coded: int | None = Field(description="Rows that have compressed codes; null: no codes.")
    bytes: int = Field(description="Size of the folder.")
    bytes_of: dict[str, int] = Field(
        description="The same by kind of file: `database`, `log`, `vectors`, `codes`, `pending`, "
        "`other`."
    )
    pending: PendingShown | None
    tuning: TuningShown | None = Field(description="Null: codes take the usual effort.")
    recall: dict[str, RecallShown] = Field(description="By kind of query, as far as sampled.")


@router.get(
    "/v1/collections/{name}/stats", summary="Count what is stored", responses={404: PROBLEM}
)
async def show_stats(request: Request, name: str, shared: Shared) -> StatsAnswer:
    """Count chips, rows and bytes by kind: how much of it is in use, and how it is searched."""
    who = reading(request)

    def counted() -> StatsAnswer:
        collection = shared.reader(name, who)
        stats, held = collection.stats(), collection.inventory()
        return StatsAnswer(
            collection=name,
            generation=stats.generation,
            chips=stats.chips,
            scenes=stats.scenes,
            refusals=stats.refusals,
            **_held(held),
            tuning=_tuning(collection.tuning()),
            recall=_recall(shared.sampling.watched(name)),
        )

    return await shared.in_thread(counted)


def _held(held: Inventory) -> dict[str, Any]:
    return {
        "format_version": held.format_version,
        "rows": held.rows,
        "dead": held.dead,
        "dead_share": held.dead_share,
        "coded": held.coded,
        "bytes": sum(held.bytes.values()),
        "bytes_of": dict(held.bytes),
        "pending": None if held.pending is None else _pending(held.pending),
    }


def _pending(pending: Pending) -> PendingShown:
    return PendingShown(
        model=pending.model, rows_done=pending.next_row, rows=pending.rows, kept=pending.kept
    )


def _tuning(tuning: Tuning | None) -> TuningShown | None:
    if tuning is None:
        return None
    efforts = tuning.kinds.items()
    return TuningShown(
        codes=tuning.codes,
        wanted=tuning.wanted,
        when=tuning.when.isoformat(),
        kinds={kind: EffortShown(**asdict(effort)) for kind, effort in efforts},
    )


def _recall(watched: Mapping[QueryKind, Watched]) -> dict[str, RecallShown]:
    return {kind: RecallShown(**asdict(seen)) for kind, seen in watched.items()}
