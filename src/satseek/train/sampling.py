"""Pools of several sources become one stock of tensors, and a stock becomes batches.

Knows no tower. Which chips a step sees follows from seed, step and process alone, so that a run
that was interrupted sees the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import torch

from satseek.train.losses import UNKNOWN
from satseek.train.prompting import TEMPLATES, prompts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.train.configuring import SourceConfig
    from satseek.train.reading import Pool

_PROMPTED = 2
"""Label prompts that stand among a chip's captions: labels are said as well as described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Everything there is to learn from, as tensors that processes share."""

    images: torch.Tensor
    """uint8, (n, 3, px, px)."""
    source: torch.Tensor
    """int64, (n,): index of the chip's source."""
    targets: torch.Tensor
    """int8, (n, labels): 1 true, 0 false, −1 unknown."""
    exclusive: torch.Tensor
    """bool, (sources, labels): the labels of a source that exclude each other."""
    taught_labels: torch.Tensor
    """int64, (t,): columns of ``targets`` that the teacher answers."""
    main_label: torch.Tensor
    """int64, (n,): the chip's place among ``taught_labels``; −1: none."""
    is_held_out: torch.Tensor
    """bool, (n,)."""
    labels: tuple[str, ...]
    """Names of the columns of ``targets``."""
    texts: tuple[str, ...]
    """Every distinct caption."""
    caption_rows: torch.Tensor
    """int64: rows of ``texts``, chip after chip."""
    caption_starts: torch.Tensor
    """int64, (n + 1,): where each chip's part of ``caption_rows`` starts."""

    @property
    def training(self) -> torch.Tensor:
        """Chips to train the teacher on: taught and not held out; int64."""
        return ((self.main_label >= 0) & ~self.is_held_out).nonzero()[:, 0]

    @property
    def held_out(self) -> torch.Tensor:
        """Chips to measure the teacher on; int64."""
        return ((self.main_label >= 0) & self.is_held_out).nonzero()[:, 0]

    def of_source(self, index: int, *, held_out: bool) -> torch.Tensor:
        """One source's chips, to train on or held out; int64."""
        return ((self.source == index) & (self.is_held_out == held_out)).nonzero()[:, 0]

    def share_memory(self) -> None:
        """Let other processes read the same memory."""
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, torch.Tensor):
                value.share_memory_()  # type: ignore[no-untyped-call]


def stock_up(pools: Sequence[Pool], sources: Sequence[SourceConfig]) -> Stock:
    """Put pools together; labels of the same name are the same label."""
    labels = tuple(sorted({name for p in pools for name in (*p.labels, *p.also)}))
    column = {name: i for i, name in enumerate(labels)}
    exclusive = torch.zeros(len(pools), len(labels), dtype=torch.bool)
    for i, pool in enumerate(pools):
        exclusive[i, [column[name] for name in pool.labels]] = True
    taught = [i for i, source in enumerate(sources) if source.taught]
    taught_labels = exclusive[taught].any(0).nonzero()[:, 0]
    targets = torch.cat([_targets(pool, column) for pool in pools])
    source = torch.cat([torch.full((len(p.images),), i) for i, p in enumerate(pools)])
    texts, rows, starts = _captions(pools)
    return Stock(
        images=torch.from_numpy(np.concatenate([pool.images for pool in pools])),
        source=source,
        targets=targets,
        exclusive=exclusive,
        taught_labels=taught_labels,
        main_label=_main_label(targets, taught_labels, torch.isin(source, torch.tensor(taught))),
        is_held_out=torch.from_numpy(np.concatenate([pool.held_out for pool in pools])),
        labels=labels,
        texts=texts,
        caption_rows=rows,
        caption_starts=starts,
    )


def _targets(pool: Pool, column: dict[str, int]) -> torch.Tensor:
    targets = torch.full((len(pool.images), len(column)), UNKNOWN, dtype=torch.int8)
    targets[:, [column[name] for name in (*pool.labels, *pool.also)]] = 0
    for i, (present, unsure) in enumerate(zip(pool.present, pool.unsure, strict=True)):
        targets[i, [column[name] for name in unsure]] = UNKNOWN
        targets[i, [column[name] for name in present]] = 1
    return targets


def _main_label(targets: torch.Tensor, columns: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    if not len(columns):
        return torch.full((len(targets),), -1)
    true = targets[:, columns] == 1
    single = (true.sum(1) == 1) & taught
    return torch.where(single, true.int().argmax(1), torch.tensor(-1))


def _captions(pools: Sequence[Pool]) -> tuple[tuple[str, ...], torch.Tensor, torch.Tensor]:
    row_of: dict[str, int] = {}
    rows: list[int] = []
    starts = [0]
    for pool in pools:
        for i, (captions, present) in enumerate(zip(pool.captions, pool.present, strict=True)):
            rows += [
                row_of.setdefault(text, len(row_of))
                for text in (*captions, *_prompted(sorted(present), i))
            ]
            starts.append(len(rows))
    return tuple(row_of), torch.tensor(rows), torch.tensor(starts)


def _prompted(labels: Sequence[str], turn: int) -> list[str]:
    if not labels:
        return []
    chosen = [labels[(turn + k) % len(labels)] for k in range(_PROMPTED)]
    return [prompts(name)[(turn + 3 * k) % len(TEMPLATES)] for k, name in enumerate(chosen)]


class Feed:
    """Gives one process its chips of each step: every chip once an epoch, in shuffled order."""

    def __init__(
        self, chips: torch.Tensor, *, share: int, rank: int, world: int, seed: int
    ) -> None:
        self._chips, self._share, self._rank, self._world = chips, share, rank, world
        self._seed = seed
        self._orders: dict[int, torch.Tensor] = {}

    def rows(self, step: int) -> torch.Tensor:
        """Rows of the stock for this process at ``step``; int64 (share,)."""
        first = (step * self._world + self._rank) * self._share
        places = torch.arange(first, first + self._share)
        n = len(self._chips)
        return torch.stack([self._chips[self._order(int(p) // n)[int(p) % n]] for p in places])

    def _order(self, epoch: int) -> torch.Tensor:
        if epoch not in self._orders:
            self._orders = {k: v for k, v in self._orders.items() if k == epoch - 1}
            shuffle = torch.Generator().manual_seed(_mixed(self._seed, epoch, 0))
            self._orders[epoch] = torch.randperm(len(self._chips), generator=shuffle)
        return self._orders[epoch]


def shares(weights: Sequence[float], total: int) -> list[int]:
    """Divide ``total`` chips by weight, at least one each, rounding the largest remainders up."""
    exact = [total * weight / sum(weights) for weight in weights]
    whole = [max(1, int(one)) for one in exact]
    order = sorted(range(len(exact)), key=lambda i: int(exact[i]) - exact[i])
    for i in order * len(exact):
        if sum(whole) >= total:
            break
        whole[i] += 1
    return whole


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch's global generator for one step of one process."""
    torch.manual_seed(_mixed(seed, step, rank + 1))


def _mixed(*numbers: int) -> int:
    return crc32(repr(numbers).encode())
