"""Every way satseek says no, as one tree.

Knows nothing of HTTP or gRPC; each branch names its exit code, doors map the leaves to statuses.

    SatseekError                      1
    ├── InvalidRequest                2   what was asked makes no sense
    │   ├── EmptyText
    │   ├── InvalidK
    │   ├── InvalidFilter
    │   ├── InvalidName
    │   ├── InvalidSettings
    │   ├── InvalidConfig
    │   ├── Untranslatable
    │   ├── UnsafeCheckpoint
    │   └── UnsafeReference
    ├── NotFound                      3   what was named does not exist
    │   ├── FolderNotFound
    │   ├── CollectionNotFound
    │   ├── ChipNotFound
    │   ├── ModelNotFound
    │   ├── ModelNotServed
    │   ├── JobNotFound
    │   ├── ScheduleNotFound
    │   ├── KeyNotFound
    │   ├── ConceptNotFound
    │   ├── FindingNotFound
    │   ├── WatchNotFound
    │   ├── SampleNotFound
    │   ├── AlertNotFound
    │   ├── DependencyMissing
    │   └── HubUnreachable
    ├── UnreadableImage               4   an image or scene that cannot be used
    │   ├── ImageTooLarge
    │   ├── UnsupportedRaster
    │   └── NoValidPixels
    ├── Conflict                      5   what was asked clashes with what is stored
    │   ├── ModelMismatch
    │   ├── RecipeMismatch
    │   ├── GridMismatch
    │   ├── CollectionExists
    │   ├── CollectionLocked
    │   ├── GateNotPassed
    │   ├── IdempotencyConflict
    │   ├── LeaseLost
    │   └── FormatTooNew
    ├── DamagedData                   6   stored bytes are not what was written
    │   └── UnreadableCheckpoint
    ├── Overloaded                    7   too much at once; try again later
    │   ├── OutOfMemory
    │   ├── RateLimited
    │   ├── DeadlineExceeded
    │   ├── DirectoryUnreachable
    │   └── ServerUnreachable
    ├── DiskFull                      8   no room to write; nothing was stored
    ├── AccessDenied                  9   who asked may not
    │   ├── Unauthenticated
    │   └── PermissionDenied
    └── Abandoned                     10  nobody waits for the answer any more
"""

from __future__ import annotations

