from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.monitor.change.blending import Around
from satseek.monitor.damage.deciding import (
    LEAST_SOUND,
    Kinds,
    decide_alone,
    decide_paired,
    hidden_cells,
)

AFFECTED, NEW, SOUND, CLOUD = range(4)

KINDS = Kinds(
    affected=np.array([True, False, False, False]),
    new=np.array([False, True, False, False]),
    hidden=np.array([False, False, False, True]),
)


def cell(best: int, *, by: float = 2.0) -> list[float]:
    return [by if at == best else 0.0 for at in range(4)]


def field(count: int, *, spread: float = 0.1, seed: int = 0) -> np.ndarray:
    """Sound cells with some noise."""
    noise = np.random.default_rng(seed).normal(0, spread, (count, 4))
    return np.array([cell(SOUND)] * count) + noise


def beside(pairs: list[list[int]], *, common: float = 0.0) -> Around:
    """Lay cells side by side, whose chips share some ground or none."""
    places = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Around(pairs=places, common=np.full(len(places), common), sides=places)


ALONE = beside([])


def test_alone_the_best_label_counts_and_new_ones_are_sound() -> None:
    logits = np.array([cell(AFFECTED), cell(NEW), cell(SOUND)])
    found = decide_alone(logits, KINDS)
    assert [True, False, False] == found.affected.tolist()
    assert 0.0 == found.shift


def test_paired_what_was_so_before_is_no_damage_and_new_water_is() -> None:
    before = np.vstack([field(100), [cell(SOUND), cell(NEW), cell(SOUND), cell(AFFECTED)]])
    after = np.vstack([field(100, seed=1), [cell(AFFECTED), cell(NEW), cell(NEW), cell(SOUND)]])
    found = decide_paired(before, after, KINDS, near=ALONE)
    assert 0 == found.affected[:100].sum()
    assert [True, False, True, False] == found.affected[100:].tolist()
    assert [False, True, False, True] == found.before[100:].tolist()
    assert [True, True, True, False] == found.after[100:].tolist()


def test_the_step_of_season_and_light_is_taken_out() -> None:
    before = np.vstack([field(200), [cell(SOUND)]])
    shifted = field(200, seed=1)
    shifted[:, AFFECTED] += 1.5  # all fields have turned brown
    ripe = cell(SOUND)
    ripe[AFFECTED] = 2.2  # this one somewhat more
    flooded = cell(AFFECTED, by=5.0)
    found = decide_paired(before, np.vstack([shifted, [ripe]]), KINDS, near=ALONE)
    assert pytest.approx(1.5, abs=0.3) == found.shift
    assert not found.affected.any()
    found = decide_paired(before, np.vstack([shifted, [flooded]]), KINDS, near=ALONE)
    assert [200] == np.flatnonzero(found.affected).tolist()


def test_a_step_that_sound_cells_take_as_well_is_no_damage() -> None:
    before = np.vstack([field(200, spread=0.9), [cell(SOUND, by=0.5)]])
    after = np.vstack([field(200, spread=0.9, seed=1), [cell(AFFECTED, by=0.3)]])
    assert not decide_paired(before, after, KINDS, near=ALONE).affected[-1]
    assert decide_paired(before, after, KINDS, near=ALONE, quantile=0.5).affected[-1]
    quiet = np.vstack([field(200, spread=0.01), [cell(SOUND, by=0.5)]])
    later = np.vstack([field(200, spread=0.01, seed=1), [cell(AFFECTED, by=0.3)]])
    assert decide_paired(quiet, later, KINDS, near=ALONE).affected[-1]


def test_with_few_sound_cells_nothing_is_taken_out() -> None:
    count = LEAST_SOUND - 1
    after = field(count, seed=1)
    after[:, AFFECTED] += 1.0
    assert 0.0 == decide_paired(field(count), after, KINDS, near=ALONE).shift


