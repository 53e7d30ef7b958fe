"""Which chip stands for a cell, of several scenes of one moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from madeground import DIM, cell_at, collected, make_chip

from satseek.errors import GridMismatch, ModelMismatch
from satseek.model.bundle import starter_bundle
from satseek.monitor.damage.assessment import Moment
from satseek.monitor.damage.cells import seen_cells
from satseek.monitor.damage.deciding import Kinds
from satseek.monitor.damage.joining import UNSEEN, join
from satseek.monitor.labels.labelling import LabelVectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.index.pinned import Pinned
    from satseek.monitor.damage.cells import SeenCells
    from satseek.monitor.findings.finding import Side
    from satseek.types import Chip, Vectors

AFFECTED, SOUND, CLOUD = np.eye(DIM, dtype=np.float32)[:3]
KINDS = Kinds(
    affected=np.array([True, False, False]),
    new=np.array([False] * 3),
    hidden=np.array([False, False, True]),
)
NEAR, FAR = (0, 0), (1, 0)
BOX = (14.9, 46.8, 15.1, 47.1)
"""Around the made ground, in degrees."""


def looked(
    index: Pinned,
    side: Side = "after",
    *,
    version: str | None = None,
    event: date | None = None,
) -> SeenCells:
    name, own = index.model
    card = replace(starter_bundle().card, name=name, version=version or own, dim=DIM)
    labels = LabelVectors(
        card=card,
        names=("affected", "sound", "cloud"),
        vectors=np.stack([AFFECTED, SOUND, CLOUD]),
        starts=np.arange(3),
    )
    moment = Moment(index=index, collection="made")
    return seen_cells(
        moment,
        side=side,
        box=BOX,
        labels=labels,
        kinds=KINDS,
        event=event,
        on_progress=lambda *_: None,
    )


def days(
    chips: Sequence[Chip],
    vectors: Sequence[Vectors],
    home: Path,
    side: Side,
    *,
    event: date | None = None,
) -> list[str]:
    with collected(home, chips, np.stack(vectors)) as index:
        found = looked(index, side, event=event)
    return [f"{found.dates[at]:%d}" if found.dates[at] else "-" for at in found.sources]


@pytest.mark.parametrize(("side", "expected"), [("after", ["03"]), ("before", ["09"])])
def test_the_scene_nearest_to_the_event_counts(
    tmp_path: Path, side: Side, expected: list[str]
) -> None:
    chips = [make_chip(NEAR, day=f"2024-07-{day}", scene=day) for day in ("05", "03", "09")]
    assert expected == days(chips, [SOUND] * 3, tmp_path, side)


def test_ground_counts_before_clouds_and_more_of_it_before_less(tmp_path: Path) -> None:
    chips = [make_chip(NEAR, day=f"2024-07-{day}", scene=day) for day in ("03", "05", "09")]
    assert ["05"] == days(chips, [CLOUD, SOUND, SOUND], tmp_path / "clouds", "after")
    chips = [
        make_chip(NEAR, day="2024-07-03", scene="a", valid=0.6),
        make_chip(NEAR, day="2024-07-05", scene="b", valid=0.95),
        make_chip(NEAR, day="2024-07-09", scene="c", valid=1.0),
    ]
    assert ["05"] == days(chips, [SOUND] * 3, tmp_path / "parts", "after")


@pytest.mark.parametrize(
    ("side", "event", "expected"),
    [
        ("after", "2024-07-04", "05"),  # although 03 comes first, and 05 is clouded
        ("after", "2024-07-05", "05"),
        ("after", "2024-07-20", "03"),  # there is no other: told by its date
        ("before", "2024-07-04", "03"),
        ("before", "2024-07-05", "03"),  # ground counts before the cloud
        ("before", "2024-07-01", "09"),
    ],
)
def test_scenes_on_the_other_side_of_the_event_count_where_nothing_else_does(
    tmp_path: Path, side: Side, event: str, expected: str
) -> None:
    chips = [make_chip(NEAR, day=f"2024-07-{day}", scene=day) for day in ("03", "05", "09")]
    found = [SOUND, CLOUD if expected == "03" else SOUND, SOUND]
    assert [expected] == days(chips, found, tmp_path, side, event=date.fromisoformat(event))


def test_undated_scenes_count_where_nothing_else_does(tmp_path: Path) -> None:
    chips = [
        make_chip(NEAR, day=None, scene="a"),
        make_chip(NEAR, day="2024-07-05", scene="b"),
        make_chip(FAR, day=None, scene="a"),
    ]
    for side in ("after", "before"):
        assert ["05", "-"] == days(chips, [SOUND] * 3, tmp_path / side, side)


def test_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    chips = [make_chip(NEAR, day=None, scene="a")]
    with (
        collected(tmp_path, chips, SOUND[None]) as index,
        pytest.raises(ModelMismatch, match="made: expected vectors of"),
    ):
        looked(index, version="other")


def test_moments_are_laid_side_by_side_by_cell(tmp_path: Path) -> None:
    before = [make_chip(NEAR, day=None, scene="a"), make_chip(FAR, day=None, scene="a")]
    after = [make_chip(FAR, day=None, scene="b"), make_chip((2, 0), day=None, scene="b")]
    with (
        collected(tmp_path / "a", before, np.stack([SOUND, SOUND])) as first,
        collected(tmp_path / "b", after, np.stack([AFFECTED, CLOUD])) as last,
    ):
        found = join(looked(last), looked(first, "before"), KINDS)
    assert tuple(cell_at(at, 0) for at in range(3)) == found.cells
    assert found.before is not None
    assert [0, 1, UNSEEN] == found.before.rows.tolist()
    assert [UNSEEN, 0, 1] == found.after.rows.tolist()
    assert [False, False, True] == found.after.hidden.tolist()
    assert [0.0, 1.0, 0.0] == found.judged.tolist()
    assert [False, True, False] == found.decided.affected.tolist()


def test_moments_without_a_common_cell_are_refused(tmp_path: Path) -> None:
    near, far = ([make_chip(one, day=None, scene="a")] for one in (NEAR, FAR))
    with (
        collected(tmp_path / "a", near, SOUND[None]) as first,
        collected(tmp_path / "b", far, SOUND[None]) as last,
        pytest.raises(GridMismatch, match="before and after share no cell"),
    ):
        join(looked(last), looked(first, "before"), KINDS)
