"""What is chosen when a model is to run: runtime, device, precision, and how calls share cores.

Does not know any runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Runtime: TypeAlias = Literal["onnxruntime", "openvino", "torch"]
Device: TypeAlias = Literal["cpu", "cuda", "tensorrt"]
Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
Mode: TypeAlias = Literal["default", "eager", "compiled"]

RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "openvino", "torch")
"""In the order in which they are tried where nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """One way to run a model's towers."""

    runtime: Runtime = "onnxruntime"
    """Who computes."""
    device: Device = "cpu"
    """Where; ``tensorrt`` is ONNX Runtime's way of using an NVIDIA GPU through TensorRT."""
    precision: Precision = "float32"
    """What is computed in; of an INT8 bundle those operators that are not INT8."""
    batch: int | None = None
    """Images in one call; None: the caller's own default."""
    threads: int | None = None
    """Cores of one call on the CPU; None: all."""
    streams: int = 1
    """Calls at once that keep the machine busy."""
    mode: Mode = "default"
    """PyTorch alone: ``eager`` as model cards show it, ``compiled`` by ``torch.compile``."""

    @property
    def name(self) -> str:
        """Short name for a table."""
        parts = [self.runtime, *([self.device] if self.device != "cpu" else []), self.precision]
        return " ".join([*parts, *([self.mode] if self.mode != "default" else [])])

    @property
    def layout(self) -> str:
        """Threads of a call × calls at once."""
        return f"{self.threads or 'all'}×{self.streams}"
