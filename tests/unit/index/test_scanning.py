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
from satseek.index.spec import Edition
from satseek.index.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Vectors

FAISS = "pip install 'satseek[faiss]'"
ROWS, DIM, FULL = 700, 32, 256


def units(seed: int, n: int, dim: int = DIM) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def viewed(folder: Path, vectors: Vectors, dead: list[int], *, matrix_bytes: int = 0) -> View:
    folder.mkdir()
    append(folder, to_halves(vectors), start=0, rows_per_segment=FULL)
    segments = Segments(folder, rows=len(vectors), dim=vectors.shape[1], rows_per_segment=FULL)
    return View(
        generation=1,
        edition=Edition.__new__(Edition),
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
