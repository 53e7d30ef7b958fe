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
    │   └── UnsafeCheckpoint
    ├── NotFound                      3   what was named does not exist
    │   ├── FolderNotFound
    │   ├── CollectionNotFound
    │   ├── ChipNotFound
    │   ├── ModelNotFound
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
    │   └── GateNotPassed
    ├── DamagedData                   6   stored bytes are not what was written
    │   └── UnreadableCheckpoint
    ├── Overloaded                    7   too much at once; try again later
    │   └── OutOfMemory
    └── DiskFull                      8   no room to write; nothing was stored
"""

from __future__ import annotations

from typing import ClassVar


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


class UnsafeCheckpoint(InvalidRequest):
    """A checkpoint that would run code when read, or may: a pickle nobody allowed."""


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
    """Another living process is writing to the collection."""


class GateNotPassed(Conflict):
    """A model version without a report that passed; the message names what failed."""


class DamagedData(SatseekError):
    """Stored bytes are not what was written; the message names the file."""

    exit_code = 6


class UnreadableCheckpoint(DamagedData):
    """A checkpoint that is cut off, altered, incomplete or of another architecture."""


class Overloaded(SatseekError):
    """Too much at once; the same request may succeed later."""

    exit_code = 7


class OutOfMemory(Overloaded):
    """Memory is too short for what one call of a tower needs."""


class DiskFull(SatseekError):
    """No room to write; what was half written is gone, and what was stored before is whole."""

    exit_code = 8
