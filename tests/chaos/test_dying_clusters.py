"""Workers of every executor, and who asks them, are killed at random moments: the same bytes.

``CHAOS=10`` kills ten times as often. The seed is told where something is wrong.
"""

from __future__ import annotations

import importlib.util
import os
import random
from typing import TYPE_CHECKING

import pytest
from chaos import clusters
from chaos.ground import CHIPS
from chaos.monkey import SLOWER, Monkey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chaos.asking import Account
    from chaos.clusters import Cluster
    from chaos.ground import Ground

TIMES = int(os.environ.get("CHAOS", "1"))
LEAST_SECONDS = 120.0
"""A run may take so long, however fast the machine is."""
GAPS_A_RUN = 5
"""As ``chaos.monkey``; a cluster takes longer to start a worker."""

pytestmark = pytest.mark.timeout(1200 * TIMES)


@pytest.fixture(scope="module")
def calm(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> tuple[Account, float]:
    found, seconds = clusters.indexed_by_one(ground, tmp_path_factory.mktemp("calm"))
    assert (sum(CHIPS.values()), 2) == (found[0], found[2])
    return found, seconds


def executor(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not on this machine: pip install 'satseek[{package}]'",
    )


@pytest.mark.parametrize(
    ("started", "kills"),
    [
        pytest.param(clusters.local, {"worker": 8, "owner": 2}, id="local"),
        pytest.param(clusters.ray, {"worker": 8, "owner": 2}, id="ray", marks=executor("ray")),
        pytest.param(clusters.dask, {"worker": 8, "owner": 2}, id="dask", marks=executor("dask")),
    ],
)
def test_a_cluster_whose_workers_die_makes_the_same_collection(
    started: Callable[[Path], AbstractContextManager[Cluster]],
    kills: Mapping[str, int],
    ground: Ground,
    calm: tuple[Account, float],
    tmp_path: Path,
) -> None:
    deck = {kind: count * TIMES for kind, count in kills.items()}
    monkey = Monkey(deck, seed=random.randrange(10**6), gap=calm[1] / GAPS_A_RUN)
    seconds = max(LEAST_SECONDS, calm[1] * SLOWER) * TIMES
    with started(tmp_path) as cluster:
        done = clusters.play_cluster(cluster, ground, tmp_path, monkey, calm[0], seconds=seconds)
    assert [] == done.wrong, done
    assert deck == done.kills, done
