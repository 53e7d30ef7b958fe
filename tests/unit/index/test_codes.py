from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.index import codes as coded
from satseek.index.halves import from_halves, to_halves
from satseek.index.projecting import Projection, learn
from satseek.index.segments import Segments, append

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.codes import Codes
    from satseek.types import Vectors

FAISS = "pip install 'satseek[faiss]'"
DIM = 128
ROWS = 4_096
FULL = 2_048
"""Rows of a file: whole pages."""


def unit(values: np.ndarray) -> Vectors:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def chips(seed: int, n: int) -> Vectors:
    """Vectors in a cone, with a spectrum that falls as that of features does."""
    rng = np.random.default_rng(seed)
    spread = rng.standard_normal((n, DIM)) * np.arange(1, DIM + 1) ** -1.0
    return unit(spread + 3 * np.eye(DIM)[7])


def words(n: int) -> Vectors:
    """Queries far from all vectors."""
    rng = np.random.default_rng(99)
    return unit(rng.standard_normal((n, DIM)) - 20 * np.eye(DIM)[7])


def written(folder: Path, vectors: Vectors, *, full: int = FULL) -> Segments:
    folder.mkdir(exist_ok=True)
    append(folder, to_halves(vectors), start=0, rows_per_segment=full)
    return Segments(folder, rows=len(vectors), dim=DIM, rows_per_segment=full)


def products(segments: Segments, queries: Vectors) -> np.ndarray:
    return queries @ segments.gather(np.arange(segments.rows)).T


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Segments:
    return written(tmp_path_factory.mktemp("coded") / "segments", chips(0, ROWS))


@pytest.fixture(scope="module")
def codes(segments: Segments) -> Codes:
    pytest.importorskip("faiss", reason=FAISS)
    return coded.build(segments)


def test_a_projection_keeps_differences_of_inner_products() -> None:
    vectors, queries = chips(1, 500), words(20)
    projection = learn(vectors, kept=DIM, parts=DIM // 2)
    kept = (queries @ projection.directions) @ projection.of_vectors(vectors).T
    lost = queries @ vectors.T - kept
    assert np.ptp(lost, axis=1) == pytest.approx(np.zeros(20), abs=1e-5)
    assert projection.back(projection.of_vectors(vectors)) == pytest.approx(vectors, abs=1e-5)


def test_a_projection_leaves_out_what_differs_least() -> None:
    vectors = chips(1, 2_000)
    projection = learn(vectors, kept=64, parts=32)
    assert projection.directions.T @ projection.directions == pytest.approx(np.eye(64), abs=1e-5)
    rest = vectors - projection.back(projection.of_vectors(vectors))
    spread = vectors - vectors.mean(axis=0)
    assert (rest**2).sum() < 0.02 * (spread**2).sum()


def test_every_part_differs_as_much_but_for_its_rank() -> None:
    vectors = chips(1, 2_000)
    numbers = learn(vectors, kept=64, parts=32).of_vectors(vectors)
    strong, weak = numbers.var(axis=0).reshape(32, 2).T
    assert strong.min() > weak.max()
    assert strong.max() < 8 * strong.mean()  # along the plain directions: 20 times


def test_a_projection_comes_back_from_bytes() -> None:
    projection = learn(chips(1, 100), kept=64, parts=32)
    content = np.frombuffer(projection.to_bytes() + b"more", dtype=np.uint8)
    back, rest = Projection.from_bytes(content, dim=DIM, kept=64)
    assert rest.tobytes() == b"more"
    assert np.array_equal(back.mean, projection.mean)
    assert np.array_equal(back.directions, projection.directions)
    assert (DIM, 64) == (back.dim, back.kept)


def test_candidates_come_with_their_inner_products(codes: Codes, segments: Segments) -> None:
    queries = words(5)
    rows, found = codes.nearest(queries, 200, segments=segments)
    exact = np.take_along_axis(products(segments, queries), rows, axis=1)
    assert (5, 200) == rows.shape
    assert found == pytest.approx(exact, abs=1e-5)
    assert np.array_equal(found, -np.sort(-found, axis=1))
    near = codes.candidates(queries, 200)
    assert np.array_equal(np.sort(near, axis=1), np.sort(rows, axis=1))


@pytest.mark.parametrize("kind", ["words", "chips"])
def test_the_true_answers_are_among_few_candidates(
    codes: Codes, segments: Segments, kind: str
) -> None:
    queries = words(50) if kind == "words" else chips(5, 50)
    truth = np.argsort(-products(segments, queries), axis=1)[:, :10]
    rows, _ = codes.nearest(queries, 160, segments=segments)
    kept = [np.isin(true, line).mean() for true, line in zip(truth, rows, strict=True)]
    assert np.mean(kept) >= 0.98


def test_files_that_are_no_whole_pages_are_gathered_from(
    codes: Codes, segments: Segments, tmp_path: Path
) -> None:
    uneven = written(tmp_path / "uneven", chips(0, ROWS), full=1_001)
    again = coded.build(uneven)
    queries = words(3)
    rows, found = again.nearest(queries, 50, segments=uneven)
    expected, cosines = codes.nearest(queries, 50, segments=segments)
    assert np.array_equal(np.sort(expected, axis=1), np.sort(rows, axis=1))
    assert -np.sort(-found, axis=1) == pytest.approx(cosines, abs=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.0])
def test_a_mask_is_never_passed(codes: Codes, segments: Segments, share: float) -> None:
    passing = np.random.default_rng(3).random(ROWS) < share
    rows, found = codes.nearest(words(4), 100, segments=segments, mask=passing)
    count = min(100, int(passing.sum()))
    assert ((rows >= 0).sum(axis=1) == count).all()
    assert passing[rows[rows >= 0]].all()
    assert np.isfinite(found[rows >= 0]).all()


