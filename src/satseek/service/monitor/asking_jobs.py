"""A request for long work at an address of its own → the job that does it, as ``/v1/jobs`` answers.

Knows the wire only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.service import jobbing_verbs as verbs
from satseek.service.calling import caller
from satseek.service.jobbing_showing import JobDetails, details
from satseek.service.repeating import key_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from satseek.service.jobbing_asking import AskedJob
    from satseek.service.running import Running


async def ask_for_job(
    asked: AskedJob, request: Request, response: Response, *, shared: Running
) -> JobDetails:
    """Ask for a job; raises as ``jobbing_verbs.submit``."""
    job = await verbs.submit(asked, key=key_of(request), shared=shared, caller=caller(request))
    root = str(request.scope.get("root_path", ""))
    response.headers["location"] = f"{root}/v1/jobs/{job.id}"
    return details(job)
