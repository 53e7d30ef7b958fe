"""Turns a pickled checkpoint into the tensors in it, and never runs what a pickle brings along.

Does not know what the tensors are for. Even where allowed, only torch's restricted loader reads.
"""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import torch

from satseek.checkpoints.weights import BUFFERS, finite
from satseek.errors import UnreadableCheckpoint, UnsafeCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def load_pickle(file: Path, *, allow_pickle: bool) -> Any:
    """Read a pickle of tensors, numbers and containers, on the CPU.

    Args:
        file: What ``torch.save`` wrote.
        allow_pickle: Whether the person asked for it; without, nothing is opened.

    Raises:
        UnsafeCheckpoint: pickles are not allowed, or this one wants to run code.
        UnreadableCheckpoint: cut off, or no pickle of torch's.
    """
    if not allow_pickle:
        raise UnsafeCheckpoint(
            f"{file}: a pickle, which may hold code; expected safetensors, or --allow-pickle"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of newer pickle protocols
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # The restricted loader met a class, a function or an opcode that tensors do not need.
        raise UnsafeCheckpoint(
            f"{file}: holds more than tensors, which is never run: {_line(error)}"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise UnreadableCheckpoint(f"{file}: expected a whole pickle: {_line(error)}") from error


def named_tensors(tensors: Any, path: Path) -> dict[str, NDArray[np.float32]]:
    """Float32 arrays of a state dict, parameters and half precision included.

    Raises:
        UnreadableCheckpoint: it is no state dict, or a weight is not of finite floats.
    """
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(one, torch.Tensor) for name, one in tensors.items()
    ):
        raise UnreadableCheckpoint(f"{path}: expected weights by name")
    for name, one in tensors.items():
        if not one.is_floating_point() and not name.endswith(BUFFERS):
            raise UnreadableCheckpoint(
                f"{path}: expected {name} as floats, stored is {str(one.dtype).split('.')[-1]}"
            )
    named = {name: one.detach().float().numpy() for name, one in tensors.items()}
    return {name: finite(values, name, path) for name, values in named.items()}


def _line(error: Exception) -> str:
    """The part of torch's many lines that says what it met."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("Trying", "Unsupported", "Can only"))]
    return (told or lines or [type(error).__name__])[0][:200]
