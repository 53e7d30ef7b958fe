"""Servers, workers, their children and Redis are killed at random moments: nothing is lost.

``CHAOS=10`` kills ten times as often. The seed is told where something is wrong.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from chaos.ground import CHIPS
from chaos.monkey import GAPS_A_RUN, SLOWER, Monkey
from chaos.playing import Played, Stage, play
from chaos.stages import served, shared, undisturbed
from redisserving import needs_redis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from chaos.asking import Account
    from chaos.ground import Ground

    Calm = tuple[Mapping[str, Account], float]
    """What everything comes to undisturbed, and the seconds that it takes."""

TIMES = int(os.environ.get("CHAOS", "1"))
LEAST_SECONDS = 120.0
"""A run may take so long, however fast the machine is."""

pytestmark = pytest.mark.timeout(1200 * TIMES)


@pytest.fixture(scope="module")
def calm(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    return undisturbed(ground, tmp_path_factory.mktemp("calm"))


def played(stage: Stage, calm: Calm, kills: Mapping[str, int]) -> Played:
    deck = {kind: count * TIMES for kind, count in kills.items()}
    monkey = Monkey(deck, seed=random.randrange(10**6), gap=calm[1] / GAPS_A_RUN)
    seconds = max(LEAST_SECONDS, calm[1] * SLOWER) * TIMES
    done = play(stage, monkey, calm[0], seconds=seconds)
    assert [] == done.wrong, done
    assert deck == done.kills, done
    assert sum(CHIPS.values()) <= done.chips
    return done


def test_the_embedded_queue_loses_nothing(ground: Ground, calm: Calm, tmp_path: Path) -> None:
    played(served(ground, tmp_path), calm, {"server": 6, "worker": 12, "child": 14})


@needs_redis
def test_the_queue_on_redis_loses_nothing(ground: Ground, calm: Calm, tmp_path: Path) -> None:
    played(shared(ground, tmp_path), calm, {"redis": 12, "worker": 14, "child": 12})
