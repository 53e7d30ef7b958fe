"""What was kept of a finding at a date → an image of a report, the finding outlined on it.

Knows no page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.images import file_image
from satseek.monitor.reports.outlining_images import outlined

if TYPE_CHECKING:
    from satseek.monitor.findings.finding import Evidence, Finding
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.reports.blocks import Image


def evidence_image(
    shown: Evidence | None, *, finding: Finding, pictures: Pictures, alt: str
) -> Image | None:
    """Show a finding at one of its dates; None where no picture was kept.

    Args:
        shown: Its evidence of that date; None: there is none.
        finding: Whose outline is drawn, where the picture shows the ground around it.
        pictures: Where pictures are kept.
        alt: What it shows, for those who cannot see it.
    """
    if shown is None or not shown.picture:
        return None
    image = file_image(pictures.path(shown.picture), alt=alt, digest=shown.picture)
    if shown.bounds is None or finding.footprint is None:
        return image
    return outlined(image, footprint=finding.footprint, bounds=shown.bounds)
