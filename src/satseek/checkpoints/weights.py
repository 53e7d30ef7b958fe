"""Turns safetensors files into named float32 weights, each read when it is looked up.

Does not know what the weights are for; says what is cut off, altered, missing or superfluous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from satseek.errors import UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

WEIGHTS = "model.safetensors"
"""Weights of a Hugging Face directory in one file."""

INDEX = "model.safetensors.index.json"
"""Which of several files holds which weight; transformers splits above 50 GB, older ones at 5."""

BUFFERS = (".position_ids",)
"""Counters that older transformers stored beside the weights; they are always 0, 1, 2 …."""

_LISTED = 5
"""Names that a message spells out; the rest is counted."""

_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""safetensors' names of the types that become float32."""


class StoredWeights(Mapping[str, "NDArray[np.float32]"]):
    """Weights of one checkpoint on disk; a look-up reads one and checks that it is finite."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Read every file's header.

        Raises:
            UnreadableCheckpoint: a file is missing, cut off or no safetensors, or two files hold
                the same weight.
        """
        self.files = tuple(files)
        self._places: dict[str, tuple[Path, Any]] = {}
        for path in files:
            opened = _open(path)
            for name in opened.keys():  # noqa: SIM118 (not a mapping)
                if name in self._places:
                    other = self._places[name][0].name
                    raise UnreadableCheckpoint(f"{path}: {name} is already in {other}")
                self._places[name] = (path, opened)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Read one weight as float32, whatever type is stored.

        Raises:
            KeyError: there is no such weight.
            UnreadableCheckpoint: it is stored as whole numbers, or is not finite everywhere.
        """
        path, opened = self._places[name]
        kind = opened.get_slice(name).get_dtype()
        if kind not in _FLOATS:
            raise UnreadableCheckpoint(f"{path}: expected {name} as floats, stored is {kind}")
        # To float32 before anything else sees it: half precision would stay half in torch.
        values: NDArray[np.float32] = opened.get_tensor(name).float().numpy()
        return finite(values, name, path)

    def __iter__(self) -> Iterator[str]:
        """Names in the order of the files."""
        return iter(self._places)

    def __len__(self) -> int:
        """Count the weights."""
        return len(self._places)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight, read from the headers alone."""
        return {
            name: tuple(opened.get_slice(name).get_shape())
            for name, (_, opened) in self._places.items()
        }


def shapes_of(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, tuple[int, ...]]:
    """Shape of every weight, without reading those that lie on disk."""
    known: Callable[[], dict[str, tuple[int, ...]]] | None = getattr(weights, "shapes", None)
    if known is not None:
        return known()
    return {name: values.shape for name, values in weights.items()}


def find_weights(folder: Path) -> tuple[Path, ...]:
    """Find the safetensors files of a Hugging Face directory; empty where there is none.

    Raises:
        UnreadableCheckpoint: the index of several files is damaged or names one that is missing.
    """
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    index = folder / INDEX
    if not index.is_file():
        return ()
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UnreadableCheckpoint(f"{index}: expected a weight_map of file names") from error
    # A name may not lead out of the folder; a link in a hub's cache may.
    missing = [
        str(name)
        for name in names
        if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file()
    ]
    if missing or not names:
        raise UnreadableCheckpoint(f"{folder}: missing {shortened(missing)}, which {INDEX} names")
    return tuple(folder / name for name in names)


def finite(values: NDArray[np.float32], name: str, path: Path | str) -> NDArray[np.float32]:
    """Give weights back, if every one is a finite number.

    Raises:
        UnreadableCheckpoint: one is not.
    """
    # The sum is finite where all are, costs no array of truths, and overflows seldom.
    with np.errstate(all="ignore"):
        whole = bool(np.isfinite(values.sum(dtype=np.float64)))
    if not whole and not np.isfinite(values).all():
        raise UnreadableCheckpoint(f"{path}: expected finite weights, {name} holds others")
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """How the weights of a checkpoint differ from those that its architecture has."""

    missing: tuple[str, ...]
    """Weights that the architecture has and the checkpoint has not."""
    unexpected: tuple[str, ...]
    """Weights that the checkpoint has and the architecture has not."""
    misshapen: tuple[str, ...]
    """``name: expected (a, b), got (c, d)``."""

    def refuse(self, source: Path | str) -> None:
        """Let only an exact match pass.

        Raises:
            UnreadableCheckpoint: anything differs; lists the first of each kind and counts all.
        """
        parts = [
            f"{len(names)} {what}: {shortened(names)}"
            for what, names in (
                ("missing", self.missing),
                ("unexpected", self.unexpected),
                ("of another shape", self.misshapen),
            )
            if names
        ]
        if parts:
            raise UnreadableCheckpoint(
                f"{source}: the weights are not those of its config: {'; '.join(parts)}"
            )


def compare_keys(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    *,
    ignored: Sequence[str] = (),
) -> KeyReport:
    """Compare names and shapes; names ending in one of ``ignored`` may be there or not."""
    superfluous = [
        name for name in found.keys() - expected.keys() if not name.endswith(tuple(ignored))
    ]
    misshapen = [
        f"{name} {found[name]} instead of {expected[name]}"
        for name in sorted(expected.keys() & found.keys())
        if expected[name] != found[name]
    ]
    return KeyReport(
        missing=tuple(sorted(expected.keys() - found.keys())),
        unexpected=tuple(sorted(superfluous)),
        misshapen=tuple(misshapen),
    )


def shortened(names: Sequence[str]) -> str:
    """Spell out the first few names and count the others."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except FileNotFoundError as error:
        raise UnreadableCheckpoint(f"{path}: no such file") from error
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UnreadableCheckpoint(
            f"{path}: expected a whole safetensors file, fetch it again ({reason})"
        ) from error
