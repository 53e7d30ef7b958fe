"""Pieces of scenes → their chips and vectors, as they would come of reading the scenes whole.

Does not know where what comes of them is put, nor what comes of their scenes: that takes all of a
scene's pieces.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.streaming import embed_stream
from satseek.errors import Abandoned, SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery.chips import ReadChip, plan_chips, read_chips
from satseek.imagery.recipes import stretch_of
from satseek.index.partitions import PieceResult
from satseek.search.indexing_reading import refusal_of
from satseek.search.rereading import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.spec import CollectionSpec
    from satseek.search.partitioning import Piece
    from satseek.types import Chip, Pixels, Refusal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One grid cell of a piece."""

    place: int
    """Number of the piece."""
    read: ReadChip
    """Its chip, if enough of it is valid."""


@dataclass(frozen=True, slots=True)
class _End:
    """A piece has no more cells, or its scene cannot be used."""

    place: int
    """Number of the piece."""
    recipe: str = ""
    """Label of the recipe that was used."""
    refusal: Refusal | None = None
    """Why its scene cannot be used."""
    begun: bool = True
    """Whether pixels were being read."""


@dataclass(slots=True)
class _Taken:
    """What has come of a piece so far."""

    chips: list[Chip] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    end: _End | None = None


def embed_pieces(
    pieces: Sequence[Piece],
    *,
    spec: CollectionSpec,
    embedder: Embedder,
    batch: int = 32,
    workers: int = 1,
    wanted: Callable[[], bool] = lambda: True,
) -> list[PieceResult]:
    """Read and embed pieces; one that cannot be read stops no other.

    Args:
        pieces: In order.
        spec: Of the collection that they are for.
        embedder: Of its model.
        batch: Chips in one call of the engine.
        workers: Calls of the engine at once; see ``embed_stream``.
        wanted: Says after every batch whether anybody still waits.

    Returns:
        What came of each, in order.

    Raises:
        Abandoned: nobody does.
    """
    taken = [_Taken() for _ in pieces]
    stream = embed_stream(
        _read(pieces, spec), pixels=_pixels_of, embedder=embedder, batch=batch, workers=workers
    )
    with closing(stream):  # type: ignore[type-var] # it is a generator
        for items, vectors in stream:
            if not wanted():
                raise Abandoned("nobody waits for the partition any more")
            rows = iter(vectors)
            for item in items:
                one = taken[item.place]
                if isinstance(item, _End):
                    one.end = item
                elif item.read.chip is not None:
                    one.chips.append(item.read.chip)
                    one.vectors.append(next(rows))
    none = np.empty((0, spec.dim), dtype=np.float32)
    return [_result(piece, one, none) for piece, one in zip(pieces, taken, strict=True)]


def _pixels_of(item: _Cell | _End) -> Pixels | None:
    return item.read.pixels if isinstance(item, _Cell) else None


def _result(piece: Piece, taken: _Taken, none: NDArray[np.float32]) -> PieceResult:
    end = taken.end
    assert end is not None  # every piece ends
    if end.refusal is not None:
        return PieceResult(key=piece.key, vectors=none, refusal=end.refusal, begun=end.begun)
    return PieceResult(
        key=piece.key,
        chips=tuple(taken.chips),
        vectors=np.stack(taken.vectors) if taken.vectors else none,
        skipped=piece.cells - len(taken.chips),
        recipe=end.recipe,
    )


def _read(pieces: Sequence[Piece], spec: CollectionSpec) -> Iterator[_Cell | _End]:
    """Outermost loop of the reading thread: one bad piece must not stop the others."""
    for place, piece in enumerate(pieces):
        name = piece.scene.id
        try:
            recipe = yield from _read_cells(place, piece, spec)
            end = _End(place, recipe=recipe)
        except (UnreadableImage, UnsafeReference) as error:
            end = _End(place, refusal=refusal_of(name, error))
        except SatseekError:
            raise
        except Exception as error:
            logger.exception("cannot read %s", piece.scene.path)
            end = _End(place, refusal=refusal_of(name, error))
        if reason := look_at(piece.scene):  # it is not what was planned, or not seen from here
            end = _End(place, refusal=refusal_of(name, UnreadableImage(reason)), begun=False)
        yield end


def _read_cells(place: int, piece: Piece, spec: CollectionSpec) -> Generator[_Cell, None, str]:
    """Read the cells of a piece; returns the label of the recipe that was used."""
    scene = piece.scene
    plan = plan_chips(scene, grid=spec.grid)
    stretch = piece.stretch or stretch_of(scene, spec.recipe)
    logger.info("%s: recipe %s %s", scene.id, stretch.recipe, stretch.why)
    cells = read_chips(
        scene,
        plan=plan,
        stretch=stretch,
        min_valid=spec.min_valid,
        start=piece.start,
        stop=piece.stop,
    )
    for read in cells:
        yield _Cell(place, read)
    return stretch.recipe
