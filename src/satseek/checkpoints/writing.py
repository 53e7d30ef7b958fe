"""Turns a checkpoint into a bundle's files: two graphs, a tokenizer, a card, the weights.

Does not know where the checkpoint came from, nor whether the bundle is as good; see `parity`.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from satseek.checkpoints import graphing
from satseek.checkpoints.weights import BUFFERS, WEIGHTS, shapes_of
from satseek.errors import InvalidConfig
from satseek.model.card import IMAGE_TOWER, TEXT_TOWER, TOKENIZER, content_version, write_card
from satseek.types import ModelCard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.checkpoints.checkpoint import Checkpoint

Precision = Literal["float16", "float32"]

PRECISIONS = ("float16", "float32")
"""Types in which weights are stored; engines compute in float32 either way."""

_PROTOBUF_LIMIT = 2**31 - 1
"""Bytes of the largest protobuf message, and so of the largest ONNX file without side files."""

_ROOM = 0.99
"""Share of that limit which weights may take: the rest is for the graph around them."""

_LARGEST_HALF = 65504.0
_ALIGNMENT = 8
"""safetensors pads its header with spaces, so that the first weight lies at a multiple of it."""

_PREFIXES = {
    IMAGE_TOWER: ("vision_model.", "visual_projection."),
    TEXT_TOWER: ("text_model.", "text_projection."),
}


def write_bundle(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    name: str,
    precision: Precision | None,
    licences: Mapping[str, str],
    training_data: str,
    accuracy: Mapping[str, float],
    report: Callable[[str], None],
) -> ModelCard:
    """Write a checkpoint's bundle into an existing folder.

    Args:
        checkpoint: What was read.
        folder: Files of the same names are replaced.
        name: Name on the card.
        precision: How weights are stored; None: float32, or float16 where a tower would not fit.
        licences: On the card, over what the checkpoint states.
        training_data: On the card.
        accuracy: On the card.
        report: Told each step in one line.

    Raises:
        InvalidConfig: the precision is unknown, or a tower does not fit into one ONNX file.
        UnreadableCheckpoint: a weight is not finite.
    """
    chosen = _chosen(checkpoint, precision, report)
    half = chosen == "float16"
    for file, make, config in (
        (IMAGE_TOWER, checkpoint.image_tower, checkpoint.vision),
        (TEXT_TOWER, checkpoint.text_tower, checkpoint.text),
    ):
        report(f"writing {file} ({chosen})")
        # Nothing keeps the graph, which is a gigabyte for a large tower, while it is checked.
        _write_graph(make(checkpoint.weights, config, half=half), folder / file)
        graphing.check_file(folder / file)
    report(f"writing {WEIGHTS}")
    write_weights(checkpoint, folder / WEIGHTS, half=half)
    _write_config(checkpoint.config, folder)
    checkpoint.tokenizer.save(str(folder / TOKENIZER))
    card = ModelCard(
        name=name,
        version=content_version(
            folder, preprocessing=checkpoint.preprocessing, tokenization=checkpoint.tokenization
        ),
        dim=checkpoint.dim,
        image_size=checkpoint.image_size,
        context_length=checkpoint.context_length,
        logit_scale=checkpoint.logit_scale,
        logit_bias=checkpoint.logit_bias,
        precision=chosen,
        licences={"weights": "not stated"} | dict(checkpoint.licences) | dict(licences),
        training_data=training_data,
        accuracy=dict(accuracy),
        family=checkpoint.family,
        score_head=checkpoint.score_head,
        preprocessing=checkpoint.preprocessing,
        tokenization=checkpoint.tokenization,
        source=dict(checkpoint.source),
    )
    write_card(card, folder)
    return card


def _write_graph(graph: Any, path: Path) -> None:
    path.write_bytes(graph.SerializeToString(deterministic=True))


def write_weights(checkpoint: Checkpoint, path: Path, *, half: bool) -> None:
    """Write a safetensors file, one weight in memory at a time; ``half``: float16 where it fits.

    Layout: 8 bytes of little-endian header length, a JSON header, the bytes of every weight
    (safetensors' format, https://github.com/huggingface/safetensors#format).
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    kinds: dict[str, str] = {}
    start = 0
    for name, values in _each(checkpoint):
        kinds[name] = "<f2" if half and _fits_half(name, values) else "<f4"
        end = start + values.size * np.dtype(kinds[name]).itemsize
        kind = "F16" if kinds[name] == "<f2" else "F32"
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [start, end]}
        start = end
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(written)) + written)
        for name, values in _each(checkpoint):
            file.write(np.ascontiguousarray(values, kinds[name]).tobytes())


def _each(checkpoint: Checkpoint) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every weight by name, without old counters, each looked up when its turn comes."""
    scores = {"logit_scale": np.array([checkpoint.logit_scale], np.float32)}
    if checkpoint.family == "siglip":
        scores["logit_bias"] = np.array([checkpoint.logit_bias], np.float32)
    else:
        scores["logit_scale"] = scores["logit_scale"].reshape(())  # transformers' CLIPModel
    for name in sorted({*checkpoint.weights, *scores}):
        if not name.endswith(BUFFERS):
            yield name, scores[name] if name in scores else checkpoint.weights[name]


def _fits_half(name: str, values: NDArray[Any]) -> bool:
    """Scale and bias decide every score and cost nothing: they stay as they are."""
    if name in ("logit_scale", "logit_bias"):
        return False
    return bool(np.abs(values).max(initial=0) <= _LARGEST_HALF)


def _write_config(config: Mapping[str, Any], folder: Path) -> None:
    # transformers 5 would compute in half precision if this named the stored type.
    written = {name: value for name, value in config.items() if name != "torch_dtype"}
    for part in ("vision_config", "text_config"):
        if isinstance(written.get(part), dict):
            kept = {k: v for k, v in written[part].items() if k not in ("torch_dtype", "dtype")}
            written[part] = kept
    text = json.dumps(written | {"dtype": "float32"}, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


def check_precision(precision: str | None) -> None:
    """Let None and the names of `PRECISIONS` pass.

    Raises:
        InvalidConfig: it is another.
    """
    if precision not in (None, *PRECISIONS):
        raise InvalidConfig(f"expected precision float16 or float32, not {precision!r}")


def _chosen(
    checkpoint: Checkpoint, precision: Precision | None, report: Callable[[str], None]
) -> Precision:
    """The precision asked for, or the most exact one that fits."""
    check_precision(precision)
    file, count = _larger_tower(checkpoint)
    limit = _PROTOBUF_LIMIT * _ROOM
    if count * 2 > limit:
        raise InvalidConfig(f"{file}: {count:,} weights do not fit an ONNX file of 2 GiB")
    if count * 4 <= limit:
        return precision or "float32"
    if precision == "float32":
        raise InvalidConfig(
            f"{file}: {count:,} weights do not fit an ONNX file of 2 GiB, store as float16"
        )
    report(f"{file}: {count:,} weights do not fit 2 GiB as float32: stored as float16")
    return "float16"


def _larger_tower(checkpoint: Checkpoint) -> tuple[str, int]:
    """The tower with more numbers, and how many."""
    counts = {
        file: sum(
            math.prod(shape)
            for name, shape in shapes_of(checkpoint.weights).items()
            if name.startswith(prefixes)
        )
        for file, prefixes in _PREFIXES.items()
    }
    file = max(counts, key=lambda one: counts[one])
    return file, counts[file]
