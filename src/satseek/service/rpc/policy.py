"""A method's name → what it takes to call it: one table for every method that there is.

Does not know who calls. A method that stands nowhere here is refused to all but admins, so that a
new one is closed until somebody has thought about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.service.access.principals import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a method takes."""

    scope: Scope | None
    """Scope; None: everybody may, recognised or not."""
    long: bool = False
    """True of what is answered for as long as the client stays, not within a request's time."""


OPEN = Rule(scope=None)
"""Says nothing about anybody's imagery; neither counted nor written to the audit trail."""

SEARCH = Rule(scope="search")
CLASSIFY = Rule(scope="classify")
EMBED = Rule(scope="embed")
MODELS = Rule(scope="models")
JOBS = Rule(scope="jobs")
WATCH = Rule(scope="jobs", long=True)
FINDINGS = Rule(scope="findings")

UNDECLARED = Rule(scope="keys")
"""Whatever stands nowhere in the table."""

_OWN = "/satseek.v1.Satseek"
_INFERENCE = "/inference.GRPCInferenceService"

RULES: Mapping[str, Rule] = {
    "/grpc.health.v1.Health": OPEN,
    "/grpc.reflection.v1alpha.ServerReflection": OPEN,  # the same as the published proto files
    f"{_OWN}/Search": SEARCH,
    f"{_OWN}/SearchStream": SEARCH,
    f"{_OWN}/Classify": CLASSIFY,
    f"{_OWN}/Similarity": CLASSIFY,
    f"{_OWN}/Embed": EMBED,
    f"{_OWN}/EmbedStream": EMBED,
    f"{_OWN}/EmbedEach": EMBED,
    f"{_OWN}/ListCollections": SEARCH,
    f"{_OWN}/GetModel": SEARCH,
    f"{_OWN}/ListConcepts": SEARCH,
    f"{_OWN}/SubmitJob": JOBS,
    f"{_OWN}/GetJob": JOBS,
    f"{_OWN}/ListJobs": JOBS,
    f"{_OWN}/CancelJob": JOBS,
    f"{_OWN}/WatchJob": WATCH,
    f"{_OWN}/ListSchedules": JOBS,
    f"{_OWN}/PutSchedule": JOBS,
    f"{_OWN}/RemoveSchedule": JOBS,
    f"{_OWN}/ListFindings": SEARCH,
    f"{_OWN}/CountFindings": SEARCH,
    f"{_OWN}/GetFinding": SEARCH,
    f"{_OWN}/GetFindingPicture": SEARCH,
    f"{_OWN}/NextFinding": FINDINGS,
    f"{_OWN}/DecideFinding": FINDINGS,
    f"{_OWN}/ListAlerts": JOBS,
    f"{_OWN}/GetAlert": JOBS,
    f"{_OWN}/ResendAlerts": JOBS,
    f"{_OWN}/ListChannels": JOBS,
    f"{_OWN}/TryChannel": JOBS,
    f"{_OWN}/ListLandUse": SEARCH,
    f"{_OWN}/GetLandUse": SEARCH,
    f"{_OWN}/ListAssessments": SEARCH,
    f"{_OWN}/GetAssessment": SEARCH,
    f"{_OWN}/ListRunRows": SEARCH,
    f"{_OWN}/TakeRunFile": SEARCH,
    f"{_OWN}/ListWatches": SEARCH,
    f"{_OWN}/GetWatch": SEARCH,
    f"{_OWN}/GetWatchExpected": SEARCH,
    f"{_OWN}/RemoveRun": JOBS,
    f"{_OWN}/PutWatch": JOBS,
    f"{_OWN}/RemoveWatch": JOBS,
    f"{_OWN}/RunWatch": JOBS,
    f"{_OWN}/PauseWatch": JOBS,
    f"{_OWN}/ResumeWatch": JOBS,
    f"{_OWN}/TeachWatch": JOBS,
    f"{_OWN}/MeasureWatch": JOBS,
    f"{_OWN}/SendParcels": JOBS,
    f"{_OWN}/ListUploads": JOBS,
    f"{_OWN}/GetUpload": JOBS,
    f"{_OWN}/RemoveUpload": JOBS,
    f"{_INFERENCE}/ServerLive": OPEN,
    f"{_INFERENCE}/ServerReady": OPEN,
    f"{_INFERENCE}/ModelReady": EMBED,
    f"{_INFERENCE}/ServerMetadata": EMBED,
    f"{_INFERENCE}/ModelMetadata": EMBED,
    f"{_INFERENCE}/ModelConfig": EMBED,
    f"{_INFERENCE}/ModelInfer": EMBED,
    f"{_INFERENCE}/ModelStreamInfer": EMBED,
    f"{_INFERENCE}/ModelStatistics": EMBED,
    f"{_INFERENCE}/RepositoryIndex": EMBED,
    f"{_INFERENCE}/RepositoryModelLoad": MODELS,
    f"{_INFERENCE}/RepositoryModelUnload": MODELS,
}
"""Rules by ``/package.Service/Method``, or by ``/package.Service`` for all of its methods."""


def rule(method: str) -> Rule:
    """Return what a method takes."""
    return RULES.get(method) or RULES.get(method.rpartition("/")[0], UNDECLARED)
