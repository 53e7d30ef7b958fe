"""What went wrong → a gRPC status and its details (google.rpc.Status), from one table.

Does not know which method it happened in. A client never sees a traceback, nor where files lie.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from fastapi.exceptions import RequestValidationError
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from satseek import errors
from satseek.service.problems import MAX_ERRORS, RETRY_SECONDS, WITHHELD
from satseek.service.withholding import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.message import Message

logger = logging.getLogger(__name__)

Code = grpc.StatusCode

DOMAIN = "satseek"
"""Domain of ``ErrorInfo``: whose reasons they are."""

DETAILS = "grpc-status-details-bin"
"""Trailing metadata that carries a google.rpc.Status
(https://grpc.io/docs/guides/error, “Richer error model”)."""

STATUSES: Mapping[type[errors.SatseekError], grpc.StatusCode] = {
    errors.SatseekError: Code.INTERNAL,
    errors.InvalidRequest: Code.INVALID_ARGUMENT,
    errors.EmptyText: Code.INVALID_ARGUMENT,
    errors.InvalidK: Code.INVALID_ARGUMENT,
    errors.InvalidFilter: Code.INVALID_ARGUMENT,
    errors.InvalidName: Code.INVALID_ARGUMENT,
    errors.InvalidSettings: Code.INVALID_ARGUMENT,
    errors.InvalidConfig: Code.INVALID_ARGUMENT,
    errors.Untranslatable: Code.INVALID_ARGUMENT,
    errors.UnsafeCheckpoint: Code.INVALID_ARGUMENT,
    errors.UnsafeReference: Code.INVALID_ARGUMENT,
    errors.NotFound: Code.NOT_FOUND,
    errors.FolderNotFound: Code.NOT_FOUND,
    errors.CollectionNotFound: Code.NOT_FOUND,
    errors.ChipNotFound: Code.NOT_FOUND,
    errors.ModelNotFound: Code.UNAVAILABLE,  # of the settings; no request
    errors.ModelNotServed: Code.NOT_FOUND,
    errors.JobNotFound: Code.NOT_FOUND,
    errors.ScheduleNotFound: Code.NOT_FOUND,
    errors.KeyNotFound: Code.NOT_FOUND,
    errors.ConceptNotFound: Code.NOT_FOUND,
    errors.FindingNotFound: Code.NOT_FOUND,
    errors.WatchNotFound: Code.NOT_FOUND,
    errors.SampleNotFound: Code.NOT_FOUND,
    errors.AlertNotFound: Code.NOT_FOUND,
    errors.DependencyMissing: Code.UNIMPLEMENTED,
    errors.HubUnreachable: Code.UNAVAILABLE,
    errors.ServerUnreachable: Code.UNAVAILABLE,  # of the client's side; no request
    errors.UnreadableImage: Code.INVALID_ARGUMENT,
    errors.ImageTooLarge: Code.INVALID_ARGUMENT,  # no retry helps: it is not RESOURCE_EXHAUSTED
    errors.UnsupportedRaster: Code.INVALID_ARGUMENT,
    errors.NoValidPixels: Code.INVALID_ARGUMENT,
    errors.Conflict: Code.FAILED_PRECONDITION,
    errors.ModelMismatch: Code.FAILED_PRECONDITION,
    errors.RecipeMismatch: Code.FAILED_PRECONDITION,
    errors.GridMismatch: Code.FAILED_PRECONDITION,
    errors.CollectionExists: Code.ALREADY_EXISTS,
    errors.CollectionLocked: Code.ABORTED,
    errors.GateNotPassed: Code.FAILED_PRECONDITION,
    errors.IdempotencyConflict: Code.ALREADY_EXISTS,
    errors.LeaseLost: Code.ABORTED,
    errors.FormatTooNew: Code.FAILED_PRECONDITION,
    errors.DamagedData: Code.DATA_LOSS,
    errors.UnreadableCheckpoint: Code.DATA_LOSS,
    errors.Overloaded: Code.RESOURCE_EXHAUSTED,
    errors.OutOfMemory: Code.RESOURCE_EXHAUSTED,
    errors.RateLimited: Code.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: Code.DEADLINE_EXCEEDED,
    errors.DirectoryUnreachable: Code.UNAVAILABLE,
    errors.DiskFull: Code.RESOURCE_EXHAUSTED,
    errors.AccessDenied: Code.PERMISSION_DENIED,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.PermissionDenied: Code.PERMISSION_DENIED,
    errors.Abandoned: Code.CANCELLED,  # nobody is there to read it
}
"""Status by error class; `tests/unit/service` proves that no class is left out."""

OURS = frozenset({Code.INTERNAL, Code.DATA_LOSS})
"""Failures of ours: paths and causes are for the operator, not for every client."""

_WAITING = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE})
"""Statuses after which the same call may succeed later."""

STOPPING = "this server stops; send what was not answered to another one, or to this one later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A status that a call ends with."""

    code: grpc.StatusCode
    """Status."""
    reason: str
    """Kind of problem: an error's class."""
    message: str
    """What happened this time, on one line."""
    details: tuple[Message, ...] = ()
    """More than the reason."""

    @property
    def number(self) -> int:
        """The code as google.rpc.Code numbers it."""
        return int(self.code.value[0])

    def metadata(self) -> tuple[str, bytes]:
        """Return the trailing metadata that carries the details."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN)
        status = status_pb2.Status(
            code=self.number, message=self.message, details=_packed((info, *self.details))
        )
        return DETAILS, status.SerializeToString()


def refusal(error: Exception) -> Refused:
    """Return the status of a failure; what is ours is logged with its cause and withheld."""
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if not isinstance(error, errors.SatseekError):
        logger.error("failed", exc_info=error)
        return Refused(code=Code.INTERNAL, reason="Unexpected", message=WITHHELD)
    code, reason = STATUSES[type(error)], type(error).__name__
    if code in OURS:
        logger.error("failed: %s", error, exc_info=error)
        return Refused(code=code, reason=reason, message=WITHHELD)
    return Refused(code=code, reason=reason, message=told(error), details=_details(error, code))


def stopping() -> Refused:
    """Return the status of a stream that ends because the server does."""
    return Refused(code=Code.UNAVAILABLE, reason="Stopping", message=STOPPING)


def _details(error: errors.SatseekError, code: grpc.StatusCode) -> tuple[Message, ...]:
    if code not in _WAITING or isinstance(error, errors.DiskFull | errors.NotFound):
        return ()
    seconds = int(getattr(error, "retry_after_s", RETRY_SECONDS))
    delay = duration_pb2.Duration(seconds=seconds)
    return (error_details_pb2.RetryInfo(retry_delay=delay),)


def _invalid(error: RequestValidationError) -> Refused:
    """Name the fields that are wrong, as the problem document of REST does."""
    wrong = [
        (".".join(str(part) for part in one["loc"] if part != "body"), str(one["msg"]))
        for one in error.errors()[:MAX_ERRORS]
    ]
    violation = error_details_pb2.BadRequest.FieldViolation
    fields = [violation(field=field, description=message) for field, message in wrong]
    return Refused(
        code=Code.INVALID_ARGUMENT,
        reason=errors.InvalidRequest.__name__,
        message="; ".join(f"{field or 'request'}: {message}" for field, message in wrong[:3]),
        details=(error_details_pb2.BadRequest(field_violations=fields),),
    )


def _packed(details: Iterable[Message]) -> list[any_pb2.Any]:
    packed = []
    for one in details:
        box = any_pb2.Any()
        box.Pack(one)
        packed.append(box)
    return packed
