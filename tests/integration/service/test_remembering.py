"""What was asked before is answered from memory, of exactly the generation that it was asked of."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest
import serving
from shipped import make_collection

from satseek.assemble import Assembly, Layout
from satseek.embed.caching import MemoryCache
from satseek.embed.embedder import Embedder
from satseek.embed.recalling import VectorMemory
from satseek.errors import ChipNotFound, CollectionNotFound, EmptyText
from satseek.search.searching import search
from satseek.service.access.principals import SCOPES, Principal
from satseek.service.calling import Caller
from satseek.service.messages import SearchAsked, SimilarityAsked
from satseek.service.remembering import AnswerMemory
from satseek.service.running import Running
from satseek.service.verbs import compare, find
from satseek.settings import Settings
from satseek.types import Chip, Filter, Query, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.search.searching import Answer

ROOM = 1 << 24
ROUNDS = 30
ASKERS = 4
RIVER = Query(text="a river", k=3)


class Counts:
    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        assert kind == "answer"
        self.hits += hits
        self.misses += misses


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    assembly = Assembly(Settings(data_dir=tmp_path))
    with assembly.writer("small", Layout()) as target:
        rows = np.random.default_rng(1).normal(size=(6, target.spec.dim)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        target.add([chip(f"chip {at}") for at in range(6)], rows)
    yield assembly
    assembly.close()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def memory(counts: Counts) -> AnswerMemory:
    return AnswerMemory(MemoryCache(ROOM), observer=counts)


def chip(name: str) -> Chip:
    ring = [[10.0, 50.1], [10.1, 50.1], [10.1, 50.2], [10.0, 50.2], [10.0, 50.1]]
    return Chip(
        id=name,
        scene_id="scene",
        cell=name,
        scene_path="/somewhere/szene ü.tif",
        window=Window(column=0, row=256, width=256, height=256),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=datetime(2024, 5, 3, 10, 20, 30, 123456, tzinfo=UTC),
        valid_fraction=0.87654321,
    )


def asked(assembly: Assembly, memory: AnswerMemory, query: Query, **how: Embedder) -> Answer:
    matched = assembly.matched("small")
    with matched.pinned() as index:
        embedder = how.get("embedder", matched.model.embedder)
        return memory.search(query, index=index, embedder=embedder)


def ids_of(answer: Answer) -> set[str]:
    return {hit.chip.id for hit in answer.hits}


def test_a_repeated_query_costs_neither_tower_nor_index(
    assembly: Assembly, memory: AnswerMemory
) -> None:
    matched = assembly.matched("small")
    embedder = matched.model.embedder
    with matched.pinned() as index:
        first = memory.search(RIVER, index=index, embedder=embedder)
        statements: list[str] = []
        index.db.set_trace_callback(statements.append)
        forgetful = Embedder(Broken(embedder), embedder.tokenizer)  # a tower would be an error
        again = memory.search(RIVER, index=index, embedder=forgetful)
        index.db.set_trace_callback(None)
        expected = search(RIVER, index=index, embedder=embedder)
    assert [] == statements
    assert replace(first, seconds=0) == replace(again, seconds=0) == replace(expected, seconds=0)
    assert 3 == len(again.hits)


class Broken:
    """An engine that must not be asked."""

    def __init__(self, embedder: Embedder) -> None:
        self.card = embedder.card

    def image_features(self, tensor: np.ndarray) -> np.ndarray:
        raise AssertionError(tensor.shape)

    def text_features(self, ids: np.ndarray) -> np.ndarray:
        raise AssertionError(ids.shape)


@pytest.mark.parametrize(
    "other",
    [
        Query(text="a river", k=2),
        Query(text="rivers", k=3),
        Query(text="a river", k=3, liked=("chip 1",)),
        Query(text="a river", k=3, disliked=("chip 1",)),
        Query(text="a river", k=3, liked=("chip 1",), disliked=("chip 2",)),
        Query(text="a river", k=3, image=np.zeros((20, 20, 3), dtype=np.uint8)),
        Query(text="a river", k=3, image=np.ones((20, 20, 3), dtype=np.uint8)),
        Query(k=3, image=np.zeros((20, 20, 3), dtype=np.uint8)),
        Query(text="a river", k=3, where=Filter(start=datetime(2024, 1, 1, tzinfo=UTC))),
        Query(text="a river", k=3, where=Filter(end=datetime(2025, 1, 1, tzinfo=UTC))),
        Query(text="a river", k=3, where=Filter(scene_ids=("scene",))),
        Query(text="a river", k=3, group_by="scene"),
        Query(text="a river", k=3, duplicate_cosine=0.9),
        Query(text="a river", k=3, where=Filter(area=chip("x").footprint)),
    ],
    ids=range(14),
)
def test_every_part_of_a_query_counts(
    assembly: Assembly, memory: AnswerMemory, counts: Counts, other: Query
) -> None:
    asked(assembly, memory, RIVER)
    found = asked(assembly, memory, other)
    assert (0, 2) == (counts.hits, counts.misses)
    again = asked(assembly, memory, other)
    assert (1, 2) == (counts.hits, counts.misses)
    assert replace(found, seconds=0) == replace(again, seconds=0)


def test_the_same_words_written_otherwise_are_the_same_query(
    assembly: Assembly, memory: AnswerMemory, counts: Counts
) -> None:
    asked(assembly, memory, RIVER)
    asked(assembly, memory, Query(text="  A  River!", k=3))
    assert (1, 1) == (counts.hits, counts.misses)


def test_another_way_to_run_the_model_has_answers_of_its_own(
    assembly: Assembly, memory: AnswerMemory, counts: Counts
) -> None:
    asked(assembly, memory, RIVER)
    own = assembly.embedder
    vectors = VectorMemory(MemoryCache(ROOM), card=own.card, way="torch cuda bfloat16")
    asked(assembly, memory, RIVER, embedder=Embedder(own.engine, own.tokenizer, memory=vectors))
    assert (0, 2) == (counts.hits, counts.misses)


def test_a_collection_made_again_counts_from_the_start_and_answers_for_itself(
    assembly: Assembly, memory: AnswerMemory, counts: Counts
) -> None:
    generations = set()
    found = []
    for seed in (1, 2):
        shutil.rmtree(assembly.collections_dir / "small")
        make_collection(assembly, "small", seed=seed)
        answer = asked(assembly, memory, RIVER)
        generations.add(answer.generation)
        found.append(ids_of(answer))
    assert 1 == len(generations)
    assert [{f"small-{seed}-{at}" for at in range(3)} for seed in (1, 2)] == found
    assert (0, 2) == (counts.hits, counts.misses)


def test_a_collection_copied_elsewhere_shares_its_answers(
    assembly: Assembly, memory: AnswerMemory, counts: Counts, tmp_path: Path
) -> None:
    first = asked(assembly, memory, RIVER)
    shutil.copytree(tmp_path / "collections", tmp_path / "replica" / "collections")
    replica = Assembly(Settings(data_dir=tmp_path / "replica"))
    second = asked(replica, memory, RIVER)
    assert (1, 1) == (counts.hits, counts.misses)
    assert first.hits == second.hits
    with replica.writer("small", Layout()) as target:
        target.remove(["chip 1"])
    with assembly.writer("small", Layout()) as target:
        target.remove(["chip 2"])
    here, there = (asked(one, memory, replace(RIVER, k=6)) for one in (assembly, replica))
    replica.close()
    assert here.generation == there.generation  # the number alone would not tell them apart
    assert {"chip 1"} == ids_of(here) - ids_of(there)
    assert {"chip 2"} == ids_of(there) - ids_of(here)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"generation": 1, "plan": "x", "hits": [{}]}'],
)
def test_what_is_no_answer_is_computed(assembly: Assembly, counts: Counts, content: bytes) -> None:
    cache = MemoryCache(ROOM)
    memory = AnswerMemory(cache, observer=counts)
    first = asked(assembly, memory, RIVER)
    (key,) = cache._kept
    cache.put_many({key: content})
    assert first.hits == asked(assembly, memory, RIVER).hits
    assert (0, 2) == (counts.hits, counts.misses)


def test_what_cannot_be_answered_is_not_remembered(
    assembly: Assembly, memory: AnswerMemory, counts: Counts
) -> None:
    for _ in range(2):
        with pytest.raises(EmptyText):
            asked(assembly, memory, Query(text="?"))
        with pytest.raises(ChipNotFound):
            asked(assembly, memory, Query(liked=("nowhere",)))
    assert (0, 4) == (counts.hits, counts.misses)


def test_no_answer_is_of_a_generation_before_the_question(
    assembly: Assembly, memory: AnswerMemory, counts: Counts
) -> None:
    """A writer puts the best hit in and takes it out again while many ask the same."""
    vector = assembly.embedder.embed_texts(["a river"])
    state = {"generation": assembly.reader("small").generation, "best": "", "gone": ""}
    done, answered = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        with assembly.writer("small", Layout()) as target:
            for number in range(ROUNDS):
                name = f"best {number}"
                target.add([chip(name)], vector)
                state.update(best=name, generation=target.generation)
                wait()
                target.remove([name])
                state.update(gone=name, best="", generation=target.generation)

    def wait() -> None:
        """One answer more than there are who ask: one at least is to a question of now."""
        while answered.acquire(blocking=False):
            pass
        assert all(answered.acquire(timeout=60) for _ in range(ASKERS + 1))

    def ask() -> int:
        asks = 0
        while not done.is_set():
            before = dict(state)
            answer = asked(assembly, memory, RIVER)
            ids = ids_of(answer)
            assert answer.generation >= before["generation"]
            assert not before["gone"] or before["gone"] not in ids
            if before["best"] and answer.generation == before["generation"]:
                assert before["best"] in ids
            asks += 1
            answered.release()
        return asks

    with ThreadPoolExecutor(ASKERS) as pool:
        asking = [pool.submit(ask) for _ in range(ASKERS)]
        try:
            write()
        finally:
            done.set()
        assert sum(one.result(120) for one in asking) > ASKERS * ROUNDS
    assert asked(assembly, memory, RIVER).generation == state["generation"]
    assert counts.misses > ROUNDS


def closed(shared: Running) -> None:
    shared.jobs.close()
    shared.answers.close()
    shared.assembly.close()


def test_who_does_not_see_a_collection_learns_nothing_from_those_who_do(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, collection_groups={"small": ("staff",)})
    shared = Running.of(Assembly(settings))
    make_collection(shared.assembly, "small")

    def principal(*groups: str) -> Caller:
        who = Principal(name="key:x", kind="key", scopes=SCOPES["reader"], groups=frozenset(groups))
        return Caller(principal=who)

    async def ask(caller: Caller) -> int:
        question = SearchAsked(text="a river", collection="small")
        return await find(
            question, None, shared=shared, caller=caller, write=lambda one: len(one.answer.hits)
        )

    assert 3 == anyio.run(ask, principal("staff"))
    assert 3 == anyio.run(ask, principal("staff"))
    for groups in ((), ("guests",)):
        with pytest.raises(CollectionNotFound):
            anyio.run(ask, principal(*groups))
    closed(shared)


def test_a_server_remembers_and_a_command_does_not(tmp_path: Path) -> None:
    command = Assembly(Settings(data_dir=tmp_path))
    assert command.caches.cache is None
    command.embedder.embed_texts(["a river"])
    server = Running.of(Assembly(Settings(data_dir=tmp_path)))
    server.assembly.embedder.embed_texts(["a river"])
    assert isinstance(server.assembly.caches.cache, MemoryCache)
    assert 1 == len(server.assembly.caches.cache)
    closed(server)
    assert server.assembly.caches.cache is None
    command.close()


class Lookups:
    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        self.told.append((kind, hits, misses))


def test_a_model_is_warm_by_its_towers_not_by_what_is_remembered(tmp_path: Path) -> None:
    assembly, lookups = Assembly(Settings(data_dir=tmp_path)), Lookups()
    assembly.caches.open(lookups)
    for _ in range(2):
        assembly.model().warm_up()
    assert [] == lookups.told
    assembly.close()


def test_an_image_compared_again_costs_no_tower(tmp_path: Path) -> None:
    shared, lookups = Running.of(Assembly(Settings(data_dir=tmp_path))), Lookups()
    shared.assembly.caches.open(lookups)
    content = serving.png(tmp_path / "picture.png").read_bytes()

    async def ask() -> list[dict[str, float]]:
        question = SimilarityAsked(text=["a river", "a forest"])
        compared = await compare(question, content, shared=shared, caller=Caller())
        return [dict(one.scores) for one in compared.texts]

    assert anyio.run(ask) == anyio.run(ask)
    assert [("image", 0, 1), ("text", 0, 2), ("image", 1, 0), ("text", 2, 0)] == lookups.told
    shared.decoding.close()
    closed(shared)
