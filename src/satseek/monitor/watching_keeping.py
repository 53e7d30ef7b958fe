"""Watches, the scenes that they have looked at, and what was answered → the room's database.

Does not know how a watch is run. What was acknowledged is on the disk, whoever else writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.keeping import Findings
    from satseek.monitor.watching import Watch


class Watches:
    """The watches of one data folder; safe to share between threads and processes."""

    def __init__(self, findings: Findings) -> None:
        """Take the findings of the same data folder, opened with `PART` among their parts."""
        raise NotImplementedError

    def save(self, watch: Watch) -> Watch:
        """Keep a watch as the next version under its name; give it with version and date.

        Raises:
            InvalidName, InvalidRequest: it cannot be.
        """
        raise NotImplementedError

    def get(self, name: str) -> Watch:
        """Give the newest version of a watch.

        Raises:
            WatchNotFound: there is none of that name; names those that there are.
        """
        raise NotImplementedError

    def list(self) -> Sequence[Watch]:
        """Give the newest version of every watch, by name."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Forget a watch and what it has looked at; its findings stay.

        Raises:
            WatchNotFound: there is none of that name.
        """
        raise NotImplementedError
