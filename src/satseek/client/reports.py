"""JSON of a server → reports that jobs left.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMS: Mapping[str, str] = {"text/html": "html", "application/pdf": "pdf"}
"""What a report is, by what its file is."""

TASKS = frozenset({"report", "landuse", "watch", "assess"})
"""Tasks that leave reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that a job left; it goes with its job."""

    job: str
    """Id of the job."""
    task: str
    """What the job did."""
    collection: str
    """About which collection; empty: about several."""
    title: str
    """As it was asked for; empty: by what was asked."""
    name: str
    """Of its file."""
    form: str
    """``html`` or ``pdf``."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its file."""
    made: datetime | None
    """When its job ended."""
    expires: datetime | None
    """When it is forgotten with its job."""
    by: str
    """Who asked for it."""


def report_of(answer: Mapping[str, Any]) -> Report:
    """Read a report."""
    names = ("job", "task", "collection", "title", "name", "form", "bytes", "sha256", "by")
    return Report(
        **{name: answer[name] for name in names},
        made=_time(answer["made"]),
        expires=_time(answer["expires"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
