"""A job as it stands → whether it is news to whoever has seen it before.

Does not know how it is looked at, nor by whom.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from satseek.jobs.protocol import FINAL

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job


def revision_of(job: Job) -> str:
    """Digest whatever may change of a job; guesses of what is left are no change."""
    changing = (
        job.state, job.attempts, job.done, job.total, job.note, job.log, job.error, job.cancelling,
        job.worker, str(job.not_before), str(job.finished),
    )  # fmt: skip
    return hashlib.sha256(json.dumps(changing).encode()).hexdigest()[:16]


def is_news(job: Job, seen: str | None) -> bool:
    """Tell whether a job has ended, or is another than was seen.

    Args:
        job: As it stands.
        seen: Its revision then; None: only its end is news.
    """
    return job.state in FINAL or (seen is not None and revision_of(job) != seen)
