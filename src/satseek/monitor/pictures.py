"""Chips of a finding → PNG files named by what is in them, that outlive their scenes.

Does not know what a finding is kept in. A file is there whole or not at all, and never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.findings import Evidence, Side
    from satseek.types import GeoJSON, Pixels


class Pictures:
    """The pictures of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; pictures lie below it, made when the first one is kept."""
        raise NotImplementedError

    def keep(self, pixels: Pixels) -> str:
        """Write a picture as PNG; returns its SHA-256 when it is on the disk.

        Raises:
            DiskFull: there is no room.
        """
        raise NotImplementedError

    def path(self, digest: str) -> Path:
        """Say where a picture lies, or would."""
        raise NotImplementedError

    def read(self, digest: str) -> bytes:
        """Give the PNG.

        Raises:
            NotFound: there is none.
            DamagedData: it is not what was written.
        """
        raise NotImplementedError


def evidence_of(
    chip_id: str,
    side: Side,
    *,
    collection: Collection,
    pictures: Pictures,
    around: GeoJSON | None = None,
) -> Evidence:
    """Keep a picture of a chip's scene and tell of it.

    Args:
        chip_id: Chip of the collection.
        side: Which of both dates it shows.
        collection: Where it is indexed.
        pictures: Where the picture is kept.
        around: GeoJSON (Multi)Polygon on WGS 84, the finding's footprint: the picture shows the
            ground around it, the same at both dates, whatever their scenes' grids; None: the chip.

    Returns:
        Without a picture where the scene is gone or changed; what it shows was found all the same.

    Raises:
        ChipNotFound: the collection has no such chip.
        DiskFull: there is no room.
    """
    raise NotImplementedError
