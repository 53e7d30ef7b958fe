"""A table of STAC items (stac-geoparquet) → its items, some hundred at a time.

Does not open rasters. Only this file imports pyarrow to read, and stac-geoparquet.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery._remote import RemoteFile
from satseek.imagery.reach import is_remote
from satseek.imagery.stac_documents import LostDocument, one_of_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.imagery.reach import Reach
    from satseek.imagery.stac_documents import FoundItem

BATCH_ITEMS = 256
"""Items in memory at once; beside one column chunk of a row group."""


@dataclass(slots=True)
class Table:
    """The items of a table; iterated once."""

    source: str
    """Absolute path or ``http(s)`` address."""
    reach: Reach
    """Where it may lie."""
    total: int = 0
    """Rows, once it is open."""

    def __iter__(self) -> Iterator[FoundItem | LostDocument]:
        """Give its rows as items.

        Raises:
            DependencyMissing: pyarrow or stac-geoparquet is not installed.
            UnreadableImage: no such table.
        """
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
            from pyarrow import parquet  # noqa: PLC0415
            from stac_geoparquet.arrow import stac_table_to_items  # noqa: PLC0415
        except ImportError as error:
            raise DependencyMissing(
                "tables of STAC items are read by stac-geoparquet: pip install 'satseek[gis]'"
            ) from error
        failures = (pa.ArrowException, OSError, KeyError, ValueError, TypeError)
        try:
            with closing(self._opened()) as file, parquet.ParquetFile(file) as table:
                self.total = table.metadata.num_rows
                for batch in table.iter_batches(batch_size=BATCH_ITEMS):
                    for item in stac_table_to_items(pa.Table.from_batches([batch])):
                        yield one_of_many(_plain(item), self.source)
        except failures as error:
            raise UnreadableImage(
                f"{shown(self.source)}: no table of STAC items "
                f"({type(error).__name__}: {shown(' '.join(str(error).split()))[:200]})"
            ) from error

    def _opened(self) -> Any:
        if is_remote(self.source):
            return RemoteFile(self.source, hosts=self.reach.addresses).handle()
        return open(self.source, "rb")  # noqa: PTH123 - closed by who asked


def _plain(item: Any) -> Any:
    """Bring values of Arrow and NumPy to what JSON has."""
    return json.loads(json.dumps(item, default=str))
