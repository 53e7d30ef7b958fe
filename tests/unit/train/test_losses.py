from __future__ import annotations

import math

import pytest
import torch

from satseek.train.losses import (
    caption_loss,
    guide_loss,
    match_loss,
    share_loss,
    teacher_loss,
)

LN2 = math.log(2)


def test_undecided_pairs_cost_ln_2_each_and_related_ones_nothing() -> None:
    logits = torch.zeros(3, 3)
    none = torch.zeros(3, 3, dtype=torch.bool)
    assert pytest.approx(3 * LN2) == float(caption_loss(logits, none))
    related = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    assert pytest.approx(7 / 3 * LN2) == float(caption_loss(logits, related))


def test_agrees_with_the_loss_that_transformers_computes() -> None:
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(1))
    signs = 2 * torch.eye(5) - torch.ones(5, 5)  # modeling_siglip.SiglipModel.forward
    expected = -torch.nn.functional.logsigmoid(signs * logits).sum(-1).mean()
    none = torch.zeros(5, 5, dtype=torch.bool)
    assert pytest.approx(float(expected)) == float(caption_loss(logits, none))


def test_an_unknown_label_counts_nothing() -> None:
    logits = torch.tensor([[5.0, -5.0, 99.0]])
    known = match_loss(logits, torch.tensor([[1, 0, -1]]))
    assert pytest.approx(2 * math.log1p(math.exp(-5))) == float(known)


def test_shares_are_taken_over_the_labels_of_the_own_source() -> None:
    logits = torch.tensor([[1.0, 2.0, 50.0], [0.0, 0.0, 0.0]], requires_grad=True)
    targets = torch.tensor([[1, 0, 0], [-1, -1, 0]])
    own = torch.tensor([[True, True, False], [False, False, True]])
    loss = share_loss(logits, targets, own, smoothing=0.0)
    assert pytest.approx(math.log1p(math.e) / 2) == float(loss.detach())
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert float(logits.grad[:, 2].abs().sum()) == 0


def test_without_any_true_label_there_is_nothing_to_learn() -> None:
    logits = torch.zeros(2, 2)
    own = torch.ones(2, 2, dtype=torch.bool)
    assert float(share_loss(logits, torch.zeros(2, 2), own, smoothing=0.1)) == 0


def test_a_student_that_agrees_costs_nothing() -> None:
    logits = torch.randn(4, 6)
    assert pytest.approx(0, abs=1e-6) == float(teacher_loss(logits, logits + 3))
    assert float(teacher_loss(logits, -logits)) > 0
    assert float(teacher_loss(logits[:0], logits[:0])) == 0


def test_patches_are_compared_place_by_place() -> None:
    feature_map = torch.randn(2, 5, 4, 4)
    pooled = torch.nn.functional.avg_pool2d(feature_map, 2)
    patches = pooled.flatten(2).transpose(1, 2)
    assert pytest.approx(0, abs=1e-6) == float(guide_loss(3 * patches, feature_map))
    assert float(guide_loss(patches.flip(1), feature_map)) > 0.5
