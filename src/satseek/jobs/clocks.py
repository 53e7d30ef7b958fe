"""This machine's clocks → a moment that people read, and one by which silence is measured.

Does not know who was silent. The clock on the wall jumps when it is set; the one that counts from
the start of the machine does not, and is the same for all of its processes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Another text each time that Linux starts, see random(4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the clocks say."""

    wall: float
    """Seconds since 1970."""
    ticks: float
    """Seconds that the machine has been awake."""
    boot: str
    """Names the start that ``ticks`` counts from; empty: not known, it is good for nothing then."""


def moment_here() -> Moment:
    """Read the clocks of this machine."""
    return Moment(wall=time.time(), ticks=time.monotonic(), boot=_boot())


@cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:  # no Linux: leases go by the clock on the wall
        return ""
