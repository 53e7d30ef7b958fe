"""The findings that a source has → those that cover some cells, or lie beside them.

Does not know what cells show, nor when what is found again is the same.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.monitor.change.outlining import find_touching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from satseek.monitor.findings.finding import Finding

_NEVER = datetime.max.replace(tzinfo=UTC)


class KnownFindings:
    """Findings by the cells that they cover."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        """Take what a source has found so far."""
        self._by_id: dict[str, Finding] = {}
        self._owners: dict[str, set[str]] = defaultdict(set)
        for finding in findings:
            self.add(finding)

    def __contains__(self, finding_id: object) -> bool:
        """Tell whether there is one of this id."""
        return finding_id in self._by_id

    def __getitem__(self, finding_id: str) -> Finding:
        """Give one; raises KeyError."""
        return self._by_id[finding_id]

    def add(self, finding: Finding) -> None:
        """Know one more finding, or one that covers other cells by now."""
        former = self._by_id.get(finding.id)
        for cell in () if former is None else former.cells:
            self._owners[cell].discard(finding.id)
        self._by_id[finding.id] = finding
        for cell in finding.cells:
            self._owners[cell].add(finding.id)

    def covering(self, cells: Iterable[str]) -> set[str]:
        """Give the ids of the findings that cover any of some cells."""
        return {name for cell in cells for name in self._owners.get(cell, ())}

    def beside(self, cells: Collection[str]) -> dict[str, set[str]]:
        """Give, of each of some cells, the findings that cover it or a cell that touches it."""
        own = set(cells)
        found = {cell: self.covering((cell,)) for cell in own}
        names = sorted(own | set(self._owners))
        for one, other in find_touching(names).tolist():
            for cell, next_to in ((names[one], names[other]), (names[other], names[one])):
                if cell in own:
                    found[cell] |= self.covering((next_to,))
        return found

    def oldest(self, names: Iterable[str]) -> str:
        """Give the id of that which was seen first."""
        return min(names, key=lambda name: age(self._by_id[name]))


def age(finding: Finding) -> tuple[datetime, str]:
    """Order findings by when they were seen first."""
    return finding.first_seen or _NEVER, finding.id
