"""What compressed codes may miss, and what they may not: held against the oracle."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from contract.indexes import block, chip, scene, spec
from contract.worlds import polygon
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from satseek.index import (
    ExactIndex,
    PlanLimits,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.index.checks import check_vectors
from satseek.index.codes import covered_by
from satseek.index.ranking import exact_cosines
from satseek.index.spec import codes_name
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index import Collection, QueryKind
    from satseek.types import Chip, GeoJSON, Vectors

DIM = 64
CHIPS = 8_000
KINDS: tuple[QueryKind, ...] = ("text", "image")
ACROSS = 100
"""Chips in a row of the lattice, a tenth of a degree each."""
SCENES = 10
LEAST = 0.98
"""Recall@10 of words and of images, over all filters together."""
LIMITS = PlanLimits(matrix_bytes=0, codes_from=1_000, exact_rows=0)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Large:
    """A collection in clusters, large enough for codes, and what it is asked."""

    index: Collection
    oracle: ExactIndex
    words: Vectors
    """Queries far from all chips, as words are from images."""
    images: Vectors
    """Queries among the chips."""


def unit(values: np.ndarray) -> Vectors:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def lattice_chip(number: int) -> Chip:
    """Lay a chip on the lattice; one in a hundred lies nowhere, one in fifty has no date."""
    row, column = divmod(number, ACROSS)
    west, south = column / 10, row / 10
    return chip(
        f"{number:04d}",
        scene_id=f"s{number % SCENES}",
        footprint=None if number % 100 == 7 else bbox_area(west, south, west + 0.1, south + 0.1),
        datetime=None if number % 50 == 3 else NEW_YEAR + number // 80 * DAY,
        level=(1, 1, 1, 2)[number % 4],
    )


@pytest.fixture(scope="module")
def large() -> Iterator[Large]:
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((40, DIM))
    vectors = unit(centres[rng.integers(0, 40, CHIPS)] + rng.standard_normal((CHIPS, DIM)))
    vectors[5::400] = vectors[5]  # the same to the bit
    away = rng.standard_normal(DIM) * 3
    words = unit(centres[:20] + rng.standard_normal((20, DIM)) + away)
    images = unit(centres[20:] + rng.standard_normal((20, DIM)))
    chips = [lattice_chip(n) for n in range(CHIPS)]
    scenes = {f"s{n}": scene(f"s{n}", cover=n * 10) for n in range(SCENES)}
    blocks = [
        block(one, chips[n::SCENES], vectors[n::SCENES]) for n, one in enumerate(scenes.values())
    ]
    removed = [one.id for one in chips[11::37]]
    replaced = chips[13::41]
    oracle = ExactIndex(DIM)
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(
            Path(folder) / "large", spec(DIM), rows_per_segment=2_500, limits=LIMITS
        ) as index,
    ):
        for one in (oracle, index):
            one.add_blocks(blocks)
            one.remove(removed)
            one.add(replaced, vectors[: len(replaced)][::-1])
        yield Large(index=index, oracle=oracle, words=words, images=images)


def slanted(x: float, y: float, size: float) -> GeoJSON:
    return polygon((x, y - size), (x + size, y), (x, y + size), (x - size, y))


AREAS = st.one_of(
    st.none(),
    st.builds(slanted, st.floats(3, 7), st.floats(2, 6), st.sampled_from([0.3, 3.0, 5.0])),
    st.builds(
        lambda x, y, wide: bbox_area(x / 10, y / 10, x / 10 + wide, y / 10 + wide),
        st.integers(0, 60),
        st.integers(0, 40),
        st.sampled_from([0.5, 4.0, 6.0]),
    ),
)
ALL_AT_ONCE = st.builds(
    lambda area, first, scenes, attributes, levels: Filter(
        area=area,
        start=None if first is None else NEW_YEAR + first * DAY,
        end=None if first is None else NEW_YEAR + (first + 60) * DAY,
        scene_ids=scenes,
        attributes=attributes,
        levels=levels,
    ),
    AREAS,
    st.one_of(st.none(), st.none(), st.integers(0, 90)),
    st.sampled_from([(), (), (), tuple(f"s{n}" for n in range(9)), ("s4",)]),
    st.sampled_from([{}, {}, {"cover": {"lte": 60}}]),
    st.sampled_from([(), (), (1,)]),
)
FILTERS = st.one_of(
    st.just(Filter()),
    st.builds(Filter, area=AREAS),
    st.builds(Filter, levels=st.sampled_from([(1,), (2,)])),
    st.builds(
        lambda first, last: Filter(scene_ids=tuple(f"s{n}" for n in range(first, last))),
        st.integers(0, 1),
        st.integers(9, 10),
    ),
    ALL_AT_ONCE,
)


def test_codes_find_what_there_is_behind_random_filters(large: Large) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    recalls: dict[tuple[str, bool], list[float]] = {}

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(where=FILTERS, first=st.integers(0, 12))
    def compare(where: Filter, first: int) -> None:
        passing = set(_ids(large.oracle, large.words[:1], where))
        for kind in KINDS:
            queries = (large.words if kind == "text" else large.images)[first : first + 8]
            expected = large.oracle.search(queries, k=10, where=where)
            found = large.index.search(queries, k=10, where=where, kind=kind)
            by_codes = not found.plan.startswith("exact scan")
            for number, query in enumerate(check_vectors(queries, dim=DIM)):
                true = _answer(large.oracle, expected.rows[number])
                got = _answer(large.index, found.rows[number])
                assert len(true) == len(got) == len(set(got))
                assert set(got) <= passing
                if not by_codes:
                    assert true == got
                rows = found.rows[number][found.rows[number] >= 0]
                exact = exact_cosines(query, _stored(large, got))
                assert exact.tolist() == found.cosines[number][: rows.size].tolist()
                assert sorted(zip(-exact, got, strict=True)) == list(zip(-exact, got, strict=True))
                if true:
                    share = len(set(true) & set(got)) / len(true)
                    recalls.setdefault((kind, by_codes), []).append(share)

    compare()
    assert 1.0 == np.mean(recalls["text", False])
    for kind in KINDS:
        assert len(recalls[kind, True]) >= 50
        assert np.mean(recalls[kind, True]) >= LEAST


def test_without_faiss_every_search_is_exact(large: Large, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    for where in (Filter(), Filter(scene_ids=("s4", "s5")), Filter(levels=(2,))):
        found = large.index.search(large.words, k=10, where=where)
        expected = large.oracle.search(large.words, k=10, where=where)
        assert found.plan.startswith("exact scan")
        assert found.cosines.tolist() == expected.cosines.tolist()
        for number in range(len(large.words)):
            true = _answer(large.oracle, expected.rows[number])
            assert true == _answer(large.index, found.rows[number])


def _answer(index: Collection | ExactIndex, rows: np.ndarray) -> list[str]:
    return [one.id for one in index.chips(rows[rows >= 0])]


def _ids(oracle: ExactIndex, query: Vectors, where: Filter) -> list[str]:
    return _answer(oracle, oracle.search(query, k=CHIPS, where=where).rows[0])


def _stored(large: Large, chip_ids: list[str]) -> Vectors:
    """Vectors as they are stored: half-precision, as the oracle keeps them."""
    return large.oracle._stored[[large.oracle.row_of(one) for one in chip_ids]]


def test_codes_grow_beside_searches(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    first, rows = 20_000, 22_400
    vectors = unit(rng.standard_normal((rows, DIM)))
    folder = tmp_path / "growing"
    with create_collection(folder, spec(DIM), limits=LIMITS) as writer:
        writer.add([chip(f"{n:05d}") for n in range(first)], vectors[:first])
        with open_collection(folder, mode="read", limits=LIMITS) as reader:
            assert reader.search(vectors[:1], k=1, where=Filter()).rows.tolist() == [[0]]
            former = reader._reader.coding.kept
            writer.add([chip(f"{n:05d}") for n in range(first, rows)], vectors[first:])
            deadline = time.monotonic() + 60
            while reader._reader.coding.kept == former:  # every answer meanwhile is right
                assert time.monotonic() < deadline
                found = reader.search(vectors[-1:], k=1, where=Filter()).rows.tolist()
                assert found == [[rows - 1]]
            kept = reader._reader.coding.kept
            assert kept is not None
            assert kept[1].covered == rows
            found = reader.search(vectors[-1:], k=1, where=Filter()).rows.tolist()
            assert found == [[rows - 1]]
            path = folder / codes_name(0)
            assert covered_by(path) == first, "each growth waits for a file of all codes"
        assert covered_by(path) == rows, "who opens it next has to make them again"
