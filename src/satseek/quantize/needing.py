"""A missing ``quantize`` extra becomes one clear line.

Knows nothing of quantization.
"""

from __future__ import annotations

from importlib.util import find_spec

from satseek.errors import DependencyMissing


def need_onnx() -> None:
    """Say how to install what writing a model needs.

    Raises:
        DependencyMissing: the package onnx is not installed.
    """
    if find_spec("onnx") is None:
        raise DependencyMissing(
            "quantization needs onnx: install with pip install 'satseek[quantize]'"
        )
