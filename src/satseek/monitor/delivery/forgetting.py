"""Letters that arrived long ago → forgotten, with the alerts that they told.

Does not know findings: what was found stays. Letters that wait, and those that were given up, stay
until somebody has had them sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.index.storing import Store

AT_ONCE = 1000
"""Letters of one change, so that it is short: others write meanwhile."""

_PICTURE = re.compile(rb'"picture": ?"([0-9a-f]{64})"')

_OLD = "SELECT key FROM outbox_letters WHERE state = 'arrived' AND settled < ? LIMIT ?"


def forget_arrived(store: Store, *, before: float) -> int:
    """Forget letters that arrived before a moment, with their alerts; returns how many.

    Args:
        store: The outbox's, as `outbox.Outbox.store`.
        before: Seconds since 1970.

    Raises:
        Overloaded, DiskFull, DamagedData, SatseekError: as `index.storing.Store.transaction`; what
            was forgotten until then stays so.
    """
    forgotten = 0
    while keys := _forget_some(store, before):
        forgotten += keys
    return forgotten


def _forget_some(store: Store, before: float) -> int:
    with store.reading() as db:  # mostly there are none, and nobody is kept from writing
        if db.execute(_OLD, (before, 1)).fetchone() is None:
            return 0
    with store.transaction() as db:
        keys = [(row["key"],) for row in db.execute(_OLD, (before, AT_ONCE)).fetchall()]
        db.executemany("DELETE FROM outbox_alerts WHERE letter = ?", keys)
        db.executemany("DELETE FROM outbox_letters WHERE key = ?", keys)
        return len(keys)


def pictures_told(store: Store) -> set[str]:
    """Give the digests of all pictures that letters name, whatever became of these."""
    found: set[str] = set()
    with store.reading() as db:
        for table in ("outbox_letters", "outbox_alerts"):
            rows = db.execute(f"SELECT body FROM {table} WHERE body IS NOT NULL")  # noqa: S608 - ours
            for row in rows:
                found |= {one.decode() for one in _PICTURE.findall(bytes(row["body"]))}
    return found
