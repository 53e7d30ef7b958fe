"""Gradients become steps: Muon for weight matrices, AdamW for everything else.

Knows no data. With several processes each orthogonalises its share of the matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Newton–Schulz coefficients of Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""


def orthogonalise(matrix: torch.Tensor, *, rounds: int = 5) -> torch.Tensor:
    """Nearest (semi-)orthogonal matrix, roughly: singular values end between 0.7 and 1.2."""
    a, b, c = _QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    if tall:
        x = x.T
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: torch.Tensor = x.T if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: every direction of a matrix learns equally fast.

    Unlike ``torch.optim.Muon`` it takes convolutions too and shares its work among processes.
    """

    def __init__(
        self, params: Iterable[torch.Tensor], *, lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step; all processes must call it together."""
        assert closure is None
        rank, world = _place()
        for group in self.param_groups:
            with_grad = [p for p in group["params"] if p.grad is not None]
            for turn, p in enumerate(with_grad):
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                p.grad.lerp_(state["momentum"], group["momentum"])
                if turn % world == rank:
                    flat = p.grad.reshape(p.size(0), -1)
                    grow = max(1.0, flat.size(0) / flat.size(1)) ** 0.5
                    p.grad.copy_((orthogonalise(flat) * grow).view_as(p))
                else:
                    p.grad.zero_()
            add_up([p.grad for p in with_grad])
            for p in with_grad:
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(p.grad, alpha=-group["lr"])


def add_up(tensors: Sequence[torch.Tensor | None], *, average: bool = False) -> None:
    """Sum tensors over all processes in place, or average them; nothing with one process."""
    _, world = _place()
    present = [tensor for tensor in tensors if tensor is not None]
    if world == 1 or not present:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in present])
    dist.all_reduce(flat)
    if average:
        flat /= world
    for tensor, part in zip(present, torch.split(flat, [t.numel() for t in present]), strict=True):
        tensor.copy_(part.view_as(tensor))


def rate(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Factor on the learning rate: a linear rise, then a linear fall to ``final``."""
    return min(1.0, (step + 1) / max(1, warmup)) * max(final, 1 - step / steps)


def _place() -> tuple[int, int]:
    if not dist.is_initialized():
        return 0, 1
    return dist.get_rank(), dist.get_world_size()
