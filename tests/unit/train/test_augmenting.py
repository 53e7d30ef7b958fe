from __future__ import annotations

import torch

from satseek.train.augmenting import resize, to_floats, vary
from satseek.train.configuring import Augment

STILL = Augment(scale_min=1.0, aspect=0.0, brightness=0.0, contrast=0.0, colour=0.0, grey=0.0)


def _chips(n: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, 12, 12), generator=torch.Generator().manual_seed(1)).to(
        torch.uint8
    )


def test_without_changes_only_the_eight_turns_and_mirror_images_remain() -> None:
    chip = _chips(1)
    torch.manual_seed(0)
    varied = vary(chip.expand(200, -1, -1, -1), size=12, how=STILL)
    plain = to_floats(chip)[0]
    eight = [torch.rot90(p, k, (1, 2)) for p in (plain, plain.flip(2)) for k in range(4)]
    found = {
        next(i for i, e in enumerate(eight) if torch.allclose(e, v, atol=1e-4)) for v in varied
    }
    assert set(range(8)) == found


def test_the_same_seed_gives_the_same_variation() -> None:
    chips = _chips(4)
    both = []
    for _ in range(2):
        torch.manual_seed(7)
        both.append(vary(chips, size=8, how=Augment()))
    assert torch.equal(*both)
    assert both[0].shape == (4, 3, 8, 8)
    assert not torch.equal(both[0], vary(chips, size=8, how=Augment()))


def test_a_crop_stays_inside_the_chip() -> None:
    chips = torch.full((50, 3, 12, 12), 255, dtype=torch.uint8)
    how = Augment(scale_min=0.3, brightness=0.0, contrast=0.0, colour=0.0, grey=0.0)
    assert torch.allclose(vary(chips, size=8, how=how), torch.ones(50, 3, 8, 8))


def test_resizes_into_the_range_that_the_towers_take() -> None:
    small = resize(_chips(2), 8)
    assert small.shape == (2, 3, 8, 8)
    assert float(small.abs().max()) <= 1
    assert torch.equal(to_floats(_chips(2)), resize(_chips(2), 12))
