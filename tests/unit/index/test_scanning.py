from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.index import fastscan
from satseek.index.halves import from_halves, to_halves
from satseek.index.ranking import SLACK, exact_cosines
from satseek.index.scanning import look_at, scan_halves
from satseek.index.segments import Segments, append
from satseek.index.spec import CollectionSpec, Edition
from satseek.index.view import View
from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Vectors

FAISS = "pip install 'satseek[faiss]'"
ROWS, DIM, FULL = 700, 32, 256
SPEC = CollectionSpec(
    name="scanned",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)


def units(seed: int, n: int, dim: int = DIM) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def viewed(
    folder: Path,
    vectors: Vectors,
    dead: list[int],
    *,
    matrix_bytes: int = 0,
    before: View | None = None,
    number: int = 0,
) -> View:
    folder.mkdir(exist_ok=True)
    start = 0 if before is None else before.segments.rows
    append(folder, to_halves(vectors[start:]), start=start, rows_per_segment=FULL)
    segments = Segments(folder, rows=len(vectors), dim=vectors.shape[1], rows_per_segment=FULL)
    return View(
        generation=1,
        edition=Edition(spec=SPEC, number=number),
        before=before,
        segments=segments,
        dead=np.array(dead, dtype=np.int64),
        matrix_bytes=matrix_bytes,
    )


def expected(vectors: Vectors, query: np.ndarray, rows: np.ndarray, k: int) -> set[int]:
    cosines = exact_cosines(query, from_halves(to_halves(vectors[rows])))
    return set(rows[np.argsort(-cosines, kind="stable")[:k]].tolist())


@pytest.mark.parametrize("faiss", ["with", "without"])
@pytest.mark.parametrize("dim", [DIM, 12])
@pytest.mark.parametrize("matrix_bytes", [0, 2**20])
def test_none_of_the_best_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faiss: str, dim: int, matrix_bytes: int
) -> None:
    if faiss == "with":
        pytest.importorskip("faiss", reason=FAISS)
    else:
        monkeypatch.setitem(sys.modules, "faiss", None)
    vectors = units(0, ROWS, dim)
    dead = list(range(3, ROWS, 50))
    living = np.delete(np.arange(ROWS), dead)
    view = viewed(tmp_path / "segments", vectors, dead, matrix_bytes=matrix_bytes)
    queries = units(1, 3, dim)
    for rows in (None, np.arange(100, 600), living[::3], np.array([5]), np.array([], np.int64)):
        among = living if rows is None else rows
        for k in (1, 10, 900):
            for query, near in zip(queries, look_at(view, queries, rows, k), strict=True):
                assert expected(vectors, query, among, k) <= set(near.tolist()) <= {*among.tolist()}


def test_vectors_that_are_all_alike_are_all_kept() -> None:
    pytest.importorskip("faiss", reason=FAISS)
    halves = np.repeat(to_halves(units(0, 1)), 500, axis=0)
    halves[250:] = to_halves(units(3, 250))
    query = from_halves(halves[:1])
    (near,) = scan_halves(query, iter([(np.arange(500), halves)]), 5)
    assert set(range(250)) == set(near.tolist())


def test_exact_products_are_those_of_the_halves() -> None:
    pytest.importorskip("faiss", reason=FAISS)
    halves = to_halves(units(0, 200))
    queries = units(1, 4)
    rows, products = fastscan.Exact(halves).nearest(queries, 20)
    truth = queries @ from_halves(halves).T
    assert products == pytest.approx(np.take_along_axis(truth, rows, axis=1), abs=1e-6)
    assert products == pytest.approx(-np.sort(-truth, axis=1)[:, :20], abs=SLACK / 100)


def test_a_later_generation_adds_to_the_copy_of_the_rows(tmp_path: Path) -> None:
    vectors = units(1, ROWS)
    stored = from_halves(to_halves(vectors))
    first = viewed(tmp_path / "one", vectors[:300], [], matrix_bytes=2**20)
    held = first.matrix.first(first.segments)
    second = viewed(tmp_path / "one", vectors, [], matrix_bytes=2**20, before=first)
    assert second.matrix is first.matrix
    assert np.array_equal(second.matrix.first(second.segments), stored)
    assert np.array_equal(first.matrix.first(first.segments), stored[:300])
    assert np.array_equal(held, stored[:300])


def test_another_edition_has_a_copy_of_its_own(tmp_path: Path) -> None:
    former, newer = units(1, 300), units(2, 300)
    first = viewed(tmp_path / "one", former, [], matrix_bytes=2**20)
    first.matrix.first(first.segments)
    other = viewed(tmp_path / "two", newer, [], matrix_bytes=2**20, number=1)
    beside = View(
        generation=2,
        edition=other.edition,
        segments=other.segments,
        dead=other.dead,
        matrix_bytes=2**20,
        before=first,
    )
    assert np.array_equal(beside.matrix.first(other.segments), from_halves(to_halves(newer)))
