"""The settings → the findings of the data folder, with whoever is told of their changes.

Does not know who asks. Every door opens them here, so that no change goes unheard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.delivery.channels import channels_of
from satseek.monitor.delivery.rows import OUTBOX
from satseek.monitor.delivery.telling import Telling
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.rows import PART as WATCHES

if TYPE_CHECKING:
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.runs.keeping import Runs
    from satseek.settings import Settings


def opened_findings(settings: Settings) -> Findings:
    """Give the findings, with the tables of watches and of the outbox; opens nothing yet.

    Raises:
        InvalidSettings: a channel that cannot be.
    """
    return Findings(
        settings.data_dir / FOLDER,
        parts=(OUTBOX, WATCHES),
        listeners=(Telling(channels_of(settings)),),
    )


def opened_pictures(settings: Settings) -> Pictures:
    """Give the pictures that are kept beside them."""
    from satseek.monitor.findings.pictures import Pictures  # noqa: PLC0415 (who lists findings needs none)

    return Pictures(settings.data_dir / FOLDER)


def opened_runs(settings: Settings) -> Runs:
    """Give what is kept of runs of land use and of damage."""
    from satseek.monitor.runs.keeping import Runs  # noqa: PLC0415 (who lists findings needs none)

    return Runs(settings.data_dir / FOLDER)
