"""What is kept of runs → those that somebody sees, their rows and their files, whatever the door.

Knows neither HTTP nor gRPC, nor what a run is of. A run of a collection that somebody does not see
is not there, word for word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import NotFound
from satseek.jobs.results import ResultFile
from satseek.service.jobbing_files import Opened
from satseek.service.paging import Listing
from satseek.service.recording import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.monitor.runs.drafting import Row
    from satseek.monitor.runs.run import KeptRun, RunKind
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Some rows of a table of a run."""

    run: KeptRun
    """Whose."""
    rows: list[Row]
    """In the table's order."""
    cursor: str | None
    """Leads to the next page; None: this is the last."""


async def kept_runs(kind: RunKind, *, shared: Running, caller: Caller) -> list[KeptRun]:
    """Give the runs of a kind that somebody sees, by name; raises PermissionDenied."""
    who = _reading(caller)
    found = await shared.in_thread(lambda: shared.monitor.runs.all(kind))
    limits = shared.assembly.settings.collection_groups
    return [one for one in found if who.sees(one.collection, limits)]


async def kept_run(kind: RunKind, name: str, *, shared: Running, caller: Caller) -> KeptRun:
    """Give a run.

    Raises:
        PermissionDenied: they may not see any.
        NotFound, InvalidName: they see none of that name.
    """
    who = _reading(caller)
    return await shared.in_thread(lambda: found_run(kind, name, shared, who))


def found_run(kind: RunKind, name: str, shared: Running, who: Principal) -> KeptRun:
    """Find a run; raises as ``kept_run``."""
    unseen = NotFound(f"no run {name[:64]!r} is kept")
    try:
        run = shared.monitor.runs.get(kind, name)
    except NotFound as error:
        raise unseen from error
    if not who.sees(run.collection, shared.assembly.settings.collection_groups):
        raise unseen
    return run


async def rows_of(
    kind: RunKind,
    name: str,
    table: str,
    *,
    cursor: str | None,
    limit: int,
    where: Mapping[str, str | None],
    shared: Running,
    caller: Caller,
) -> RowPage:
    """Read a page of a table of a run.

    Args:
        kind: Of the run.
        name: Which run.
        table: Which table.
        cursor: From the page before; None: begin.
        limit: Rows on a page at most.
        where: What rows have in some columns; None: whatever is there.
        shared: What all requests share.
        caller: Who asks.

    Raises:
        NotFound: as ``kept_run``, or the run has no such table.
        InvalidRequest, Conflict: the cursor is of another list, or the run was made again.
    """
    who = _reading(caller)

    def read() -> RowPage:
        run = found_run(kind, name, shared, who)
        listing = Listing(
            name=f"{kind} {name} {table}", where=dict(where), generation=run.generation
        )
        after = listing.after(cursor, kind=int)
        rows, left = shared.monitor.runs.rows(
            run, table, after=after or 0, limit=limit, passes=_passing(where)
        )
        return RowPage(run=run, rows=rows, cursor=None if left is None else listing.cursor(left))

    return await shared.in_thread(read)


def _passing(where: Mapping[str, str | None]) -> Callable[[Row], bool]:
    def passes(row: Row) -> bool:
        told = row.get("properties", row)
        return all(value is None or told.get(key) == value for key, value in where.items())

    return passes


async def open_kept(
    kind: RunKind, name: str, file: str, *, shared: Running, caller: Caller
) -> Opened:
    """Open a file that a run left; raises as ``kept_run``, or NotFound: it left no such file."""
    who = _reading(caller)

    def opened() -> Opened:
        run = found_run(kind, name, shared, who)
        told, path = shared.monitor.runs.path_of(run, file)
        facts = ResultFile(
            name=told.name.rpartition("/")[2],
            path=path,
            bytes=told.bytes,
            sha256=told.sha256,
            media_type=told.media_type,
        )
        try:
            return Opened(facts=facts, content=path.open("rb"))
        except FileNotFoundError as error:
            raise NotFound(f"run {name[:64]!r} was made again meanwhile; ask again") from error

    return await shared.in_thread(opened)


async def remove_run(kind: RunKind, name: str, *, shared: Running, caller: Caller) -> None:
    """Forget what a run found; its findings stay. Raises as ``kept_run``."""
    caller.principal.require("jobs")
    run = await kept_run(kind, name, shared=shared, caller=caller)
    async with record(f"{kind}.remove", name, shared=shared, caller=caller):
        await shared.in_thread(lambda: shared.monitor.runs.remove(run))


def _reading(caller: Caller) -> Principal:
    caller.principal.require("search")
    return caller.principal
