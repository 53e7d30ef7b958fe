"""The name of an executor → the executor, whose workers do partitions of one job.

Does not know what a partition is. Each kind is a file of its own, loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.jobs.protocol import Executor
    from satseek.settings import Settings

ExecutorName: TypeAlias = Literal["local", "ray", "dask"]
"""Processes on this machine; actors on a Ray cluster; workers of a Dask scheduler."""


def executor_named(
    name: str, address: str | None, workers: int | None, settings: Settings
) -> Executor:
    """Make an executor; it connects to nothing before it has partitions.

    Args:
        name: ``local``, ``ray`` or ``dask``.
        address: Of its cluster; None: as the settings say, or Ray's ``auto``, Dask's ``local``.
            The executor ``local`` has none.
        workers: Partitions at once at most; None: as many as there is room for.
        settings: What its workers are to run on.

    Raises:
        InvalidRequest: no such executor, or an address that is none.
    """
    if workers is not None and workers < 1:
        raise InvalidRequest(f"workers: expected at least 1, came {workers}")
    cluster = address or settings.executor_address
    match name:
        case "local":
            from satseek.jobs.executors.local import LocalExecutor  # noqa: PLC0415 - when asked for

            if address not in {None, "local"}:
                raise InvalidRequest(
                    f"address: the executor local works on this machine alone, came {address!r}"
                )
            return LocalExecutor(workers=workers, settings=settings)
        case "ray":
            from satseek.jobs.executors.raying import RayExecutor  # noqa: PLC0415 - when asked for

            return RayExecutor(cluster or "auto", workers=workers, settings=settings)
        case "dask":
            from satseek.jobs.executors.dasking import DaskExecutor  # noqa: PLC0415 - likewise

            return DaskExecutor(cluster or "local", workers=workers, settings=settings)
    raise InvalidRequest(f"executor: expected local, ray or dask, came {name!r}")
