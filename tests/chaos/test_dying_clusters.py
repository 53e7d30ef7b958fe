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
from chaos.monkey import Monkey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chaos.clusters import Cluster
    from chaos.ground import Ground

TIMES = int(os.environ.get("CHAOS", "1"))
GAP = 1.0
SECONDS = 240.0
"""How long a run may take; ten times as many kills take ten times as long."""

pytestmark = pytest.mark.timeout(400 * TIMES)


@pytest.fixture(scope="module")
def calm(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, int]:
    found = clusters.indexed_by_one(ground, tmp_path_factory.mktemp("calm"))
    assert (sum(CHIPS.values()), 2) == (found[0], found[2])
    return found


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
    calm: tuple[int, str, int],
    tmp_path: Path,
) -> None:
    deck = {kind: count * TIMES for kind, count in kills.items()}
    monkey = Monkey(deck, seed=random.randrange(10**6), gap=GAP)
    with started(tmp_path) as cluster:
        done = clusters.play_cluster(
            cluster, ground, tmp_path, monkey, calm, seconds=SECONDS * TIMES
        )
    assert [] == done.wrong, done
    assert deck == done.kills, done
