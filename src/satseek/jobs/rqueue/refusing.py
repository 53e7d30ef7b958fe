"""What RQ's own workers call for a job of satseek → a refusal that names the worker that does it.

Does not know the job. RQ's workers hold no lease, so that two could do one job at once.
"""

from __future__ import annotations

from typing import Any, NoReturn

from satseek.errors import InvalidRequest


def refuse(**_: Any) -> NoReturn:
    """Refuse.

    Raises:
        InvalidRequest: always.
    """
    raise InvalidRequest("jobs of satseek are done by `satseek worker`, not by `rq worker`")
