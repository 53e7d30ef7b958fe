"""Turns what was asked for and what was measured into the engines that run a model.

Does not know how anything is measured; opens no runtime before it is needed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar, get_args

from satseek.engines.choice import RUNTIMES, Device, EngineChoice, Precision, Runtime
from satseek.engines.halving import HalvingEngine
from satseek.engines.machine import this_machine
from satseek.engines.remembering import remembered
from satseek.errors import DependencyMissing, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from satseek.engines.machine import Machine
    from satseek.engines.protocol import Engine
    from satseek.engines.remembering import Measured
    from satseek.model.bundle import Bundle
    from satseek.types import ModelCard

__all__ = ["Asked", "Chosen", "EngineChoice", "choose_engines", "installed", "open_engine"]

T = TypeVar("T")

AUTO = "auto"

LEAST_COSINE = 0.999
"""Float engines further from float32 than this are never picked unasked: neighbours would change
places (docs/decisions/0005-engines.md)."""

QUANTIZED_MARGIN = 0.002
"""An INT8 bundle has passed its gate with the loss that it has: an engine may add this much."""

NOISE = 0.05
"""Differences between engines that the same measurement repeated would give too."""

QUANTIZED = frozenset({"int8", "mixed"})
"""Precisions of a card whose graphs are INT8 in whole or in part."""

NEEDED: Mapping[Runtime, tuple[str, ...]] = {
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "torch": ("torch", "transformers", "safetensors"),
}
"""Packages of each runtime."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the settings ask for; ``auto`` leaves it to the measurement."""

    engine: str = AUTO
    """``auto`` or a runtime."""
    device: str = AUTO
    """``auto``, ``cpu``, ``cuda`` or ``tensorrt``."""
    precision: str = AUTO
    """``auto``, ``float32``, ``bfloat16`` or ``float16``."""
    threads: int | None = None
    """Cores that may be used; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """How a model runs on this machine."""

    single: EngineChoice
    """For one question: it answers soonest."""
    bulk: EngineChoice
    """For long work: most images a second, with ``streams`` calls at once."""
    measured: bool
    """Whether this was measured here; else it is the same everywhere."""


def installed(runtime: Runtime) -> bool:
    """Whether the packages of a runtime are there; none is loaded."""
    return all(find_spec(name) is not None for name in NEEDED[runtime])


def install_line(runtime: Runtime) -> str:
    """The line that installs a runtime."""
    return (
        f"pip install 'satseek[{runtime}]'" if runtime != "onnxruntime" else "pip install satseek"
    )


def open_engine(
    bundle: Bundle, choice: EngineChoice | None = None, *, threads: int | None = None
) -> Engine:
    """Open a bundle as chosen; where memory is short its calls are halved.

    Args:
        bundle: whose towers are run.
        choice: how; None: ONNX Runtime on the CPU.
        threads: cores of one call in place of ``choice.threads``.

    Raises:
        DependencyMissing: the runtime is not installed or lacks the device; says what installs it.
        InvalidRequest: the runtime does not compute in that precision here.
        ModelNotFound: PyTorch was chosen for a bundle without float weights.
        DamagedData: the bundle's files are not what they should be.
    """
    choice = choice or EngineChoice()
    if choice.runtime not in RUNTIMES:
        raise InvalidRequest(f"expected an engine of {', '.join(RUNTIMES)}, got {choice.runtime!r}")
    if not installed(choice.runtime):
        raise DependencyMissing(
            f"engine {choice.runtime} is not installed: {install_line(choice.runtime)}"
        )
    return HalvingEngine(_OPENERS[choice.runtime](bundle, choice, threads or choice.threads))


def choose_engines(card: ModelCard, asked: Asked, *, folder: Path) -> Chosen:
    """Choose what runs a model: as measured on this machine, as far as nothing else was asked.

    Args:
        card: the model.
        asked: what the settings ask for.
        folder: the data folder, which holds the measurements.

    Raises:
        InvalidRequest: an engine, device or precision that does not exist.
    """
    _check(asked)
    machine = this_machine()
    cores = asked.threads or machine.cores
    fitting = _fitting(card, asked, machine, folder)
    if fitting:
        single = _first_within(fitting, [one.image_ms + one.text_ms for one in fitting])
        bulk = _first_within(fitting, [1 / one.images_per_s for one in fitting])
        return Chosen(single=_cut(single, cores), bulk=_cut(bulk, cores), measured=True)
    default = _default(asked, machine)
    on_cpu = default.device == "cpu"
    bulk = replace(default, threads=1, streams=cores) if on_cpu else default
    return Chosen(single=replace(default, threads=asked.threads), bulk=bulk, measured=False)


def good_enough(measured: Iterable[Measured], card: ModelCard) -> list[Measured]:
    """Those whose vectors are close enough to be picked unasked."""
    known = list(measured)
    bar = LEAST_COSINE
    if card.precision in QUANTIZED and known:
        bar = max(one.least_cosine for one in known) - QUANTIZED_MARGIN
    return [one for one in known if one.least_cosine >= bar]


def _fitting(card: ModelCard, asked: Asked, machine: Machine, folder: Path) -> list[Measured]:
    """Measurements that may be chosen from; the log says why there are none."""
    found = remembered(folder, machine=machine, card=card)
    if found is None:
        logger.info("engine not measured on this machine: `satseek model bench` finds the fastest")
        return []
    if not found.same_machine:
        _explain_change(found.measured)
        return []
    close = found.measured if asked.precision != AUTO else good_enough(found.measured, card)
    return [one for one in close if _matches(one.choice, asked) and installed(one.choice.runtime)]


def _first_within(measured: Sequence[Measured], costs: Sequence[float]) -> EngineChoice:
    """The first that costs no more than noise above the least: the order is that of simplicity."""
    least = min(costs)
    return next(
        one.choice for one, cost in zip(measured, costs, strict=True) if cost <= least * (1 + NOISE)
    )


def _explain_change(measured: Sequence[Measured]) -> None:
    gone = sorted({one.choice.runtime for one in measured if not installed(one.choice.runtime)})
    if gone:
        logger.warning(
            "engine %s was measured here and is no longer installed (%s): going on without it; "
            "`satseek model bench` measures again",
            ", ".join(gone),
            " · ".join(install_line(runtime) for runtime in gone),
        )
    else:
        logger.info("runtimes changed since engines were measured: `satseek model bench` again")


def _matches(choice: EngineChoice, asked: Asked) -> bool:
    pairs = (
        (asked.engine, choice.runtime),
        (asked.device, choice.device),
        (asked.precision, choice.precision),
    )
    return all(wanted in (AUTO, found) for wanted, found in pairs)


def _cut(choice: EngineChoice, cores: int) -> EngineChoice:
    """The same choice within fewer cores than it was measured with."""
    threads = choice.threads
    if choice.device != "cpu" or threads is None or threads * choice.streams <= cores:
        return choice
    threads = min(threads, cores)
    return replace(choice, threads=threads, streams=max(1, cores // threads))


def _default(asked: Asked, machine: Machine) -> EngineChoice:
    """What runs where nothing was measured: ONNX Runtime on the CPU, unless asked otherwise."""
    device = asked.device if asked.device != AUTO else "cpu"
    runtime = asked.engine
    if runtime == AUTO:
        by_torch = device == "cuda" and machine.gpus and installed("torch")
        runtime = "torch" if by_torch else "onnxruntime"
    precision = asked.precision if asked.precision != AUTO else "float32"
    return EngineChoice(
        runtime=_of(runtime, RUNTIMES),
        device=_of(device, get_args(Device)),
        precision=_of(precision, get_args(Precision)),
    )


def _of(value: str, known: tuple[T, ...]) -> T:
    return next(one for one in known if one == value)


def _check(asked: Asked) -> None:
    wanted = (
        ("engine", asked.engine, RUNTIMES),
        ("device", asked.device, get_args(Device)),
        ("precision", asked.precision, get_args(Precision)),
    )
    for what, value, known in wanted:
        if value not in (AUTO, *known):
            raise InvalidRequest(f"expected {what} auto, {', '.join(known)}, got {value!r}")


def _open_onnxruntime(bundle: Bundle, choice: EngineChoice, threads: int | None) -> Engine:
    from satseek.engines.onnxruntime import OnnxEngine  # noqa: PLC0415 - loads a runtime

    return OnnxEngine(bundle, threads=threads, device=choice.device, precision=choice.precision)


def _open_openvino(bundle: Bundle, choice: EngineChoice, threads: int | None) -> Engine:
    from satseek.engines.openvino import OpenVinoEngine  # noqa: PLC0415 - likewise

    _refuse_device(choice, "cpu")
    return OpenVinoEngine(
        bundle, threads=threads, streams=choice.streams, precision=choice.precision
    )


def _open_torch(bundle: Bundle, choice: EngineChoice, threads: int | None) -> Engine:
    from satseek.engines.torch import TorchEngine, cuda_devices  # noqa: PLC0415 - likewise

    _refuse_device(choice, "cpu", "cuda")
    devices = ("cpu",) if choice.device == "cpu" else cuda_devices() or ("cuda:0",)
    return TorchEngine(
        bundle, threads=threads, devices=devices, precision=choice.precision, mode=choice.mode
    )


def _refuse_device(choice: EngineChoice, *known: str) -> None:
    if choice.device not in known:
        raise InvalidRequest(
            f"engine {choice.runtime} runs on {' and '.join(known)}, asked was {choice.device!r}"
        )


_OPENERS: Mapping[Runtime, Callable[[Bundle, EngineChoice, int | None], Engine]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
    "torch": _open_torch,
}
