"""Labelled chips become a small convolutional network that guides the image tower.

Knows no captions. Convolutions learn textures from few chips where a transformer does not yet;
the tower is drawn towards its feature map and its answers (locality guidance, Li et al. 2022).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from satseek.train.augmenting import resize, vary
from satseek.train.optimizing import Muon, add_up, rate
from satseek.train.sampling import Feed, seed_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.train.configuring import Augment, TeacherConfig
    from satseek.train.sampling import Stock

FEATURES = 192
"""Channels of the feature map."""

_SMALL_SHARE = 0.55
"""Part of the training at the small size; measured to cost nothing in the end."""

_MATRIX_RATE, _OTHER_RATE = 0.05, 3e-3
"""Learning rates of Muon and AdamW: the best of airbench's order of magnitude, not tuned."""


class Teacher(nn.Module):
    """A residual network of eight 3 × 3 convolutions; its feature map is an eighth of its input."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(3, 32, kernel=4, stride=2),
            _convolution(32, 64),
            nn.MaxPool2d(2),
            _convolution(64, 96),
            _Residual(96, 1),
            nn.MaxPool2d(2),
            _convolution(96, FEATURES),
            _Residual(FEATURES, 2),
        )
        self.head = nn.Linear(2 * FEATURES, labels)

    def forward(self, chips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Float32 (n, 3, s, s) → logits (n, labels), feature map (n, 192, s/8, s/8)."""
        features = self.features(chips.contiguous(memory_format=torch.channels_last))
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        return self.head(pooled), features


class _Residual(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*(_convolution(width, width) for _ in range(depth)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grown: torch.Tensor = x + self.branch(x)
        return grown


def _convolution(taken: int, given: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(taken, given, kernel, stride, 1, bias=False), nn.BatchNorm2d(given), nn.ReLU()
    )


def new_teacher(labels: int) -> Teacher:
    """A teacher of random weights."""
    # Convolutions over channels that lie side by side run about twice as fast on a CPU.
    teacher: Teacher = Teacher(labels).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return teacher


def teach(
    teacher: Teacher,
    stock: Stock,
    *,
    how: TeacherConfig,
    augment: Augment,
    rank: int,
    world: int,
    say: Callable[[str], None],
    seed: int,
) -> None:
    """Train a teacher in place on the chips of ``stock`` that have exactly one exclusive label."""
    steps = max(1, int(how.epochs * len(stock.training) / how.batch))
    feed = Feed(stock.training, share=max(1, how.batch // world), rank=rank, world=world, seed=seed)
    kernels = [p for p in teacher.parameters() if p.ndim == 4 and p.size(1) > 3]  # noqa: PLR2004
    others = [p for p in teacher.parameters() if not (p.ndim == 4 and p.size(1) > 3)]  # noqa: PLR2004
    muon = Muon(kernels, lr=_MATRIX_RATE, momentum=0.9, weight_decay=0.02)
    adam = torch.optim.AdamW(others, lr=_OTHER_RATE, weight_decay=0.01)
    started = time.monotonic()
    for step in range(steps):
        factor = rate(step, steps=steps, warmup=steps // 10, final=0.01)
        muon.param_groups[0]["lr"] = _MATRIX_RATE * factor
        adam.param_groups[0]["lr"] = _OTHER_RATE * factor
        seed_step(seed, step, rank)
        rows = feed.rows(step)
        size = how.small_size if step < _SMALL_SHARE * steps else how.size
        logits, _ = teacher(vary(stock.images[rows], size=size, how=augment))
        loss = functional.cross_entropy(logits, stock.main_label[rows], label_smoothing=0.1)
        teacher.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        add_up([p.grad for p in teacher.parameters()], average=True)
        muon.step()
        adam.step()
        if rank == 0 and step % 20 == 0:
            pace = (step + 1) * how.batch / (time.monotonic() - started)
            say(f"teacher step={step}/{steps} loss={loss.item():.3f} chips_per_s={pace:.0f}")
    # Each process has seen other chips: without this its running statistics would be its own.
    add_up([b for b in teacher.buffers() if b.is_floating_point()], average=True)
    teacher.eval()


@torch.no_grad()
def accuracy(teacher: Teacher, stock: Stock, *, size: int) -> float:
    """Share of the held-out chips whose label the teacher names; NaN where none is held out."""
    rows = stock.held_out
    if not len(rows):
        return float("nan")
    right = 0
    for part in torch.split(rows, 64):
        logits, _ = teacher(resize(stock.images[part], size))
        right += int((logits.argmax(1) == stock.main_label[part]).sum())
    return right / len(rows)
