"""Turns tensors and token ids into features through PyTorch and transformers, on CPU or GPUs.

Does not know ONNX: it reads the weights that lie beside the graphs, as the model card's own way
does.
"""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers

from satseek.engines.rows import (
    check_ids,
    check_tensor,
    check_threads,
    mentions,
    no_rows,
    one_line,
)
from satseek.errors import (
    DamagedData,
    DependencyMissing,
    InvalidRequest,
    ModelNotFound,
    OutOfMemory,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.types import Features, ModelCard, Tensor, TokenIds

WEIGHTS = "model.safetensors"
CONFIG = "config.json"

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MODELS = {"siglip": "SiglipModel", "clip": "CLIPModel"}
"""transformers' class by ``model_type`` of a ``config.json``."""

_ATTENTION = {"eager": "eager", "default": "sdpa", "compiled": "sdpa"}
_SHORT = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""How PyTorch says on the CPU that memory is short; on CUDA it has a class for it."""


def cuda_devices() -> tuple[str, ...]:
    """GPUs that PyTorch can use, such as ``cuda:0``."""
    if not torch.cuda.is_available():
        return ()
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))


class TorchEngine:
    """The towers of one bundle as transformers builds them; loaded at once, and then kept.

    Safe to call from several threads. On several devices each holds a replica, and the rows of a
    call are shared out among them.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        devices: Sequence[str] = ("cpu",),
        precision: str = "float32",
        mode: str = "default",
    ) -> None:
        """Load the weights.

        Args:
            bundle: whose float weights are run.
            threads: cores used by one call on the CPU; None leaves it to PyTorch.
            devices: PyTorch's names; one replica for each.
            precision: ``float32``, ``bfloat16`` or ``float16``; what is stored does not matter.
            mode: ``default`` (fused attention, SDPA), ``eager`` (as model cards show it) or
                ``compiled`` (SDPA and ``torch.compile``, which needs a C++ compiler).

        Raises:
            InvalidRequest: ``threads`` is below 1, or precision or mode are unknown.
            ModelNotFound: the bundle has no float weights, as quantized ones have not.
            DependencyMissing: there is no such GPU, or this PyTorch cannot use it.
            DamagedData: the weights are not what config and card say.
            OutOfMemory: memory is too short for the weights.
        """
        check_threads(threads)
        if precision not in _TYPES:
            raise InvalidRequest(f"expected a precision of {', '.join(_TYPES)}, got {precision!r}")
        if mode not in _ATTENTION:
            raise InvalidRequest(f"expected a mode of {', '.join(_ATTENTION)}, got {mode!r}")
        _check_devices(devices)
        self._card = bundle.card
        model = _load(bundle, dtype=_TYPES[precision], attention=_ATTENTION[mode])
        self._replicas = [
            _Replica(model, device, threads=threads, compiled=mode == "compiled")
            for device in devices
        ]
        self._pool = ThreadPoolExecutor(len(devices)) if len(devices) > 1 else None

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower: float32 (n, 3, size, size) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the tensor has another shape or type.
            OutOfMemory: memory is too short for so many rows.
        """
        check_tensor(tensor, self._card)
        return self._shared(tensor, lambda replica, rows: replica.images(rows))

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower: int64 (n, context_length) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the ids have another shape or type.
            OutOfMemory: memory is too short for so many rows.
        """
        check_ids(ids, self._card)
        return self._shared(ids, lambda replica, rows: replica.texts(rows))

    def _shared(
        self, rows: NDArray[Any], run: Callable[[_Replica, NDArray[Any]], Features]
    ) -> Features:
        """Give every replica its share of the rows, at once."""
        if not len(rows):
            return no_rows(self._card)
        if self._pool is None:
            return run(self._replicas[0], rows)
        shares = [
            (replica, share)
            for replica, share in zip(
                self._replicas, np.array_split(rows, len(self._replicas)), strict=True
            )
            if len(share)
        ]
        return np.concatenate(list(self._pool.map(lambda one: run(*one), shares)))


