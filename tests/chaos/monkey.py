"""Ends processes at random moments; which kinds and how often is dealt like a deck of cards.

Does not know what they do.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chaos.crew import Process

GAPS_A_RUN = 10
"""Gaps between two kills in the time that everything takes undisturbed, on this machine as busy as
it is: denser kills would let nothing start."""
SLOWER = 20
"""So many times as long as undisturbed may a run with some thirty kills take; beyond it, it is
taken for one that never ends."""
LONGEST_GAP = 5.0
"""Mean gaps between two kills at most: an endless one would be no chaos."""


@dataclass(slots=True)
class Monkey:
    """A deck of kills; the same seed deals it in the same order with the same gaps."""

    kills: Mapping[str, int]
    """How many processes of each kind are killed."""
    seed: int
    """Of all chance."""
    gap: float
    """Seconds between two kills in the mean; most gaps are shorter, some much longer, so that
    programs die while they start as well as deep in their work."""
    killed: Counter[str] = field(default_factory=Counter)
    """Who has died."""
    _deck: list[str] = field(default_factory=list)
    _chance: random.Random = field(default_factory=random.Random)
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._deck = sorted(Counter(self.kills).elements())
        self._chance.shuffle(self._deck)
        self._wait()

    @property
    def left(self) -> int:
        """Kills to come."""
        return len(self._deck)

    def act(self, victims: Callable[[str], Sequence[Process]]) -> None:
        """Kill the next of the deck, if its moment has come and one of its kind lives."""
        if not self._deck or time.monotonic() < self._next:
            return
        living = sorted(victims(self._deck[-1]), key=lambda one: one.pid)
        if not living:
            return
        with suppress(ProcessLookupError):  # it has ended by itself in this moment
            os.kill(self._chance.choice(living).pid, signal.SIGKILL)
            self.killed[self._deck.pop()] += 1
            self._wait()

    def _wait(self) -> None:
        gap = min(self._chance.expovariate(1 / self.gap), LONGEST_GAP * self.gap)
        self._next = time.monotonic() + gap
