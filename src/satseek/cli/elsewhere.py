"""The jobs of a server → what commands about jobs read, as they read it of a queue.

Knows only the client.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from satseek.jobs.protocol import STATES, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.client import jobs as told
    from satseek.client.clients import Client
    from satseek.jobs.protocol import JobState
    from satseek.settings import Settings


class Looked(Protocol):
    """What can be looked at and ended: a queue, or a server's."""

    def find(self, job_id: str) -> Job:
        """Give a job; raises JobNotFound."""

    def jobs(self, *, before: str = "", limit: int | None = None) -> list[Job]:
        """Give those that are kept, the newest first, without their logs."""

    def cancel(self, job_id: str) -> Job:
        """Have a job end; raises JobNotFound."""

    def counts(self) -> Mapping[JobState, int]:
        """Count them by state."""

    def close(self) -> None:
        """Let go of whatever is open."""


class ServersJobs:
    """The jobs of a server, as far as the key in the settings sees them; see ``Looked``."""

    def __init__(self, server: str, settings: Settings) -> None:
        """Connect when first asked.

        Raises:
            InvalidRequest: the address is none.
        """
        from satseek.client.clients import Client  # noqa: PLC0415 (loads httpx)

        key = settings.servers_token
        self._client: Client = Client(server, token=None if key is None else key.get_secret_value())
        self._listed: list[Job] | None = None

    def find(self, job_id: str) -> Job:
        """Give a job."""
        return _job(self._client.job(job_id).job)

    def jobs(self, *, before: str = "", limit: int | None = None) -> list[Job]:
        """Give those that are kept; the server is asked once."""
        if self._listed is None:
            self._listed = [_job(one) for one in self._client.jobs()]
        return [one for one in self._listed if not before or one.id < before][:limit]

    def cancel(self, job_id: str) -> Job:
        """Have a job end."""
        return _job(self._client.cancel(job_id))

    def counts(self) -> Mapping[JobState, int]:
        """Count them by state."""
        found = Counter(one.state for one in self.jobs())
        return {state: found[state] for state in STATES}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _job(one: told.Job) -> Job:
    """Read a job as a queue gives it, of which a server does not tell all."""
    same = ("id", "collection", "asked_by", "created", "started", "finished", "attempts", "done")
    more = ("total", "note", "log", "result", "cancelling", "priority", "expires")
    fields: dict[str, Any] = {name: getattr(one, name) for name in same + more}
    return Job(
        **fields,
        task=cast("Any", one.task),
        state=cast("Any", one.state),
        parameters={},
        error=one.error or "",
        error_kind=one.error_kind or "",
        schedule=one.schedule or "",
        begun=_begun(one),
    )


def _begun(one: told.Job) -> datetime | None:
    """When the try at work must have begun, from what the server guesses is left of it."""
    if one.seconds_left is None or not 0 < one.done < one.total:
        return one.started
    passed = one.seconds_left * one.done / (one.total - one.done)
    return datetime.now(UTC) - timedelta(seconds=passed)
