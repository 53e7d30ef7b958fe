"""Settings → what is kept of watching the land, for all routes of one application.

Does not know who asks. Nothing is opened before it is used, and who only looks makes no file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from satseek.monitor.damage.uploads import Uploads
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.opening import opened_findings, opened_pictures, opened_runs
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.keeping import Watches

if TYPE_CHECKING:
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.runs.keeping import Runs
    from satseek.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one data folder; all of them safe to share between threads."""

    findings: Findings
    """What was found, with whoever is told of changes."""
    pictures: Pictures
    """What was seen then."""
    outbox: Outbox
    """Who was told of what."""
    samples: Samples
    """Places drawn for people to judge."""
    watches: Watches
    """What is looked for again and again."""
    runs: Runs
    """What runs of land use and of damage found."""
    uploads: Uploads
    """Files of parcels that were sent."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take a data folder.

        Raises:
            InvalidSettings: a channel of alerts that cannot be.
        """
        folder = settings.data_dir / FOLDER
        return cls(
            findings=opened_findings(settings),
            pictures=opened_pictures(settings),
            outbox=Outbox(folder),
            samples=Samples(folder),
            watches=Watches(folder),
            runs=opened_runs(settings),
            uploads=Uploads(folder),
        )

    def close(self) -> None:
        """Close what was opened."""
        for one in (self.findings, self.outbox, self.samples, self.watches):
            one.close()
