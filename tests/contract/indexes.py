"""Every kind of index that the contract is held against, and what is put into one."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from satseek.index import (
    CollectionSpec,
    ExactIndex,
    Index,
    PlanLimits,
    SceneBlock,
    create_collection,
)
from satseek.index.costs import Costs
from satseek.index.gpu import Held
from satseek.types import Chip, GridSpec, Recipe, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from satseek.types import Vectors

DIM = 16
"""Numbers in a vector, where nothing else is said."""

MILVUS_MISSING = "Milvus Lite is not on this machine: pip install pymilvus milvus-lite"


class Filling(Index, Protocol):
    """An index that also takes what is known of scenes."""

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A way to keep an index."""

    name: str
    opened: Callable[[Path, int], AbstractContextManager[Filling]]
    """Gives an empty one in a folder, for vectors of so many numbers."""
    forgets: bool = False
    """True where rows of replaced and removed chips cannot be read any more."""


@contextmanager
def _in_memory(_: Path, dim: int) -> Iterator[Filling]:
    yield ExactIndex(dim)


def _collection(limits: PlanLimits) -> Callable[[Path, int], AbstractContextManager[Filling]]:
    def opened(folder: Path, dim: int) -> AbstractContextManager[Filling]:
        return create_collection(folder / "contract", spec(dim), rows_per_segment=7, limits=limits)

    return opened


@contextmanager
def _as_on_gpu(folder: Path, dim: int) -> Iterator[Filling]:
    """Search as by a GPU, but that FAISS keeps the vectors where they are made."""
    limits = PlanLimits(matrix_bytes=0, costs=Costs(row_us=1e6), exact_rows=0)
    with create_collection(folder / "contract", spec(dim), rows_per_segment=7, limits=limits) as it:
        it._reader.on_gpu = Held(most_bytes=2**30, least_rows=1, move=lambda made: made)
        yield it


def _in_milvus(_: Path, dim: int) -> AbstractContextManager[Filling]:
    pytest.importorskip("pymilvus", reason=MILVUS_MISSING)
    pytest.importorskip("milvus_lite", reason=MILVUS_MISSING)
    import milvusing  # noqa: PLC0415 - not on every machine

    return milvusing.made(dim)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(name="exact", opened=_in_memory),
        Kind(name="collection, matrix in memory", opened=_collection(PlanLimits())),
        Kind(name="collection, from segments", opened=_collection(PlanLimits(matrix_bytes=0))),
        Kind(
            name="collection, codes allowed",
            opened=_collection(PlanLimits(matrix_bytes=0, codes_from=1, exact_rows=0)),
        ),
        Kind(name="collection, as on a GPU", opened=_as_on_gpu),
        Kind(name="Milvus Lite", opened=_in_milvus, forgets=True),
    )
}


@contextmanager
def opened(kind: str, dim: int = DIM) -> Iterator[Filling]:
    """Give an empty index of a kind."""
    with tempfile.TemporaryDirectory() as folder, KINDS[kind].opened(Path(folder), dim) as made:
        yield made


def spec(dim: int = DIM, name: str = "contract") -> CollectionSpec:
    return CollectionSpec(
        name=name,
        model_name="made-up",
        model_version="0" * 12,
        dim=dim,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )


def units(seed: int, n: int, dim: int = DIM) -> Vectors:
    """Draw unit vectors in all directions alike."""
    values = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def chip(name: str, **fields: object) -> Chip:
    scene_id = str(fields.get("scene_id", "one"))
    plain = Chip(
        id=f"{scene_id}/{name}",
        scene_id=scene_id,
        cell=name,
        scene_path=f"/scenes/{scene_id}.tif",
        window=Window(column=-3, row=64, width=64, height=64),
        footprint=None,
        datetime=None,
        valid_fraction=0.875,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def scene(name: str, **properties: object) -> Scene:
    """A scene that counts as changed wherever its properties are others."""
    return Scene(
        id=name,
        path=f"/scenes/{name}.tif",
        width=256,
        height=256,
        bands=3,
        dtype="uint8",
        crs=None,
        transform=(1, 0, 0, 0, 1, 0),
        nodata=None,
        datetime=None,
        digest=str(sorted(properties.items(), key=str)),
        properties=properties,
    )


def block(one: Scene, chips: Sequence[Chip], vectors: Vectors) -> SceneBlock:
    return SceneBlock(
        scene=one,
        chips=tuple(chips),
        vectors=vectors,
        next_position=len(chips),
        skipped=0,
        finished=True,
    )
