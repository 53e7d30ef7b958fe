"""A data folder → the same without what nobody needs any more: old letters, pictures of nothing.

Does not know when that is due but for once a day. Whoever works does it now and then.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.model.locking import try_lock
from satseek.monitor.delivery.forgetting import forget_arrived, pictures_told
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.findings.pictures import FOLDER as PICTURES
from satseek.monitor.findings.sweeping import sweep_pictures
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.settings import Settings

DAY_SECONDS = 24 * 3600.0

_MARK = ".tidied"
"""File of the room whose age says when it was tidied last; held by who does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What went."""

    letters: int
    """Letters that had arrived long ago."""
    pictures: int
    """Files of pictures that nothing shows."""


def is_due(settings: Settings, *, now: float) -> bool:
    """Tell whether the data folder was not tidied for a day; a look at one file."""
    try:
        return now - _mark(settings).stat().st_mtime >= DAY_SECONDS
    except FileNotFoundError:
        return (settings.data_dir / FOLDER).is_dir()


def tidy(settings: Settings, *, now: float) -> Tidied | None:
    """Forget letters that arrived longer ago than is set, and remove pictures of nothing.

    Args:
        settings: Of the data folder, and how long letters are kept.
        now: Seconds since 1970.

    Returns:
        What went; None: another process tidies at this moment, or there is nothing.

    Raises:
        Overloaded, DiskFull, DamagedData, SatseekError: as `index.storing.Store.transaction`.
        OSError: pictures cannot be removed.
    """
    with closing(opened_findings(settings)) as findings:
        if not findings.is_there:
            return None
        mark = _mark(settings)
        if (descriptor := try_lock(mark)) is None:
            return None
        try:
            with closing(Outbox(settings.data_dir / FOLDER)) as outbox:
                before = now - DAY_SECONDS * settings.alert_keep_days
                letters = forget_arrived(outbox.store, before=before)
                shown = pictures_told(outbox.store)
            shown |= {
                piece.picture for one in findings.all() for piece in one.evidence if piece.picture
            }
            folder = settings.data_dir / FOLDER / PICTURES
            pictures = sweep_pictures(folder, shown=shown, now=now)
            os.utime(mark, (now, now))
        finally:
            os.close(descriptor)
    return Tidied(letters=letters, pictures=pictures)


def _mark(settings: Settings) -> Path:
    return settings.data_dir / FOLDER / _MARK