import errno
from typing import ClassVar

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""System errors told as `DiskFull`: the disk, the quota or the largest file has no room."""


class SatseekError(Exception):
    """Anything satseek refuses or fails at; the message is one line for the person who asked."""

    exit_code: ClassVar[int] = 1


class InvalidRequest(SatseekError):
    """What was asked makes no sense, whatever is stored."""

    exit_code = 2


class EmptyText(InvalidRequest):
    """A query, label or prompt without any word."""


class InvalidK(InvalidRequest):
    """A number of hits below one or above the limit."""


class InvalidFilter(InvalidRequest):
    """An area or a date range that cannot be."""


class InvalidName(InvalidRequest):
    """A collection name with characters that are not allowed."""


class InvalidSettings(InvalidRequest):
    """A setting that is unknown or out of range."""


class InvalidConfig(InvalidRequest):
    """A training or job description that is unknown or out of range."""


class Untranslatable(InvalidRequest):
    """Words that neither the model nor the glossary knows; the message names them."""


class UnsafeCheckpoint(InvalidRequest):
    """A checkpoint that would run code when read, or may: a pickle nobody allowed."""


class UnsafeReference(InvalidRequest):
    """A file or address that a request names and that no root or allow-list covers."""


class NotFound(SatseekError):
    """What was named does not exist."""

    exit_code = 3


class FolderNotFound(NotFound):
    """A folder or file of scenes that is not there."""


class CollectionNotFound(NotFound):
    """No collection has that name."""


class ChipNotFound(NotFound):
    """The collection has no chip of that id."""


class ModelNotFound(NotFound):
    """No model bundle has that name, or the folder holds none."""


class ModelNotServed(NotFound):
    """A request names a model that is not served."""


class JobNotFound(NotFound):
    """No job has that id, or its result has expired."""


class ScheduleNotFound(NotFound):
    """No schedule has that name."""


class KeyNotFound(NotFound):
    """No API key has that id."""


class ConceptNotFound(NotFound):
    """No concept has that name, or that version."""


class FindingNotFound(NotFound):
    """No finding has that id."""


class WatchNotFound(NotFound):
    """No watch has that name."""


class SampleNotFound(NotFound):
    """No sample has that name, or no place of it that id."""


class AlertNotFound(NotFound):
    """No alert has that id."""


class DependencyMissing(NotFound):
    """An optional package is needed and not installed; the message says how to install it."""


class HubUnreachable(NotFound):
    """A hub that does not answer or broke off; nothing was stored, the same may succeed later."""


class UnreadableImage(SatseekError):
    """An image or scene that cannot be used; the message names the file and the reason."""

    exit_code = 4


class ImageTooLarge(UnreadableImage):
    """More pixels or bytes than allowed; refused before decoding."""


class UnsupportedRaster(UnreadableImage):
    """A raster of a kind without an honest picture: complex, other planets, unknown bands."""


class NoValidPixels(UnreadableImage):
    """Every pixel is nodata."""


class Conflict(SatseekError):
    """What was asked clashes with what is stored."""

    exit_code = 5


class ModelMismatch(Conflict):
    """The collection was made by another model or model version."""


class RecipeMismatch(Conflict):
    """The collection was made with another recipe."""


class GridMismatch(Conflict):
    """The collection lies on another grid."""


class CollectionExists(Conflict):
    """A collection of that name is already there."""


class CollectionLocked(Conflict):
    """Another living process is writing to the collection, or runs the same watch or run."""


class GateNotPassed(Conflict):
    """A model version without a report that passed; the message names what failed."""


class IdempotencyConflict(Conflict):
    """An idempotency key that came before with another request, or whose request is still on."""


class LeaseLost(Conflict):
    """A worker tells of a job that is another's by now, or final."""


class FormatTooNew(Conflict):
    """A later release has written it, in a format that this one does not know."""


class DamagedData(SatseekError):
    """Stored bytes are not what was written; the message names the file."""

    exit_code = 6


class UnreadableCheckpoint(DamagedData):
    """A checkpoint that is cut off, altered, incomplete or of another architecture."""


class Overloaded(SatseekError):
    """Too much at once; the same request may succeed later."""

    exit_code = 7
    retry_after_s: int = 1
    """Whole seconds after which the same request is worth another try."""


class OutOfMemory(Overloaded):
    """Memory is too short for what one call of a tower needs."""


class RateLimited(Overloaded):
    """More requests than this principal may send; the message says how many."""

    retry_after_s: int = 1
    """Seconds until the next one is taken."""


class DeadlineExceeded(Overloaded):
    """The answer was not ready within the time that the request had."""


class DirectoryUnreachable(Overloaded):
    """The directory or identity provider does not answer, so that nobody can be recognised."""


class ServerUnreachable(Overloaded):
    """A satseek server, or a Milvus that holds a collection, that does not answer, or fails."""


class DiskFull(SatseekError):
    """No room to write; what was half written is gone, and what was stored before is whole."""

    exit_code = 8


class AccessDenied(SatseekError):
    """Who asked may not."""

    exit_code = 9


class Unauthenticated(AccessDenied):
    """No credentials, or none that are valid; the message never says which part was wrong."""


class PermissionDenied(AccessDenied):
    """A known principal without the role, scope or group that this takes."""


class Abandoned(SatseekError):
    """Nobody waits for the answer any more: it was not computed."""

    exit_code = 10


def kind_named(name: str) -> type[SatseekError]:
    """Find a kind of error by its name; the root of the tree where there is none."""
    kind = globals().get(name)
    return kind if isinstance(kind, type) and issubclass(kind, SatseekError) else SatseekError
