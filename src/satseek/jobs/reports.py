"""The jobs of a data folder → the reports that they left, in this very process.

Knows no HTTP. A report goes with its job.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.client.jobs import JobFile
from satseek.client.reports import FORMS, TASKS, report_of
from satseek.jobs.results import files_of
from satseek.jobs.verbs import PAGE, LocalJobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.client.reports import Report
    from satseek.jobs.protocol import Job
    from satseek.jobs.results import ResultFile


class LocalReports(LocalJobs):
    """The jobs of one data folder, and their reports."""

    def reports(self, *, collection: str | None = None, limit: int | None = None) -> list[Report]:
        """List the reports that jobs left; takes what ``Client.reports`` takes."""
        found: list[Report] = []
        before = ""
        while page := self._queue().jobs(before=before, limit=PAGE):
            for job in page:
                if collection in (None, job.collection):
                    found += [report_of(told_report(job, one)) for one in self._files(job)]
                if limit is not None and len(found) >= limit:
                    return found[:limit]
            before = page[-1].id
        return found

    def save_report(self, report: Report, path: Path | str) -> None:
        """Write a report into a file, whole or not at all; raises JobNotFound."""
        file = JobFile(
            name=report.name,
            bytes=report.bytes,
            sha256=report.sha256,
            media_type=next(kind for kind, form in FORMS.items() if form == report.form),
        )
        self._place.fetch(report.job, file, Path(path))

    def _files(self, job: Job) -> Iterator[ResultFile]:
        return reports_of(job, files_of(self._parts.settings.data_dir, job))


def reports_of(job: Job, files: list[ResultFile]) -> Iterator[ResultFile]:
    """Give those of a job's files that are reports."""
    return (one for one in files if job.task in TASKS and one.media_type in FORMS)


def told_report(job: Job, file: ResultFile) -> dict[str, Any]:
    """Tell of a report as every door does."""
    return {
        "job": job.id,
        "task": job.task,
        "collection": job.collection,
        "title": str(job.parameters.get("title") or ""),
        "name": file.name,
        "form": FORMS[file.media_type],
        "bytes": file.bytes,
        "sha256": file.sha256,
        "made": job.finished.isoformat() if job.finished else None,
        "expires": job.expires.isoformat() if job.expires else None,
        "by": job.asked_by,
    }
