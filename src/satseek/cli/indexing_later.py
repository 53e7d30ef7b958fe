"""The options of ``satseek index`` → the job that does the same.

Does not know who does it. What a person at a terminal may read, the job may: no door over a network
can ask for one like it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.cli.detaching import asked_of
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.tasks import Asked


def index_job(
    *,
    source: str | None,
    stac_api: str | None,
    search: Mapping[str, Any],
    recipe: str | None,
    allow: Sequence[str],
    batch: int | None,
    **rest: Any,
) -> Asked:
    """Ask for what the command would do.

    Args:
        source: As the command takes it, likewise the others.
        stac_api: Address, asked for ``search``.
        search: Fields of a search; those that say nothing are left out.
        recipe: Name, or a file.
        allow: Folders, hosts and buckets.
        batch: Must be left to the worker.
        rest: What a job calls as the command does.

    Raises:
        InvalidRequest: these do not go together, or not with a job.
    """
    if batch is not None:
        raise InvalidRequest("--batch: a job is done as its worker is set; set `batch` there")
    if (source is None) == (stac_api is None):
        raise InvalidRequest("give a source of scenes, or --stac-api, not both")
    if source is not None and any(search.values()):
        raise InvalidRequest("--collections, --bbox … --max-items go with --stac-api")
    named = source if source is not None else stac_api
    assert named is not None
    fields = {
        "folder": named,
        "search": {key: value for key, value in search.items() if value} if stac_api else None,
        "recipe": recipe,
        "allow": list(allow),
        **rest,
    }
    return asked_of("index", fields)
