"""Turns tensors and token ids into features through ONNX Runtime: CPU, CUDA or TensorRT.

Does not know where a bundle came from, nor what becomes of features.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import onnxruntime

from satseek.engines.graphs import GraphEngine
from satseek.engines.rows import check_threads, mentions, one_line
from satseek.errors import DamagedData, DependencyMissing, InvalidRequest, OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.types import Features

_QUIET = 4  # onnxruntime's severity for what is fatal: errors are raised, warnings are about graphs

PROVIDERS: Mapping[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""ONNX Runtime's name of each device."""

_HALVES = {"float16": "trt_fp16_enable", "bfloat16": "trt_bf16_enable"}
"""TensorRT's switches by precision (ONNX Runtime, TensorRT provider options)."""

_INSTALL = "pip install onnxruntime-gpu in place of onnxruntime"

_SHORT = (
    "failed to allocate memory",  # BFCArena, CUDA's and the CPU's
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED
    "cannot allocate memory",  # the operating system, where a file is mapped
)
"""How ONNX Runtime says that memory is short: it has no class of its own for it."""


def onnx_devices() -> tuple[str, ...]:
    """Devices that the installed ONNX Runtime was built for, ``cpu`` first."""
    there = onnxruntime.get_available_providers()
    return tuple(device for device, provider in PROVIDERS.items() if provider in there)


class OnnxEngine(GraphEngine):
    """The towers of one bundle; each is opened when it is first needed, and then kept.

    Safe to call from several threads: ONNX Runtime's sessions are, and opening is locked.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        """Take a bundle; opens nothing yet.

        Args:
            bundle: whose towers are run.
            threads: cores used by one call; None leaves it to ONNX Runtime (every physical core).
            device: ``cpu``, ``cuda`` or ``tensorrt``.
            precision: ``float32``, or ``float16`` and ``bfloat16`` where TensorRT runs the graph.

        Raises:
            InvalidRequest: ``threads`` is below 1, the device is unknown, or does not know the
                precision.
            DependencyMissing: the installed ONNX Runtime was not built for the device.
        """
        check_threads(threads)
        providers = _providers(device, precision)
        options = _options(threads)
        size, length, dim = bundle.card.image_size, bundle.card.context_length, bundle.card.dim
        image = _Tower(
            bundle.image_tower,
            {"pixel_values": (3, size, size)},
            dim,
            options=options,
            providers=providers,
        )
        text = _Tower(
            bundle.text_tower, {"input_ids": (length,)}, dim, options=options, providers=providers
        )
        super().__init__(bundle.card, image=image, text=text)


class _Tower:
    """One ONNX file and, once needed, its session."""

    def __init__(
        self,
        path: Path,
        entry: Mapping[str, tuple[int, ...]],
        dim: int,
        *,
        options: onnxruntime.SessionOptions,
        providers: list[Any],
    ) -> None:
        self._path = path
        ((self._entry, self._row),) = entry.items()
        self._dim = dim
        self._options = options
        self._providers = providers
        self._lock = threading.Lock()
        self._session: Any = None

    def features(self, rows: NDArray[Any]) -> Features:
        session = self.open()
        try:
            features: Features = session.run(["features"], {self._entry: rows})[0]
        except Exception as error:
            if not isinstance(error, MemoryError) and not mentions(error, _SHORT):
                raise
            raise OutOfMemory(
                f"ONNX Runtime: {len(rows)} rows in one call need more memory than there is: "
                f"{one_line(error)}"
            ) from error
        return features

    def open(self) -> Any:
        if self._session is None:
            with self._lock:
                if self._session is None:
                    session = _open(self._path, self._options, self._providers)
                    self._check(session)
                    self._session = session
        return self._session

    def _check(self, session: Any) -> None:
        """Refuse a tower whose ends are not those of the card, before it costs a run."""
        taken = [(entry.name, tuple(entry.shape[1:])) for entry in session.get_inputs()]
        if taken != [(self._entry, self._row)]:
            raise DamagedData(f"{self._path}: expected {self._entry} {self._row}, got {taken}")
        given = [(end.name, tuple(end.shape[1:])) for end in session.get_outputs()]
        if given != [("features", (self._dim,))]:
            raise DamagedData(f"{self._path}: expected features ({self._dim},), got {given}")


def _providers(device: str, precision: str) -> list[Any]:
    """ONNX Runtime's list of providers for a device; the CPU follows for single operators."""
    if device not in PROVIDERS:
        raise InvalidRequest(f"expected a device of {', '.join(PROVIDERS)}, got {device!r}")
    if precision != "float32" and (device != "tensorrt" or precision not in _HALVES):
        raise InvalidRequest(
            f"ONNX Runtime on {device} computes in float32, asked was {precision!r}: "
            "choose float32, or another engine"
        )
    if device not in onnx_devices():
        raise DependencyMissing(
            f"this ONNX Runtime has no {PROVIDERS[device]}: {_INSTALL}, "
            "or choose another engine or device"
        )
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    options = {_HALVES[precision]: True} if precision in _HALVES else {}
    follows = [PROVIDERS["cuda"]] if device == "tensorrt" else []
    return [(PROVIDERS[device], options), *follows, PROVIDERS["cpu"]]


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: ONNX Runtime's own choice
    options.inter_op_num_threads = 1  # a tower is one chain of operators
    options.log_severity_level = _QUIET
    # Waiting threads sleep: spinning they took a third of the CPU time of a machine that also
    # reads and resizes (10.2 against 6.8 ms a chip; starter, two threads, loaded machine).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _open(path: Path, options: onnxruntime.SessionOptions, providers: list[Any]) -> Any:
    open_session: Callable[..., Any] = onnxruntime.InferenceSession
    try:
        session = open_session(str(path), sess_options=options, providers=providers)
    except Exception as error:  # its exceptions have no common base but this one
        if isinstance(error, MemoryError) or mentions(error, _SHORT):
            raise OutOfMemory(f"{path}: too large for memory: {one_line(error)}") from error
        raise DamagedData(f"{path}: expected an ONNX tower: {one_line(error)}") from error
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if session.get_providers()[0] != wanted:  # it goes on with the CPU where CUDA does not load
        raise DependencyMissing(
            f"ONNX Runtime could not start {wanted}: its CUDA, cuDNN or TensorRT libraries are "
            f"missing or of another version; {_INSTALL}, or choose another engine or device"
        )
    return session