def test_codes_come_back_from_their_file(codes: Codes, segments: Segments, tmp_path: Path) -> None:
    path = tmp_path / "codes.bin"
    codes.save(path, proof="these rows")
    assert coded.covered_by(path) == ROWS
    assert coded.load(path, proof="other rows") is None
    back = coded.load(path, proof="these rows")
    assert back is not None
    assert (codes.name, codes.covered, codes.trained_at) == (
        back.name,
        back.covered,
        back.trained_at,
    )
    queries = words(5)
    assert np.array_equal(codes.candidates(queries, 100), back.candidates(queries, 100))
    assert not back.drifted(segments)


def test_other_layouts_and_damage_are_built_again(codes: Codes, tmp_path: Path) -> None:
    path = tmp_path / "codes.bin"
    codes.save(path, proof="p")
    header, _, content = path.read_bytes().partition(b"\n")
    fields = json.loads(header)
    former = {"proof": "p", "covered": 1, "trained_at": 1, "sha256": fields["sha256"]}
    for changed in (former, {**fields, "layout": 1}, []):
        path.write_bytes(json.dumps(changed).encode() + b"\n" + content)
        assert (coded.covered_by(path), coded.load(path, proof="p")) == (None, None)
    for at in (0, len(content) // 2, len(content) - 1):
        flipped = bytearray(content)
        flipped[at] ^= 1
        path.write_bytes(header + b"\n" + flipped)
        assert coded.load(path, proof="p") is None


def test_codes_are_extended_beside_those_in_use(codes: Codes, tmp_path: Path) -> None:
    both = np.concatenate([chips(0, ROWS), chips(8, 500)])
    longer = written(tmp_path / "longer", both)
    before = codes.candidates(words(2), 50)
    more = codes.extended(longer)
    assert (ROWS, ROWS + 500, ROWS) == (codes.covered, more.covered, more.trained_at)
    assert np.array_equal(before, codes.candidates(words(2), 50))
    found, _ = more.nearest(both[-3:], 20, segments=longer)
    assert [ROWS + 497, ROWS + 498, ROWS + 499] == found[:, 0].tolist()
    assert not more.drifted(longer)


def test_rows_unlike_the_former_ones_are_drift(codes: Codes, tmp_path: Path) -> None:
    turned = chips(8, 2_000)[:, ::-1]
    for later, expected in ((chips(8, 2_000), False), (turned, True), (turned[:500], False)):
        vectors = np.concatenate([chips(0, ROWS), later])
        folder = written(tmp_path / f"{len(later)}{expected}", vectors)
        assert codes.drifted(folder) is expected


def test_halves_are_read_as_they_are_stored(codes: Codes, segments: Segments) -> None:
    stored = from_halves(to_halves(chips(0, ROWS)))
    rows, found = codes.nearest(words(1), 1, segments=segments)
    assert found[0, 0] == pytest.approx(np.vecdot(stored[rows[0, 0]], words(1)[0]), abs=1e-6)


@pytest.fixture(scope="module")
def listed(segments: Segments) -> Codes:
    pytest.importorskip("faiss", reason=FAISS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded, "_LISTS_FROM", ROWS)
        return coded.build(segments)


@pytest.mark.parametrize("kind", ["words", "chips"])
def test_a_few_lists_hold_the_true_answers(listed: Codes, segments: Segments, kind: str) -> None:
    assert listed.name == f"IVF64,PQ{DIM // 2}x4fs"
    queries = words(50) if kind == "words" else chips(5, 50)
    truth = np.argsort(-products(segments, queries), axis=1)[:, :10]
    rows, _ = listed.nearest(queries, 60, segments=segments)
    kept = [np.isin(true, line).mean() for true, line in zip(truth, rows, strict=True)]
    assert np.mean(kept) >= 0.9


def test_more_candidates_are_looked_for_in_more_lists(listed: Codes, segments: Segments) -> None:
    few, _ = listed.nearest(words(5), 10, segments=segments)
    most, _ = listed.nearest(words(5), ROWS, segments=segments)
    assert (few >= 0).all()
    assert [list(range(ROWS))] * 5 == np.sort(most, axis=1).tolist()
    passing = np.zeros(ROWS, dtype=np.bool_)
    passing[::40] = True
    left, _ = listed.nearest(words(5), 10, segments=segments, mask=passing)
    assert passing[left].all()


def test_lists_are_extended_and_kept(listed: Codes, tmp_path: Path) -> None:
    both = np.concatenate([chips(0, ROWS), chips(8, 500)])
    more = listed.extended(written(tmp_path / "longer", both))
    more.save(tmp_path / "codes.bin", proof="p")
    back = coded.load(tmp_path / "codes.bin", proof="p")
    assert back is not None
    assert np.array_equal(more.candidates(words(5), 50), back.candidates(words(5), 50))
    every = back.candidates(words(1), ROWS + 500)[0]
    assert np.array_equal(np.arange(ROWS + 500), np.sort(every))


def test_where_the_nearest_lists_hold_too_few_all_are_looked_at(
    listed: Codes, segments: Segments
) -> None:
    for query in words(5)[:, None]:
        passing = np.zeros(ROWS, dtype=np.bool_)
        passing[np.argsort(products(segments, query)[0])[: ROWS // 4]] = True
        rows, _ = listed.nearest(query, 1, segments=segments, mask=passing)
        assert rows[0, 0] >= 0
        assert passing[rows].all()
