from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from satseek.train.configuring import SourceConfig
from satseek.train.reading import Pool
from satseek.train.sampling import Feed, shares, stock_up

AERIAL = SourceConfig(kind="labels", path="a", taught=True)
COUNTY = SourceConfig(kind="labels", path="b")


def _pool(present: list[set[str]], labels: tuple[str, ...], **more: object) -> Pool:
    n = len(present)
    fields: dict[str, object] = {
        "images": np.zeros((n, 3, 4, 4), np.uint8),
        "present": tuple(frozenset(one) for one in present),
        "unsure": (frozenset(),) * n,
        "captions": ((),) * n,
        "labels": labels,
        "also": (),
        "held_out": np.zeros(n, bool),
    }
    return Pool(**{**fields, **more})  # type: ignore[arg-type]


def test_a_source_knows_nothing_of_another_ones_labels() -> None:
    stock = stock_up(
        [
            _pool([{"river"}, {"port"}], ("port", "river")),
            _pool([{"mine", "river"}], ("mine", "river")),
        ],
        [AERIAL, COUNTY],
    )
    assert stock.labels == ("mine", "port", "river")
    assert stock.targets.tolist() == [[-1, 0, 1], [-1, 1, 0], [1, -1, 1]]
    assert stock.exclusive.tolist() == [[False, True, True], [True, False, True]]


def test_the_teacher_sees_taught_chips_with_one_label_that_are_not_held_out() -> None:
    pool = _pool(
        [{"river"}, {"port"}, {"port", "river"}, {"port"}],
        ("port", "river"),
        held_out=np.array([False, False, False, True]),
    )
    stock = stock_up([pool, _pool([{"mine"}], ("mine",))], [AERIAL, COUNTY])
    assert stock.taught_labels.tolist() == [1, 2]
    assert stock.main_label.tolist() == [1, 0, -1, 0, -1]
    assert stock.training.tolist() == [0, 1]
    assert stock.held_out.tolist() == [3]


def test_what_is_unsure_counts_nothing_and_captions_find_their_chip() -> None:
    pool = _pool(
        [{"river"}, set()],
        ("port", "river"),
        unsure=(frozenset({"port"}), frozenset()),
        captions=(("a curved river",), ("some water",)),
    )
    stock = stock_up([pool], [COUNTY])
    assert stock.targets.tolist() == [[-1, 1], [0, 0]]
    first, second, end = stock.caption_starts.tolist()
    texts = [stock.texts[row] for row in stock.caption_rows.tolist()]
    assert texts[first] == "a curved river"
    assert all("river" in text for text in texts[first:second])
    assert texts[second:end] == ["some water"]


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_chip_is_seen_once_an_epoch_whatever_the_processes(world: int) -> None:
    chips = torch.arange(100, 124)
    feeds = [Feed(chips, share=4, rank=r, world=world, seed=1) for r in range(world)]
    steps = 24 // (4 * world)
    seen = [row for step in range(steps) for feed in feeds for row in feed.rows(step).tolist()]
    assert Counter(chips.tolist()) == Counter(seen)
    later = [row for feed in feeds for row in feed.rows(steps).tolist()]
    assert later != seen[: len(later)]


def test_a_later_start_sees_the_same_chips() -> None:
    one, two = (Feed(torch.arange(10), share=3, rank=0, world=1, seed=1) for _ in "ab")
    rows = [one.rows(step).tolist() for step in range(9)]
    assert rows[7] == two.rows(7).tolist()


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([1.0], 64, [64]),
        ([0.92, 0.08], 64, [59, 5]),
        ([1.0, 1.0, 1.0], 64, [22, 21, 21]),
        ([1.0, 1e-6], 64, [63, 1]),
    ],
)
def test_divides_a_batch_by_weight(weights: list[float], total: int, expected: list[int]) -> None:
    assert sorted(expected) == sorted(shares(weights, total))
    assert total == sum(shares(weights, total))
