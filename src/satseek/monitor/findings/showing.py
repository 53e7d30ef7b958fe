"""A finding and its history → the JSON that people's doors hold: what is known, what may be done.

Does not know which door it is. Lists go without cells, of which a patch may have thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.monitor.findings.deciding import open_to
from satseek.monitor.findings.describing import described, described_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.findings.finding import Finding, Step


def shown(finding: Finding) -> dict[str, Any]:
    """Tell of a finding as lists do."""
    told = described(finding)
    del told["cells"]
    return told | {"cell_count": len(finding.cells), "may": list(open_to(finding.state))}


def shown_whole(finding: Finding, history: Sequence[Step]) -> dict[str, Any]:
    """Tell all of a finding."""
    steps = [described_step(one) for one in history]
    for one in steps:
        del one["finding"]
    return shown(finding) | {"cells": list(finding.cells), "history": steps}
