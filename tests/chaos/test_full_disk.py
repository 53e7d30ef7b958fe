"""The disk is full while something is written: a clear error, nothing lost, and then it goes on."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from chaos.rooms import alone, needs_rooms

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.ground import Ground

FLOODS = 8
POINTS = 6

pytestmark = [needs_rooms, pytest.mark.timeout(900)]


def told(verb: str, folder: Path, ground: Ground, *words: object) -> dict[str, Any]:
    said = alone("chaos.starving", verb, folder, ground.scenes, ground.model, *words, seconds=850)
    found: dict[str, Any] = json.loads(said)
    return found


def test_indexing_is_refused_wherever_the_room_ends_and_goes_on(
    ground: Ground, tmp_path: Path
) -> None:
    found = told("index", tmp_path, ground, POINTS)
    kept = found["kept"]
    assert POINTS == len(kept)
    assert kept == sorted(kept), "with more room less was kept"
    assert 0 == kept[0]
    assert 0 < kept[-1] < found["chips"], "no refusal came after a commit"


def test_a_result_is_written_as_a_whole_or_not_at_all(ground: Ground, tmp_path: Path) -> None:
    labels = [word for label in ("forest", "water") for word in ("-l", label)]
    done = told(
        "command", tmp_path, ground, "labels.csv", "classify", ground.scenes / "city", *labels
    )
    assert (8, [], True) == (done["exit"], done["visible"], done["same"]), done["said"]
    assert 1 == len(done["said"].strip().splitlines())
    assert "room" in done["said"]


def test_jobs_wait_until_there_is_room_again(ground: Ground, tmp_path: Path) -> None:
    done = told("queue", tmp_path, ground, FLOODS, random.randrange(10**6))
    assert [] == done["wrong"], done
    assert {"disk": FLOODS} == done["kills"], done
