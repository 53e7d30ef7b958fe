"""Turns tensors and token ids into features through OpenVINO, on the CPU.

Does not know where a bundle came from, nor what becomes of features.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import properties

from satseek.engines.graphs import GraphEngine
from satseek.engines.rows import check_threads, mentions, one_line
from satseek.errors import DamagedData, InvalidRequest, OutOfMemory

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.types import Features

_DEVICE = "CPU"
_TYPES = {"float32": openvino.Type.f32, "bfloat16": openvino.Type.bf16}
_CAPABILITIES = {"float32": "FP32", "bfloat16": "BF16"}
"""OpenVINO's names in ``OPTIMIZATION_CAPABILITIES`` of a CPU."""

_SHORT = ("bad_alloc", "failed to allocate", "cannot allocate memory", "out of memory")
"""How OpenVINO says that memory is short: it has no class of its own for it."""


def openvino_precisions() -> tuple[str, ...]:
    """Precisions that this CPU computes in, ``float32`` first."""
    there = openvino.Core().get_property(_DEVICE, properties.device.capabilities())
    return tuple(name for name, sign in _CAPABILITIES.items() if sign in there)


class OpenVinoEngine(GraphEngine):
    """The towers of one bundle; each is compiled when it is first needed, and then kept.

    Safe to call from several threads: every call takes an infer request of its own.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        streams: int = 1,
        precision: str = "float32",
    ) -> None:
        """Take a bundle; compiles nothing yet.

        Args:
            bundle: whose towers are run.
            threads: cores used by one call; None leaves it to OpenVINO.
            streams: calls that run side by side, each with ``threads`` cores.
            precision: ``float32``, or ``bfloat16`` where the CPU has it.

        Raises:
            InvalidRequest: no thread or stream, or a precision that this CPU does not compute in.
        """
        check_threads(threads)
        if streams < 1:
            raise InvalidRequest(f"expected at least 1 stream, got {streams}")
        core = openvino.Core()
        settings = _settings(core, threads=threads, streams=streams, precision=precision)
        size, length, dim = bundle.card.image_size, bundle.card.context_length, bundle.card.dim
        image = _Tower(
            core, bundle.image_tower, ("pixel_values", (3, size, size)), dim, settings=settings
        )
        text = _Tower(core, bundle.text_tower, ("input_ids", (length,)), dim, settings=settings)
        super().__init__(bundle.card, image=image, text=text)


class _Tower:
    """One ONNX file and, once needed, its compiled model and the requests that are free."""

    def __init__(
        self,
        core: Any,
        path: Path,
        entry: tuple[str, tuple[int, ...]],
        dim: int,
        *,
        settings: dict[Any, Any],
    ) -> None:
        self._core = core
        self._path = path
        self._entry = entry
        self._dim = dim
        self._settings = settings
        self._lock = threading.Lock()
        self._compiled: Any = None
        self._free: list[Any] = []

    def features(self, rows: NDArray[Any]) -> Features:
        request = self._taken()
        try:
            # Copied: the request's own memory belongs to the next call.
            found = np.array(request.infer([rows], share_inputs=True)[0], dtype=np.float32)
        except Exception as error:
            if not isinstance(error, MemoryError) and not mentions(error, _SHORT):
                raise
            # The request is dropped, and with it whatever memory it had got hold of.
            raise OutOfMemory(
                f"OpenVINO: {len(rows)} rows in one call need more memory than there is: "
                f"{one_line(error)}"
            ) from error
        if len(found) != len(rows):  # seen where memory is short: nothing raised, the last answer
            raise OutOfMemory(
                f"OpenVINO: gave {len(found)} rows for {len(rows)}: more memory is needed than "
                "there is"
            )
        with self._lock:
            self._free.append(request)
        return found

    def open(self) -> Any:
        if self._compiled is None:
            with self._lock:
                if self._compiled is None:
                    self._compiled = self._opened()
        return self._compiled

    def _taken(self) -> Any:
        compiled = self.open()
        with self._lock:
            return self._free.pop() if self._free else compiled.create_infer_request()

    def _opened(self) -> Any:
        try:
            model = self._core.read_model(str(self._path))
            self._check(model)
            return self._core.compile_model(model, _DEVICE, self._settings)
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, MemoryError) or mentions(error, _SHORT):
                raise OutOfMemory(
                    f"{self._path}: too large for memory: {one_line(error)}"
                ) from error
            raise DamagedData(f"{self._path}: expected an ONNX tower: {one_line(error)}") from error

    def _check(self, model: Any) -> None:
        """Refuse a tower whose ends are not those of the card, before it is compiled."""
        taken, given = _ends(model.inputs), _ends(model.outputs)
        if taken != [self._entry]:
            name, row = self._entry
            raise DamagedData(f"{self._path}: expected {name} {row}, got {taken}")
        if given != [("features", (self._dim,))]:
            raise DamagedData(f"{self._path}: expected features ({self._dim},), got {given}")


def _ends(ports: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Name and row of each input or output; a dimension that is not fixed counts as 0."""
    return [
        (
            port.get_any_name(),
            tuple(
                0 if length.is_dynamic else length.get_length()
                for length in list(port.get_partial_shape())[1:]
            ),
        )
        for port in ports
    ]


def _settings(core: Any, *, threads: int | None, streams: int, precision: str) -> dict[Any, Any]:
    capabilities = core.get_property(_DEVICE, properties.device.capabilities())
    if precision not in _TYPES or _CAPABILITIES[precision] not in capabilities:
        known = [name for name, sign in _CAPABILITIES.items() if sign in capabilities]
        raise InvalidRequest(
            f"OpenVINO on this CPU computes in {', '.join(known)}, asked was {precision!r}: "
            "choose one of these, or another engine"
        )
    settings = {
        properties.hint.inference_precision(): _TYPES[precision],
        properties.num_streams(): streams,
        # Threads that are bound to cores fight with every other program bound to the same ones.
        properties.hint.enable_cpu_pinning(): False,
    }
    if threads is not None:
        settings[properties.inference_num_threads()] = threads * streams
    return settings
