"""Patches of a date and the findings that a watch has → sites: seen again, grown, or new.

Does not know pixels, scores or where findings are kept. A patch that touches a site that is known
is that site, whoever rejected or closed it: nobody is told of one place twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.monitor.outlining import find_touching

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from satseek.monitor.findings import Finding
    from satseek.monitor.patches import Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the patches of one date say of one place."""

    known: Finding | None
    """The finding that it is; None: it is new."""
    cells: tuple[str, ...]
    """Cells that show it on this date, ascending."""


class KnownSites:
    """The findings of a watch, by the cells that they cover and those beside them."""

    def __init__(self, cells: Sequence[str], findings: Iterable[Finding]) -> None:
        """Take the cells that the watch looks at, and what it has found so far."""
        self._places = {cell: place for place, cell in enumerate(cells)}
        self._beside: dict[str, set[str]] = defaultdict(set)
        for one, other in find_touching(cells).tolist():
            self._beside[cells[one]].add(cells[other])
            self._beside[cells[other]].add(cells[one])
        self._by_id: dict[str, Finding] = {}
        self._near: dict[str, set[str]] = defaultdict(set)
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """Know one more finding, or one that has grown."""
        self._by_id[finding.id] = finding
        for cell in finding.cells:
            self._near[cell].add(finding.id)
            for other in self._beside.get(cell, ()):
                self._near[other].add(finding.id)

    def among(self, patches: Sequence[Patch]) -> list[Site]:
        """Tell which sites the patches of a date are.

        A patch that touches several known sites is that which was seen first, and all of them are
        seen; of a site several patches may be seen.
        """
        cells: dict[str, set[str]] = defaultdict(set)
        new: list[Site] = []
        for patch in patches:
            touched = {name for cell in patch.cells for name in self._near.get(cell, ())}
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
        ]
        return known + new


def _age(finding: Finding) -> tuple[bool, datetime | str, str]:
    first = finding.first_seen
    return (first is None, first or "", finding.id)
