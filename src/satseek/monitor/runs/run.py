"""What is kept of a run: the nouns, and how they are written down.

Knows no folder. What a run found beside what every run has are facts: JSON, by kind.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from satseek.errors import DamagedData
from satseek.formats import check_format

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
"""Of what is told of a run, and of the folder that it names."""

RunKind: TypeAlias = Literal["landuse", "damage"]
"""Runs that are kept; what a watch found are findings, and its runs are its own."""

RESERVED: Final[Mapping[RunKind, frozenset[str]]] = {
    "landuse": frozenset({"presets"}),
    "damage": frozenset({"hazards"}),
}
"""Names that no run may have: addresses beside those of runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file that a run left."""

    name: str
    """As it is asked for; ``/`` parts folders."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its content, 64 hex digits."""
    media_type: str
    """What it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """What the latest run of a name found."""

    kind: RunKind
    """Of what."""
    name: str
    """Unique among its kind."""
    collection: str
    """Whoever does not see it does not see the run."""
    made_at: datetime
    """When, UTC."""
    operator: str
    """Who asked for it; empty: not told."""
    stamp: str
    """12 hex digits, another for each run."""
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What it found, as JSON."""
    tables: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Rows of each of its tables."""
    files: tuple[KeptFile, ...] = ()
    """What it left, by name."""

    @property
    def generation(self) -> int:
        """The stamp as a number: places in tables belong to it."""
        return int(self.stamp, 16)

    def told(self) -> dict[str, Any]:
        """Give all of it but its tables, as JSON."""
        own = {"name": self.name, "collection": self.collection, "operator": self.operator}
        files = [asdict(one) for one in self.files]
        made_at = self.made_at.isoformat()
        return {
            **self.facts,
            **own,
            "made_at": made_at,
            "tables": dict(self.tables),
            "files": files,
        }


def run_text(run: KeptRun) -> str:
    """Write a run as its file holds it."""
    said = {"format": FORMAT, **asdict(run), "made_at": run.made_at.isoformat()}
    return json.dumps(said, ensure_ascii=False)


def run_of(text: str) -> KeptRun:
    """Read a run back.

    Raises:
        DamagedData: it is not what was written.
        FormatTooNew: a later release has written it.
    """
    try:
        read = json.loads(text)
        check_format("a run", read.pop("format", 1), FORMAT)
        files = tuple(KeptFile(**one) for one in read.pop("files"))
        made_at = datetime.fromisoformat(read.pop("made_at"))
        return KeptRun(**read, files=files, made_at=made_at)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"expected a run as it was written, came {error}") from error
