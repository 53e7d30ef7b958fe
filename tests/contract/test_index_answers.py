"""Two hundred random filters and queries over every way to keep an index: the same answers."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from contract.indexes import DIM, KINDS, block, chip, opened, scene, spec, units
from contract.worlds import (
    BOXES,
    EMBEDDER,
    FILTERS,
    MOMENTS,
    PROPERTIES,
    TURNED,
    WORDS,
    WORDS_DIM,
    asked,
    fill,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satseek.index import (
    Collection,
    ExactIndex,
    PlanLimits,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.search.federating import Place, search_many
from satseek.types import Filter, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from satseek.index import Index, SceneBlock
    from satseek.types import Chip, Vectors

EXAMPLES = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
"""The same examples in every run: chance is for finding, not for a red build."""

Answer: TypeAlias = "list[tuple[str, float]]"
"""Chip ids and cosines, best first."""
Ask: TypeAlias = "Callable[[int, int, Filter], Answer]"
"""A word's number, k and a filter to the answer."""
QUERIES = asked()
MOST = 500
"""Hits asked for at most: more than there are chips."""


def of_index(index: Index) -> Ask:
    def ask(word: int, k: int, where: Filter) -> Answer:
        found = index.search(QUERIES[word : word + 1], k=k, where=where, kind="text")
        rows, cosines = found.rows[0], found.cosines[0]
        kept = rows >= 0
        assert np.array_equal(kept, np.isfinite(cosines))
        assert np.array_equal(kept, np.sort(kept)[::-1])
        return [
            (chip.id, float(cosine))
            for chip, cosine in zip(index.chips(rows[kept]), cosines[kept], strict=True)
        ]

    return ask


@contextmanager
def filled(kind: str) -> Iterator[Ask]:
    with (
        tempfile.TemporaryDirectory() as folder,
        KINDS[kind].opened(Path(folder), WORDS_DIM) as index,
    ):
        fill(index)
        yield of_index(index)


@contextmanager
def beside_its_writer() -> Iterator[Ask]:
    """Ask a reader that was there before the first chip was."""
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(Path(folder) / "written", spec(WORDS_DIM)) as writer,
        open_collection(Path(folder) / "written", mode="read") as reader,
    ):
        fill(writer)
        yield of_index(reader)


