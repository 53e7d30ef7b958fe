"""Turns a Hugging Face directory into its named weights, however they are stored.

Does not know what the weights are for; pickles only where the person allows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.checkpoints.pickles import load_pickle, named_tensors
from satseek.checkpoints.weights import StoredWeights, find_weights
from satseek.errors import ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_PICKLED = "pytorch_model.bin"


def stored_weights(
    folder: Path, *, allow_pickle: bool
) -> tuple[Mapping[str, NDArray[np.float32]], tuple[Path, ...]]:
    """Weights by name, and the files that hold them; safetensors before a pickle.

    Raises:
        ModelNotFound: there are none.
        UnsafeCheckpoint: there is only a pickle, which was not allowed, or one with code.
        UnreadableCheckpoint: they are damaged or no float tensors.
    """
    files = find_weights(folder)
    if files:
        return StoredWeights(files), files
    path = folder / _PICKLED
    if not path.is_file():
        raise ModelNotFound(f"{folder}: expected model.safetensors beside config.json")
    return named_tensors(load_pickle(path, allow_pickle=allow_pickle), path), (path,)
