"""A made-up field of cells with a pond that grew: what labels tell scatters, vectors agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from satseek.monitor.change.blending import around
from satseek.monitor.damage.deciding import LEAST_SOUND, Decided
from satseek.monitor.damage.learning import learn

EDGE = 24
CELLS = tuple(f"epsg32633_1_128s64_x{at % EDGE}y{at // EDGE}" for at in range(EDGE * EDGE))
COLUMNS, ROWS = np.arange(EDGE * EDGE) % EDGE, np.arange(EDGE * EDGE) // EDGE
POND = np.clip(9.0 - np.hypot(COLUMNS - 11.5, ROWS - 11.5), 0.0, 1.0)
"""True shares: all within eight cells of the middle, less and less on the next."""
NEAR = around(CELLS)
NUMBERS = 16


def vectors(shares: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Unit vectors before and after that differ by ground, and by what is affected of it."""
    rng = np.random.default_rng(seed)
    damage, ground = np.linalg.qr(rng.normal(size=(NUMBERS, 2)))[0].T
    before = ground + rng.normal(0, 0.05, (len(shares), NUMBERS))
    after = before + 0.5 * shares[:, None] * damage
    both = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (before, after))
    return np.hstack(list(both)).astype(np.float32)


def decided(shares: np.ndarray, *, before: np.ndarray | None = None) -> Decided:
    affected = shares > 0.5
    none = np.zeros(len(shares), dtype=np.bool_)
    return Decided(
        affected=affected,
        before=none if before is None else before,
        after=affected,
        shares=shares,
        margins=shares,
        shift=0.0,
    )


def scattered(seed: int = 1) -> Decided:
    """As labels tell it: every third cell of the pond not at all."""
    lost = np.random.default_rng(seed).random(len(POND)) < 1 / 3
    return decided(np.where(lost, 0.0, POND))


def learnt(told: Decided, pairs: np.ndarray) -> Decided:
    return learn(told, lambda places: pairs[places], cells=CELLS, near=NEAR)


def test_shares_come_nearer_to_the_truth_than_labels_alone() -> None:
    told = scattered()
    found = learnt(told, vectors(POND))
    alone, together = (np.abs(one.shares - POND).mean() for one in (told, found))
    assert alone > 0.08
    assert together < 0.03
    assert np.array_equal(told.affected, found.affected)
    assert (0 <= found.shares).all()
    assert (found.shares <= 1).all()


def test_no_cell_confirms_itself() -> None:
    shares = POND.copy()
    odd = CELLS.index("epsg32633_1_128s64_x1y1")
    shares[odd] = 1.0  # its vectors are those of sound ground
    assert 0 == learnt(decided(shares), vectors(POND)).shares[odd]


def test_damage_stays_where_labels_tell_some_and_is_none_where_it_was_before() -> None:
    far = POND.copy()
    far[:4] = 1.0  # vectors of water in a corner that labels call sound
    before = COLUMNS == 11
    found = learnt(decided(POND, before=before), vectors(far))
    assert 0 == found.shares[:4].sum()
    assert 0 == found.shares[before].sum()
    assert found.shares[~before & (POND == 1)].min() > 0.7


def test_where_little_is_affected_or_nothing_stands_out_labels_alone_tell() -> None:
    pairs = vectors(POND)
    few = decided(np.where(np.arange(len(POND)) < LEAST_SOUND - 1, 1.0, 0.0))
    assert few is learnt(few, pairs)
    told = scattered()
    assert told is learnt(told, vectors(np.zeros_like(POND)))


def test_cells_not_seen_at_both_moments_are_never_read() -> None:
    told, pairs = scattered(), vectors(POND)
    unseen = ROWS < 3
    told = replace(told, margins=np.where(unseen, np.nan, told.margins))
    read: list[np.ndarray] = []

    def look(places: np.ndarray) -> np.ndarray:
        read.append(places)
        return pairs[places]

    found = learn(told, look, cells=CELLS, near=NEAR)
    assert not unseen[np.concatenate(read)].any()
    assert 0 == found.shares[unseen].sum()


def test_images_that_are_one_chip_teach_as_well() -> None:
    pairs = np.tile(vectors(POND), (2, 1))
    names = tuple(f"image-{at}" for at in range(len(pairs)))
    told = decided(np.tile(np.round(POND), 2))
    found = learn(told, lambda places: pairs[places], cells=names, near=around(names))
    wet = told.affected
    assert found.shares[wet].min() > 0.5
    assert 0 == found.shares[~wet].sum()
