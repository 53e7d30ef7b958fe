"""Where the data folder lies → a refusal, or a word of warning, before any work begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.cli.printing import say

if TYPE_CHECKING:
    from satseek.settings import Settings


def check_data_dir(settings: Settings) -> None:
    """Refuse a data folder on a file system that loses data; say so where it is a shared one.

    Raises:
        Conflict: a restore is at work in it, or was killed there.
        SatseekError: what its file system cannot do.
    """
    from satseek.backup.underway import begin_use  # noqa: PLC0415 - help must not wait for it
    from satseek.index.placing import check_place  # noqa: PLC0415 - help must not wait for it

    begin_use(settings.data_dir)
    place = check_place(settings.data_dir)
    if place.shared:
        say(
            f"{settings.data_dir} lies on {place.kind}, which other machines may write to: "
            "whoever searches a collection waits while it is written to (docs/guides/storage.md)"
        )
