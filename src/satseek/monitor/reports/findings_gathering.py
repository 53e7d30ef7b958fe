"""Findings that pass a filter → all that a report of them is made of.

Does not know what the report says, nor who asks. Whoever runs it hands over what opens collections:
one that is gone leaves the report without imagery below its maps, not without findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.monitor.findings.finding import OUTSIDE_PERMIT, WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.index.collection import Collection
    from satseek.index.spec import CollectionSpec
    from satseek.monitor.findings.finding import Finding, State, Step
    from satseek.monitor.findings.keeping import FindingFilter, Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.reports.report import Language
    from satseek.types import Scene

WAITING: tuple[State, ...] = ("new", "assigned")
"""States in which a finding waits for somebody's decision."""

_RANKS: Mapping[State, int] = {"new": 0, "assigned": 0, "confirmed": 1, "closed": 2, "rejected": 3}
"""What is told first: what waits, then what has to be followed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagery:
    """A collection that findings come from."""

    spec: CollectionSpec
    """What it is."""
    scenes: tuple[Scene, ...]
    """Those that show the findings, and are still known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsMaterial:
    """All that a report of findings is made of."""

    findings: tuple[Finding, ...]
    """In the order in which they are told and numbered: what waits first, the most urgent first."""
    decided: Mapping[str, Step]
    """Last step by a person, of those that have one, by id."""
    imagery: Mapping[str, Imagery]
    """By collection; those that are gone are missing."""
    pictures: Pictures
    """Where pictures are kept."""
    asked: FindingFilter
    """Which findings were asked for."""
    operator: str
    """Who asked for it."""
    command: str
    """What was typed or asked."""
    made_at: datetime
    """When, timezone-aware."""
    language: Language = "en"
    """Of the report."""
    title: str = ""
    """Its title; empty: by what was asked for."""


def gather_findings(
    findings: Findings,
    asked: FindingFilter,
    *,
    pictures: Pictures,
    opened: Callable[[str], Collection],
    operator: str,
    command: str = "",
    language: Language = "en",
    title: str = "",
    made_at: datetime | None = None,
) -> FindingsMaterial:
    """Read findings, what people decided, and of their collections what made them.

    Args:
        findings: Where they are kept.
        asked: Which.
        pictures: Where their pictures are kept.
        opened: Opens a collection for reading.
        operator: Who asks.
        command: What was typed or asked.
        language: Of the report.
        title: Its title; empty: by what was asked for.
        made_at: When, timezone-aware; None: now.

    Raises:
        InvalidFilter, InvalidRequest: what is asked cannot be.
    """
    found = tuple(sorted(findings.all(asked), key=_order))
    steps = {one.id: findings.last_deed(one.id) for one in found}
    return FindingsMaterial(
        findings=found,
        decided={name: step for name, step in steps.items() if step is not None},
        imagery=_imagery(found, opened),
        pictures=pictures,
        asked=asked,
        operator=operator,
        command=command,
        made_at=made_at or datetime.now(UTC),
        language=language,
        title=title,
    )


def _order(finding: Finding) -> tuple[int, bool, bool, float, str]:
    """What waits and is still found, outside permits, urgent first; by id where all is equal."""
    outside = OUTSIDE_PERMIT in finding.flags
    withdrawn = WITHDRAWN in finding.flags
    return _RANKS[finding.state], withdrawn, not outside, -finding.urgency, finding.id


def _imagery(found: tuple[Finding, ...], opened: Callable[[str], Collection]) -> dict[str, Imagery]:
    shown: dict[str, set[str]] = {}
    for finding in found:
        shown.setdefault(finding.collection, set()).update(one.scene for one in finding.evidence)
    known: dict[str, Imagery] = {}
    for name in sorted(shown):
        try:
            collection = opened(name)
            scenes = [collection.find_scene(scene) for scene in sorted(shown[name])]
        except SatseekError:  # gone, damaged or elsewhere: findings stand without it
            continue
        here = tuple(scene for scene in scenes if scene is not None)
        known[name] = Imagery(spec=collection.spec, scenes=here)
    return known
