"""Who asks, and for what → whether they may, and whether it can be done at all.

Does not know how jobs are kept. Jobs about collections that somebody does not see are not there;
those about none are there for who asked and for administrators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from satseek.errors import NotFound
from satseek.index.checks import check_name
from satseek.jobs.tasks import HERE, check_task
from satseek.monitor.damage.uploads import SIGN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.assemble import ServedModel
    from satseek.index.collection import Collection
    from satseek.jobs.protocol import Job, Schedule, TaskName
    from satseek.jobs.tasks import Asked
    from satseek.monitor.damage.uploads import Upload
    from satseek.service.access.principals import Principal, Scope
    from satseek.service.calling import Caller
    from satseek.service.jobbing_asking import AskedTask
    from satseek.service.running import Running
    from satseek.settings import Settings

NEEDED: Mapping[TaskName, Scope] = {
    "classify": "classify",
    "evaluate": "classify",
    "export": "search",
    "landuse": "classify",
    "watch": "search",
    "assess": "classify",
    "report": "search",
    "sample": "classify",
}
"""Scopes that tasks take beside ``jobs``: a job gives nobody what they may not ask for at once."""


def allowed(caller: Caller) -> Principal:
    """Give who asks; raises PermissionDenied where jobs are none of their business."""
    caller.principal.require("jobs")
    return caller.principal


def sees(who: Principal, one: Job | Schedule, shared: Running) -> bool:
    """Tell whether a job or a schedule is there as far as somebody is concerned."""
    if one.collection:
        return who.sees(one.collection, shared.assembly.settings.collection_groups)
    return who.name == one.asked_by or who.is_admin


def require_task(who: Principal, task: TaskName) -> None:
    """Go on only with who may have what comes of a task; raises PermissionDenied."""
    if task in NEEDED:
        who.require(NEEDED[task])


def check(asked: AskedTask, shared: Running, who: Principal) -> None:
    """Refuse now what they may not, or what would certainly fail later.

    Raises:
        PermissionDenied: they may not.
        CollectionNotFound, ModelNotServed, FolderNotFound, InvalidRequest, UnsafeReference: it
            would fail.
    """
    who.require("jobs")
    who.require(asked.scope)
    require_task(who, asked.task)
    if asked.about():
        check_name(asked.about())
        shared.require(asked.about(), who)
    _check_uploads(asked, shared, who)
    check_task(cast("Asked", asked), Seen(shared, who))  # one of them, with its task's name


def told_of(asked: AskedTask, who: Principal) -> dict[str, Any]:
    """Give what a task needs to know, and where it leaves a report also who asked for it."""
    parameters = asked.parameters()
    if "operator" in HERE[asked.task].model_fields:
        parameters["operator"] = who.name
    return parameters


def sees_upload(who: Principal, upload: Upload) -> bool:
    """Tell whether a file that was sent is there as far as somebody is concerned."""
    return who.name == upload.by or who.is_admin


def _check_uploads(asked: AskedTask, shared: Running, who: Principal) -> None:
    """Refuse files that somebody else has sent, as if there were none; raises NotFound."""
    for name in ("parcels", "districts"):
        named = getattr(asked, name, None) or ""
        if named.startswith(SIGN) and not sees_upload(who, shared.monitor.uploads.get(named)):
            raise NotFound(f"no upload {named.removeprefix(SIGN)[:32]!r}; send the file again")


class Seen:
    """The working parts as far as somebody sees them."""

    def __init__(self, shared: Running, who: Principal) -> None:
        self._shared = shared
        self._who = who

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self._shared.assembly.settings

    def reader(self, name: str, /) -> Collection:
        """Open a collection; raises CollectionNotFound."""
        return self._shared.reader(name, self._who)

    def local_folder(self, name: str, /) -> Path:
        """Find a collection's files; raises CollectionNotFound, Conflict."""
        return self._shared.local_folder(name, self._who)

    def model_named(self, ref: str | None, /) -> ServedModel:
        """Find a model; raises ModelNotServed."""
        return self._shared.assembly.model_named(ref)
