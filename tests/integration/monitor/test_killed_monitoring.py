"""Watches, land use and assessments are killed again and again: they end as if undisturbed.

Whoever is told fails three times in ten, and scenes come meanwhile, some of them half at first.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import killmaking as making
import pytest
from receiving import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from killmaking import Forks, Left
    from receiving import Receiver

    from satseek.settings import Settings

KILLS = 3
"""Of the watch; the others are killed once each."""


@dataclass(frozen=True)
class Calm:
    """What nobody disturbed."""

    land: Path
    settings: Settings
    left: Left
    seconds: float
    """What looking at a scene took."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Calm:
    room = tmp_path_factory.mktemp("calm")
    land = making.make_land(room / "land")
    settings = making.begin(room / "home", land, receiver.port)
    for day in making.FEW:
        begun = time.monotonic()
        making.arrive(day, land=land, home=room / "home")
        making.look(settings)
        making.tell(settings)
    return Calm(land, settings, making.left(settings), time.monotonic() - begun)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with making.forking() as found:
        yield found


@pytest.fixture(scope="module")
def killed(
    calm: Calm, forks: Forks, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings]:
    """The same, killed at random moments, with a receiver that fails."""
    home = tmp_path_factory.mktemp("killed")
    settings = making.begin(home, calm.land, receiver.port)
    asked = making.settings_of(home, calm.land, receiver.port)
    chance, kills, days = random.Random(2), 0, list(making.FEW)
    receiver.taken.clear()
    receiver.got.clear()
    making.failing(receiver, chance)
    while days or kills < KILLS:
        if days:
            half = chance.random() < 0.5
            making.arrive(days[0], land=calm.land, home=home, part=0.6 if half else 1.0)
            del days[: 0 if half else 1]
        code = forks.run(asked, "watch", seconds=chance.uniform(0.1, 1.5) * calm.seconds)
        kills += code < 0
    while forks.run(asked, "watch", seconds=None):
        pass
    return home, settings


def test_every_alert_comes_once_by_its_key_and_every_scene_is_picked_up_once(
    calm: Calm, killed: tuple[Path, Settings], receiver: Receiver
) -> None:
    _, settings = killed
    left = making.left(settings)
    assert {"new", "updated"} == {reason for _, reason, _ in calm.left.alerts.values()}
    assert calm.left.findings == left.findings
    assert {1} == {
        len({one.bounds for one in found.evidence}) for found, _ in left.findings.values()
    }
    assert calm.left.alerts == left.alerts
    assert calm.left.scenes == left.scenes
    assert (list(making.FEW), len(making.FEW)) == (left.days, left.picked_up)
    assert set(left.alerts) == set(receiver.taken)
    assert len(left.alerts) == len({(got.key, got.body) for got in receiver.got})


@pytest.mark.parametrize("task", ["landuse", "assess"])
def test_other_tasks_leave_the_same_files_and_findings(
    task: Any, calm: Calm, killed: tuple[Path, Settings], forks: Forks, receiver: Receiver
) -> None:
    home, settings = killed
    receiver.conduct = lambda _n: "take"
    begun = time.monotonic()
    job = making.job_of(task)
    expected = making.content_of(making.look(calm.settings, task), calm.settings, job)
    seconds = time.monotonic() - begun
    asked = making.settings_of(home, calm.land, receiver.port)
    while forks.run(asked, task, seconds=seconds / 2) == 0:  # it was quicker than its first run
        seconds /= 2
    assert 0 == forks.run(asked, task, seconds=None)
    told = making.told_of(settings, task)
    assert expected == making.content_of(told, settings, job)
    assert making.left(calm.settings).findings == making.left(settings).findings
