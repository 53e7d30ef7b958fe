"""Patches of a date and the findings that a watch has → sites: seen again, grown, or new.

Does not know pixels, scores or where findings are kept. A patch that touches a site that is known
is that site, whoever rejected or closed it: nobody is told of one place twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.monitor.findings.known import KnownFindings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from satseek.monitor.change.patches import Patch
    from satseek.monitor.findings.finding import Finding


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
        self._known = KnownFindings(findings)

    def add(self, finding: Finding) -> None:
        """Know one more finding, or one that has grown."""
        self._known.add(finding)

    def among(self, patches: Sequence[Patch]) -> list[Site]:
        """Tell which sites the patches of a date are.

        A patch that touches several known sites is that which was seen first, and all of them are
        seen; of a site several patches may be seen.
        """
        cells: dict[str, set[str]] = defaultdict(set)
        new: list[Site] = []
        beside = self._known.beside({cell for patch in patches for cell in patch.cells})
        for patch in patches:
            touched = {name for cell in patch.cells for name in beside[cell]}
            if not touched:
                new.append(Site(known=None, cells=patch.cells))
                continue
            first = self._known.oldest(touched)
            cells[first] |= set(patch.cells)
            for other in touched - {first}:
                cells[other] |= set(patch.cells) & set(self._known[other].cells)
        known = [
            Site(known=self._known[name], cells=tuple(sorted(seen)))
            for name, seen in sorted(cells.items())
            if seen
        ]
        return known + new