class _Replica:
    """One copy of the model on one device."""

    def __init__(self, model: Any, device: str, *, threads: int | None, compiled: bool) -> None:
        self._device = torch.device(device)
        self._threads = threads
        try:
            model = model if device == "cpu" else copy.deepcopy(model).to(self._device)
        except RuntimeError as error:
            if not _is_short(error):
                raise
            raise OutOfMemory(f"{device}: too small for the weights: {one_line(error)}") from error
        self._dtype = next(model.parameters()).dtype
        self._images: Callable[..., Any] = model.get_image_features
        self._texts: Callable[..., Any] = model.get_text_features
        if compiled:
            self._images = torch.compile(self._images, dynamic=True)
            self._texts = torch.compile(self._texts, dynamic=True)

    def images(self, tensor: Tensor) -> Features:
        rows = _as_torch(tensor).to(self._device, self._dtype)
        return self._run(lambda: self._images(pixel_values=rows), len(tensor))

    def texts(self, ids: TokenIds) -> Features:
        rows = _as_torch(ids).to(self._device)
        return self._run(lambda: self._texts(input_ids=rows), len(ids))

    def _run(self, tower: Callable[[], Any], rows: int) -> Features:
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)  # OpenMP keeps the number for each thread
        try:
            with torch.inference_mode():
                # float32 (rows, dim), whatever the model computes in
                features: Features = tower().pooler_output.float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if not _is_short(error):
                raise
            message = (
                f"PyTorch on {self._device}: {rows} rows in one call need more memory than there "
                f"is: {one_line(error)}"
            )
        else:
            return features
        # Raised here, where the failed call's tensors are no longer held by its traceback.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        raise OutOfMemory(message)


def _as_torch(rows: NDArray[Any]) -> torch.Tensor:
    """Share memory with the rows; copied where PyTorch would warn that it cannot write to them."""
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def _is_short(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or mentions(error, _SHORT)


def _check_devices(devices: Sequence[str]) -> None:
    if not devices:
        raise InvalidRequest("expected at least one device, got none")
    for device in devices:
        if device != "cpu" and device not in cuda_devices():
            built = "" if torch.version.cuda else ": this PyTorch was built without CUDA"
            raise DependencyMissing(
                f"expected the GPU {device}, which is not on this machine{built}; "
                "choose device cpu, or install PyTorch for your GPU"
            )


def _load(bundle: Bundle, *, dtype: torch.dtype, attention: str) -> Any:
    """The model as transformers builds it; every key must be there, and no other."""
    for name in (CONFIG, WEIGHTS):
        if not (bundle.folder / name).is_file():
            raise ModelNotFound(
                f"{bundle.folder}: expected {name}, which bundles of precision "
                f"{bundle.card.precision} may lack; engine torch runs float weights alone: choose "
                "engine onnxruntime or openvino"
            )
    kind = getattr(transformers, _MODELS[_model_type(bundle.folder / CONFIG)])
    try:
        with _quietly():
            model, found = kind.from_pretrained(
                bundle.folder,
                dtype=dtype,  # forced: left out, transformers 5 loads halves as halves
                attn_implementation=attention,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except Exception as error:  # safetensors' and transformers' have no common base
        if _is_short(error):
            raise OutOfMemory(
                f"{bundle.folder / WEIGHTS}: too large for memory: {one_line(error)}"
            ) from error
        raise DamagedData(
            f"{bundle.folder / WEIGHTS}: expected the weights of {CONFIG}: {one_line(error)}"
        ) from error
    wrong = [f"{what} {sorted(map(str, keys))[:5]}" for what, keys in found.items() if keys]
    if wrong:
        raise DamagedData(f"{bundle.folder / WEIGHTS}: expected the weights of {CONFIG}: {wrong}")
    return model.eval()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep bars and advice of transformers off the terminal; what is wrong is raised here."""
    says: Any = transformers.utils.logging
    verbosity, bars = says.get_verbosity(), says.is_progress_bar_enabled()
    says.set_verbosity_error()
    says.disable_progress_bar()
    try:
        yield
    finally:
        says.set_verbosity(verbosity)
        if bars:
            says.enable_progress_bar()


def _model_type(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise DamagedData(f"{path}: expected a JSON object: {one_line(error)}") from error
    if found not in _MODELS:
        raise DamagedData(f"{path}: expected model_type {' or '.join(_MODELS)}, got {found!r}")
    return str(found)
