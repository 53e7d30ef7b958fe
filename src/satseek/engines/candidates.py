"""Turns a machine and a bundle into the ways of running it that are worth measuring.

Does not measure; loads no runtime but ONNX Runtime, to ask for its providers.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from satseek.engines.choice import Device, EngineChoice, Precision
from satseek.engines.choosing import installed
from satseek.engines.machine import BFLOAT16

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.engines.machine import Machine
    from satseek.model.bundle import Bundle

_HALVES: tuple[Precision, ...] = ("bfloat16", "float16")
_GPU_PRECISIONS: tuple[Precision, ...] = ("float32", *_HALVES)

_FLOAT_FILES = ("config.json", "model.safetensors")
"""What PyTorch needs beside the graphs; quantized bundles do without."""

_SEVERAL = 4
"""Cores from which on layouts between one call and a call per core are worth a try."""


def candidates(bundle: Bundle, machine: Machine, *, thorough: bool) -> list[EngineChoice]:
    """Ways to run a bundle on a machine, ONNX Runtime on the CPU first.

    Args:
        bundle: its precision and files decide which runtimes can take it.
        machine: its cores, CPU features and GPUs.
        thorough: ``torch.compile`` and layouts between the extremes too.
    """
    found = [*_on_cpu(bundle, machine, thorough=thorough)]
    if machine.gpus:
        found += _on_gpu(bundle, thorough=thorough)
    return found


def layouts(cores: int, *, thorough: bool) -> list[tuple[int, int]]:
    """Threads of a call and calls at once: all cores in one call, a call per core, between."""
    between = [(cores // 2, 2)] if thorough and cores >= _SEVERAL else []
    return [(cores, 1), *between, *([(1, cores)] if cores > 1 else [])]


def _on_cpu(bundle: Bundle, machine: Machine, *, thorough: bool) -> Iterator[EngineChoice]:
    halves = bool(BFLOAT16.intersection(machine.features))
    shapes = layouts(machine.cores, thorough=thorough)
    precisions: tuple[Precision, ...] = ("float32", *(("bfloat16",) if halves else ()))
    for threads, streams in shapes:
        yield EngineChoice(threads=threads, streams=streams)
    if installed("openvino"):
        for precision in precisions:
            for threads, streams in shapes:
                yield EngineChoice(
                    runtime="openvino", precision=precision, threads=threads, streams=streams
                )
    if installed("torch") and _has_float_weights(bundle):
        for precision in precisions:
            for threads, streams in shapes if thorough else shapes[:1]:
                yield EngineChoice(
                    runtime="torch", precision=precision, threads=threads, streams=streams
                )
        if thorough and shutil.which("g++"):
            yield EngineChoice(runtime="torch", mode="compiled", threads=machine.cores)


def _on_gpu(bundle: Bundle, *, thorough: bool) -> Iterator[EngineChoice]:
    from satseek.engines.onnxruntime import onnx_devices  # noqa: PLC0415 - loads a runtime

    devices: tuple[Device, ...] = ("cuda", "tensorrt")
    for device in devices:
        if device in onnx_devices():
            yield EngineChoice(device=device)
            if device == "tensorrt":
                yield from (EngineChoice(device=device, precision=one) for one in _HALVES)
    if installed("torch") and _has_float_weights(bundle):
        for precision in _GPU_PRECISIONS:
            yield EngineChoice(runtime="torch", device="cuda", precision=precision)
            if thorough and precision in _HALVES:
                yield EngineChoice(
                    runtime="torch", device="cuda", precision=precision, mode="compiled"
                )


def reference(bundle: Bundle, machine: Machine) -> EngineChoice:
    """What others are compared with: the model card's way, or ONNX Runtime where it cannot run."""
    if installed("torch") and _has_float_weights(bundle):
        return EngineChoice(runtime="torch", mode="eager", threads=machine.cores)
    return EngineChoice(threads=machine.cores)


def _has_float_weights(bundle: Bundle) -> bool:
    return all((bundle.folder / name).is_file() for name in _FLOAT_FILES)