@contextmanager
def compacted() -> Iterator[Ask]:
    """Ask a reader that was there before its collection was compacted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(Path(folder) / "written", spec(WORDS_DIM), rows_per_segment=50) as writer,
        open_collection(Path(folder) / "written", mode="read") as reader,
    ):
        fill(writer)
        of_index(reader)(0, 1, Filter())
        done = writer.compact()
        assert done.rows_after == len(reader) < done.rows_before
        yield of_index(reader)


@contextmanager
def from_a_snapshot() -> Iterator[Ask]:
    """Ask a copy that was taken from an open collection, which has gone on since."""
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(Path(folder) / "written", spec(WORDS_DIM)) as writer,
    ):
        fill(writer)
        writer.snapshot(Path(folder) / "copy")
        writer.remove_scenes(["s1", "s2"])
        with open_collection(Path(folder) / "copy", mode="read") as copy:
            yield of_index(copy)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up the right to write anywhere, where the tests have it."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65_534, 65_534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextmanager
def from_a_read_only_folder() -> Iterator[Ask]:
    """Ask a copy that cannot be written to."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        copy = Path(folder) / "written"
        with create_collection(copy, spec(WORDS_DIM), rows_per_segment=50) as writer:
            fill(writer)
        paths = [copy, *copy.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        stack.callback(lambda: [path.chmod(0o755) for path in paths])
        Path(folder).chmod(0o755)
        stack.enter_context(as_nobody())
        assert not os.access(copy, os.W_OK)
        limits = PlanLimits(matrix_bytes=0)
        reader = stack.enter_context(open_collection(copy, mode="read", limits=limits))
        yield of_index(reader)


class Shards:
    """Collections that hold some scenes each, filled as if they were one."""

    def __init__(self, collections: Sequence[Collection], owner: Callable[[str], int]) -> None:
        self._collections = collections
        self._owner = owner

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None:
        for one in blocks:
            self._collections[self._owner(one.scene.id)].add_blocks([one])

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        owners = np.array([self._owner(one.scene_id) for one in chips])
        for number in np.unique(owners):
            own = np.flatnonzero(owners == number)
            self._collections[number].add([chips[at] for at in own], vectors[own])

    def remove(self, chip_ids: Iterable[str]) -> int:
        wanted = list(chip_ids)
        return sum(one.remove(wanted) for one in self._collections)


@contextmanager
def federated(count: int) -> Iterator[Ask]:
    """Ask several collections at once: of scenes in order, so that equal cosines are too."""
    scenes = sorted([*PROPERTIES, "s6"])
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        made = [
            stack.enter_context(
                create_collection(Path(folder) / f"shard{n}", spec(WORDS_DIM, f"shard{n}"))
            )
            for n in range(count)
        ]
        fill(Shards(made, lambda scene_id: scenes.index(scene_id) * count // len(scenes)))  # type: ignore[arg-type]

        def ask(word: int, k: int, where: Filter) -> Answer:
            places = [
                Place(name=f"shard{n}", index=one, embedder=EMBEDDER) for n, one in enumerate(made)
            ]
            found = search_many(Query(text=WORDS[word], k=k, where=where), places)
            return [(hit.chip.id, hit.scores["cosine"]) for hit in found.answer.hits]

        yield ask


WAYS: dict[str, Callable[[], AbstractContextManager[Ask]]] = {
    **{kind: (lambda kind=kind: filled(kind)) for kind in KINDS if kind != "exact"},  # type: ignore[misc]
    "collection, beside its writer": beside_its_writer,
    "collection, read-only folder": from_a_read_only_folder,
    "collection, compacted": compacted,
    "collection, from a snapshot": from_a_snapshot,
    "three collections": lambda: federated(3),
}


@pytest.fixture(scope="module")
def oracle() -> ExactIndex:
    index = ExactIndex(WORDS_DIM)
    fill(index)
    return index


@pytest.fixture(scope="module")
def expect(oracle: ExactIndex) -> Ask:
    """Ask the oracle, which remembers: every way is asked the same."""
    ask = of_index(oracle)
    known: dict[str, Answer] = {}

    def remembered(word: int, k: int, where: Filter) -> Answer:
        key = repr((word, where))
        if key not in known:
            known[key] = ask(word, MOST, where)
        return known[key][:k]

    return remembered


LIKE_OTHERS = frozenset(
    {
        "collection, matrix in memory",
        "collection, beside its writer",
        "collection, read-only folder",
        "collection, compacted",
        "collection, from a snapshot",
    }
)
"""Ways that read as ``collection, from segments`` does, once they are open: asked less."""


@pytest.mark.parametrize("way", list(WAYS))
def test_every_way_answers_as_the_oracle(way: str, expect: Ask) -> None:
    lengths = []
    with WAYS[way]() as ask:

        @settings(EXAMPLES, max_examples=60 if way in LIKE_OTHERS else 200)
        @given(
            where=FILTERS,
            words=st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=2),
            k=st.sampled_from([1, 2, 10, 10, 40, MOST]),
        )
        def compare(where: Filter, words: list[int], k: int) -> None:
            for word in words:
                expected = expect(word, k, where)
                assert expected == ask(word, k, where)
                lengths.append((len(expected), k))

        compare()
    assert any(found == 0 for found, _ in lengths)
    assert any(0 < found < k for found, k in lengths)
    assert sum(found == k for found, k in lengths) > len(lengths) / 5


def test_the_world_is_as_odd_as_it_should_be(oracle: ExactIndex) -> None:
    rows = oracle.search(QUERIES[:1], k=MOST, where=Filter()).rows[0]
    chips = oracle.chips(rows[rows >= 0])
    vectors = oracle.vectors(rows[rows >= 0])
    assert len(oracle) == len(chips)
    assert len(np.unique(vectors, axis=0)) < 0.8 * len(chips)
    assert {"s1", "s2", "s3", "s4", "s5", "s6"} == {one.scene_id for one in chips}
    assert 30 == sum(one.scene_id == "s4" for one in chips)
    assert any(one.footprint is None for one in chips)
    assert any(one.datetime is None for one in chips)
    assert {1, 2, 4} == {one.level for one in chips}
    assert any(one.footprint and one.footprint["type"] == "MultiPolygon" for one in chips)


CHIPS = st.builds(
    lambda n, scene_id, footprint, moment, level: chip(
        f"{n}", scene_id=scene_id, footprint=footprint, datetime=moment, level=level
    ),
    st.integers(0, 12),
    st.sampled_from(["s1", "s2"]),
    st.one_of(st.none(), BOXES, TURNED, st.just(bbox_area(175, -5, -175, 5))),
    MOMENTS,
    st.sampled_from([1, 1, 2]),
)
BATCHES = st.lists(CHIPS, max_size=8, unique_by=lambda one: one.id)
COVERS = st.sampled_from([20, 20, 20, 60])
"""Cloud cover of the first scene: it has changed where it is another one."""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exact"])
@settings(EXAMPLES, max_examples=8)
@given(
    batches=st.lists(st.tuples(BATCHES, st.integers(0, 3), COVERS), max_size=4),
    removed=st.lists(st.integers(0, 12), max_size=3),
    filters=st.lists(FILTERS, min_size=1, max_size=4),
    k=st.integers(1, 30),
)
def test_every_history_ends_as_the_oracles_does(
    kind: str,
    batches: list[tuple[list[Chip], int, int]],
    removed: list[int],
    filters: list[Filter],
    k: int,
) -> None:
    oracle = ExactIndex(DIM)
    with opened(kind) as tested:
        for batch, seed, cover in batches:
            vectors = units(seed, 4)[np.arange(len(batch)) % 4]  # so that many are equal
            blocks = [
                block(
                    scene(name, **properties),
                    [one for one in batch if one.scene_id == name],
                    vectors[[n for n, one in enumerate(batch) if one.scene_id == name]],
                )
                for name, properties in (("s1", {"cover": cover}), ("s2", {"kind": "b"}))
            ]
            oracle.add_blocks(blocks)
            tested.add_blocks(blocks)
        names = [f"s1/{n}" for n in removed]
        assert oracle.remove(names) == tested.remove(names)
        assert len(oracle) == len(tested)
        assert oracle.extent() == tested.extent()
        assert oracle.dates() == tested.dates()
        assert np.array_equal(oracle.sample(5, seed=k), tested.sample(5, seed=k))
        for where in filters:
            expected = oracle.search(units(2, 3), k=k, where=where)
            actual = tested.search(units(2, 3), k=k, where=where)
            assert expected.cosines.tolist() == actual.cosines.tolist()
            for true, rows in zip(expected.rows, actual.rows, strict=True):
                assert oracle.chips(true[true >= 0]) == tested.chips(rows[rows >= 0])
