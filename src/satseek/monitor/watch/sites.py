"""Patches of a date and the findings that a watch has → sites: seen again, grown, or new.

Does not know pixels, scores or where findings are kept. A patch that touches a site that is known
is that site, whoever rejected or closed it: nobody is told of one place twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.monitor.change.outlining import find_touching

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from satseek.monitor.change.patches import Patch
    from satseek.monitor.findings.finding import Finding

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the patches of one date say of one place."""

    known: Finding | None
    """The finding that it is; None: it is new."""
    cells: tuple[str, ...]
    """Cells that show it on this date, ascending."""


class KnownSites:
    """The findings of a watch, by the cells that they cover."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Take what the watch has found so far."""
        self._by_id: dict[str, Finding] = {}
        self._owners: dict[str, set[str]] = defaultdict(set)
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """Know one more finding, or one that has grown."""
        self._by_id[finding.id] = finding
        for cell in finding.cells:
            self._owners[cell].add(finding.id)

    def among(self, patches: Sequence[Patch]) -> list[Site]:
        """Tell which sites the patches of a date are.

        A patch that touches several known sites is that which was seen first, and all of them are
        seen; of a site several patches may be seen.
        """
        cells: dict[str, set[str]] = defaultdict(set)
        new: list[Site] = []
        beside = self._beside(patches)
        for patch in patches:
            touched = {name for cell in patch.cells for name in beside[cell]}
            if not touched:
                new.append(Site(known=None, cells=patch.cells))
                continue
            first = min(touched, key=lambda name: _age(self._by_id[name]))
            cells[first] |= set(patch.cells)
            for other in touched - {first}:
                cells[other] |= set(patch.cells) & set(self._by_id[other].cells)
        known = [
            Site(known=self._by_id[name], cells=tuple(sorted(seen)))
            for name, seen in sorted(cells.items())
            if seen
        ]
        return known + new

    def _beside(self, patches: Sequence[Patch]) -> dict[str, set[str]]:
        """Give the findings that cover each cell of some patches, or a cell that touches it."""
        own = {cell for patch in patches for cell in patch.cells}
        found = {cell: set(self._owners.get(cell, ())) for cell in own}
        names = sorted(own | set(self._owners))
        for one, other in find_touching(names).tolist():
            for cell, next_to in ((names[one], names[other]), (names[other], names[one])):
                if cell in own:
                    found[cell] |= self._owners.get(next_to, set())
        return found


def _age(finding: Finding) -> tuple[datetime, str]:
    return finding.first_seen or _NEVER, finding.id
