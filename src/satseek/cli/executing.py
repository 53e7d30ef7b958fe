"""``--executor``: whose workers do the work. Knows only the use-case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.printing import progress_bar
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.assemble import Assembly
    from satseek.imagery.candidates import Candidates
    from satseek.index.collection import Collection
    from satseek.search.indexing_writing import IndexReport

ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="local|ray|dask",
        help="Divide the work among processes, or a cluster's workers; the result is the same. "
        "[default: this process]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Workers of the executor at most; each holds the model. [default: all there are]",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        "--scheduler",
        metavar="auto|ray://…|tcp://…",
        help="Cluster of the executor. [default: the setting executor_address]",
    ),
]


def check_executor(executor: str | None, workers: int | None, address: str | None) -> None:
    """Refuse what goes with an executor where there is none."""
    if executor is None and (workers is not None or address is not None):
        raise InvalidRequest("--workers and --address go with --executor")


def index_with(
    candidates: Candidates,
    target: Collection,
    parts: Assembly,
    *,
    executor: str,
    workers: int | None,
    address: str | None,
) -> IndexReport:
    """Index with an executor's workers, and show how it goes."""
    from satseek.jobs.executors import executor_named  # noqa: PLC0415 (help must not wait for it)
    from satseek.jobs.partitions import index_in_partitions  # noqa: PLC0415

    settings = parts.settings
    with progress_bar("indexing") as show:
        return index_in_partitions(
            candidates,
            collection=target,
            parts=parts,
            executor=executor_named(executor, address, workers, settings),
            on_progress=show,
        )