def test_what_was_not_seen_decides_nothing_and_is_not_affected() -> None:
    gone = [np.nan] * 4
    before = np.array([cell(SOUND), gone, cell(SOUND)])
    after = np.array([cell(AFFECTED), cell(AFFECTED), gone])
    assert [True, False, False] == decide_paired(before, after, KINDS, near=ALONE).affected.tolist()
    assert [True, True, False] == decide_alone(after, KINDS).affected.tolist()


def test_clouds_hide_where_they_fit_best() -> None:
    logits = np.array([cell(CLOUD), cell(SOUND), [np.nan] * 4])
    assert [True, False, False] == hidden_cells(logits, KINDS).tolist()
    bare = Kinds(affected=KINDS.affected, new=KINDS.new, hidden=np.zeros(4, dtype=bool))
    assert not hidden_cells(logits, bare).any()


def test_logits_of_other_cells_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="same cells"):
        decide_paired(field(2), field(3), KINDS, near=ALONE)


def test_a_cloud_must_fit_better_by_what_made_ones_do() -> None:
    logits = np.array([cell(CLOUD, by=1.0), cell(CLOUD, by=3.0)])
    assert [True, True] == hidden_cells(logits, KINDS).tolist()
    assert [False, True] == hidden_cells(logits, replace(KINDS, least_hidden=2.0)).tolist()


def test_a_cell_is_affected_by_as_much_as_its_step_goes_towards_those_of_affected_ones() -> None:
    # In a row: three affected, of which the least two set the whole, two with a part of its step,
    # one with none, and one with a part that touches nothing affected.
    steps = [6.0, 4.0, 4.0, 2.0, 1.0, 0.0, 2.0]
    margin = 2.0
    before = np.vstack([field(100), [cell(SOUND, by=margin)] * len(steps)])
    ends = [[max(step - margin, 0), 0, max(margin - step, 0), 0] for step in steps]
    after = np.vstack([field(100, seed=1), ends])
    row = beside([[100, 101], [101, 102], [102, 103], [103, 104], [100, 105]])
    found = decide_paired(before, after, KINDS, near=row)
    assert [True] * 3 + [False] * 4 == found.affected[100:].tolist()
    assert pytest.approx([1, 1, 1, 0.5, 0, 0, 0], abs=0.03) == found.shares[100:]
    assert 0 == found.shares[:100].sum()
    alone = decide_paired(before, after, KINDS, near=ALONE)
    assert pytest.approx([1, 1, 1, 0, 0, 0, 0], abs=0.03) == alone.shares[100:]


def test_what_was_damage_before_is_affected_in_no_part() -> None:
    before = np.vstack([field(100), [cell(SOUND), cell(AFFECTED, by=1.0), cell(SOUND)]])
    after = np.vstack([field(100, seed=1), [cell(AFFECTED), cell(AFFECTED), [np.nan] * 4]])
    found = decide_paired(before, after, KINDS, near=beside([[100, 101], [100, 102]]))
    assert [1.0, 0.0, 0.0] == found.shares[100:].tolist()


def test_where_nothing_is_affected_no_share_is() -> None:
    found = decide_paired(field(40), field(40, seed=1), KINDS, near=beside([[0, 1]]))
    assert 0 == found.shares.sum()


def test_cells_are_decided_by_what_their_neighbours_chips_show_too() -> None:
    # Two affected ones with a doubtful one between them, and an affected one among sound ones
    changed = [cell(AFFECTED), [0.0, 0.0, 0.1, 0.0], cell(AFFECTED), cell(AFFECTED, by=0.5)]
    before = field(104)
    after = np.vstack([field(100, seed=1), changed])
    pairs = [[100, 101], [101, 102], [98, 103], [99, 103]]
    found = decide_paired(before, after, KINDS, near=beside(pairs, common=0.5))
    assert [True, True, True, False] == found.affected[100:].tolist()
    alone = decide_paired(before, after, KINDS, near=ALONE)
    assert [True, False, True, True] == alone.affected[100:].tolist()
