"""Servers, workers, their children and Redis are killed at random moments: nothing is lost.

``CHAOS=10`` kills ten times as often. The seed is told where something is wrong.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from chaos.ground import CHIPS
from chaos.monkey import Monkey
from chaos.playing import Played, Stage, play
from chaos.stages import served, shared, undisturbed
from redisserving import needs_redis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from chaos.ground import Ground

TIMES = int(os.environ.get("CHAOS", "1"))
GAP = 0.8
SECONDS = 240.0
"""How long a run may take; ten times as many kills take ten times as long."""

pytestmark = pytest.mark.timeout(400 * TIMES)


@pytest.fixture(scope="module")
def calm(
    ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[int, str, int]]:
    return undisturbed(ground, tmp_path_factory.mktemp("calm"))


def played(
    stage: Stage, calm: Mapping[str, tuple[int, str, int]], kills: Mapping[str, int]
) -> Played:
    deck = {kind: count * TIMES for kind, count in kills.items()}
    monkey = Monkey(deck, seed=random.randrange(10**6), gap=GAP)
    done = play(stage, monkey, calm, seconds=SECONDS * TIMES)
    assert [] == done.wrong, done
    assert deck == done.kills, done
    assert sum(CHIPS.values()) <= done.chips
    return done


def test_the_embedded_queue_loses_nothing(
    ground: Ground, calm: Mapping[str, tuple[int, str, int]], tmp_path: Path
) -> None:
    played(served(ground, tmp_path), calm, {"server": 6, "worker": 12, "child": 14})


@needs_redis
def test_the_queue_on_redis_loses_nothing(
    ground: Ground, calm: Mapping[str, tuple[int, str, int]], tmp_path: Path
) -> None:
    played(shared(ground, tmp_path), calm, {"redis": 12, "worker": 14, "child": 12})
