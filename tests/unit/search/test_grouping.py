"""One hit of each place or scene, and no near-duplicates, over whole collections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import InvalidRequest, ModelMismatch
from satseek.index import ExactIndex
from satseek.index.checks import MAX_K
from satseek.search import grouping
from satseek.search.directions import Direction
from satseek.search.federating import Place, search_many
from satseek.search.grouping import gather
from satseek.search.looking import Looking
from satseek.search.searching import search
from satseek.types import Chip, GridSpec, Query, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
DIM = EMBEDDER.card.dim
GRID = GridSpec(crs="EPSG:32633", chip_px=256, stride_px=256, pixel_size=5.0)
ROUND = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


def _chip(scene: int, cell: int, *, on_ground: bool = True) -> Chip:
    return Chip(
        id=f"s{scene}/{cell}",
        scene_id=f"s{scene}",
        cell=str(cell),
        scene_path=f"/s{scene}.tif",
        window=Window(column=0, row=0, width=1, height=1),
        footprint=ROUND if on_ground else None,
        datetime=None,
        valid_fraction=1.0,
    )


def _index(seed: int, chips: Sequence[Chip], *, centres: int = 6) -> ExactIndex:
    """Make chips that are near-duplicates of each other in clusters."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).normal(size=(centres, DIM))
    vectors = middles[rng.integers(centres, size=len(chips))]
    vectors = vectors + 0.2 * rng.normal(size=vectors.shape)
    vectors[1::7] = vectors[:1]  # and some that are the same
    made = ExactIndex(DIM)
    if chips:
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        made.add(chips, units.astype(np.float32))
    return made


def _direction(seed: int) -> Direction:
    vector = np.random.default_rng(seed).normal(size=(1, DIM))
    return Direction(vector=(vector / np.linalg.norm(vector)).astype(np.float32))


def _looking(
    query: Query, direction: Direction, indexes: Sequence[ExactIndex], *, grid: GridSpec | None
) -> list[Looking]:
    return [
        Looking(
            query,
            direction,
            index=index,
            embedder=EMBEDDER,
            clicked=(),
            name=f"c{at}",
            grid=grid,
            number=at,
        )
        for at, index in enumerate(indexes)
    ]


def _greedy(
    query: Query, direction: Direction, indexes: Sequence[ExactIndex], *, grid: GridSpec | None
) -> list[tuple[str, str]]:
    """What the words say, chip by chip over everything there is."""
    ranked: list[tuple[float, str, Chip, Any]] = []
    for at, index in enumerate(indexes):
        found = index.search(direction.vector, k=MAX_K, where=query.where)
        rows = found.rows[0][found.rows[0] >= 0]
        ranked += [
            (-float(cosine), f"c{at}", chip, vector)
            for cosine, chip, vector in zip(
                found.cosines[0], index.chips(rows), index.vectors(rows), strict=False
            )
        ]
    ranked.sort(key=lambda one: (one[0], one[1], one[2].id))
    kept: list[tuple[str, Chip, Any]] = []
    for _, name, chip, vector in ranked:
        if not any(_alike(query, grid, (name, chip, vector), better) for better in kept):
            kept.append((name, chip, vector))
    return [(name, chip.id) for name, chip, _ in kept[: query.k]]


def _alike(query: Query, grid: GridSpec | None, one: Any, better: Any) -> bool:
    (name, chip, vector), (other, known, seen) = one, better
    if query.group_by == "scene" and (name, chip.scene_id) == (other, known.scene_id):
        return True
    if query.group_by == "place" and chip.cell == known.cell:
        same_scene = (name, chip.scene_id) == (other, known.scene_id)
        on_ground = chip.footprint is not None and known.footprint is not None
        if same_scene or (on_ground and (grid is not None or name == other)):
            return True
    if query.duplicate_cosine is None:
        return False
    pair = np.stack([vector, seen]).astype(np.float64)
    units = pair / np.linalg.norm(pair, axis=1, keepdims=True)
    cosine = units[0] @ units[1]
    return bool(np.float32(cosine) >= np.float32(query.duplicate_cosine))


@given(
    sizes=st.lists(st.integers(0, 120), min_size=1, max_size=3),
    k=st.integers(1, 30),
    group_by=st.sampled_from([None, "place", "scene"]),
    bound=st.sampled_from([None, 0.5, 0.9, 1.0]),
    shared=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_hits_are_those_that_a_look_at_every_chip_keeps(
    *, sizes: list[int], k: int, group_by: Any, bound: float | None, shared: bool, seed: int
) -> None:
    indexes = [
        _index(
            seed + at,
            [_chip(one % 5, one // 5 % 9, on_ground=one % 11 != 0) for one in range(min(size, 45))],
        )
        for at, size in enumerate(sizes)
    ]
    query = Query(text="x", k=k, group_by=group_by, duplicate_cosine=bound)
    direction, grid = _direction(seed), GRID if shared else None
    gathered = gather(_looking(query, direction, indexes, grid=grid), query)
    expected = _greedy(query, direction, indexes, grid=grid)
    assert expected == [(hit.collection, hit.chip.id) for hit in gathered.hits]
    assert list(range(1, len(expected) + 1)) == [hit.rank for hit in gathered.hits]
    assert () == gathered.warnings


def test_few_rounds_reach_far_down() -> None:
    """A thousand chips of one place lie before the second place."""
    chips = [_chip(one, 0) for one in range(900)] + [_chip(0, cell) for cell in range(1, 4)]
    near = np.zeros((len(chips), DIM), dtype=np.float32)
    near[:, 0] = 1
    near[900:, 1] = [3, 4, 5]
    made = ExactIndex(DIM)
    made.add(chips, near / np.linalg.norm(near, axis=1, keepdims=True))
    query = Query(text="x", k=4, group_by="place")
    towards = np.zeros((1, DIM), dtype=np.float32)
    towards[0, 0] = 1
    (looking,) = _looking(query, Direction(vector=towards), [made], grid=None)
    found = gather([looking], query)
    assert ["0", "1", "2", "3"] == [hit.chip.cell for hit in found.hits]
    assert looking.searches <= 5


def _at(cosines: Sequence[float], chips: Sequence[Chip]) -> ExactIndex:
    """Make chips that have these cosines with the first axis."""
    vectors = np.zeros((len(chips), DIM), dtype=np.float32)
    vectors[:, 0] = cosines
    vectors[:, 1] = np.sqrt(1 - np.square(cosines))
    made = ExactIndex(DIM)
    made.add(chips, vectors)
    return made


def _first_axis() -> Direction:
    return Direction(vector=np.eye(1, DIM, dtype=np.float32))


def test_a_collection_that_was_not_looked_at_to_its_end_may_hold_better_ones() -> None:
    crowded = _at(
        [*np.linspace(0.99, 0.95, 20), 0.9], [*(_chip(one, 0) for one in range(20)), _chip(0, 1)]
    )
    poor = _at(np.linspace(0.5, 0.1, 20), [_chip(0, cell) for cell in range(20)])
    query = Query(text="x", k=2, group_by="place")
    looking = _looking(query, _first_axis(), [crowded, poor], grid=None)
    hits = gather(looking, query).hits
    assert [("c0", "s0/0"), ("c0", "s0/1")] == [(hit.collection, hit.chip.id) for hit in hits]


def test_a_cut_that_cuts_nothing_yet_does_not_end_the_look() -> None:
    crowded = _at(
        [*np.linspace(0.99, 0.95, 20), 0.9], [*(_chip(one, 0) for one in range(20)), _chip(0, 1)]
    )
    query = Query(text="x", k=2, group_by="place", least=1)
    found = gather(_looking(query, _first_axis(), [crowded], grid=None), query)
    assert ["0", "1"] == [hit.chip.cell for hit in found.hits]


def test_where_the_most_chips_are_not_enough_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_K", 20)
    index = _index(1, [_chip(one % 40, one // 40) for one in range(80)])
    query = Query(text="x", k=4, group_by="place")
    found = gather(_looking(query, _direction(1), [index], grid=None), query)
    assert 2 == len(found.hits)
    assert [grouping.shortfall(2, 4)] == list(found.warnings)


def test_clicked_chips_leave_nothing_out_and_a_cut_holds() -> None:
    index = _index(2, [_chip(one % 5, one // 5) for one in range(45)])
    plain = search(Query(text="harbour", k=45), index=index, embedder=EMBEDDER)
    clicked = plain.hits[0].chip
    query = Query(text="harbour", liked=(clicked.id,), k=45, group_by="place")
    hits = search(query, index=index, embedder=EMBEDDER).hits
    assert clicked.id not in {hit.chip.id for hit in hits}
    assert {str(cell) for cell in range(9)} == {hit.chip.cell for hit in hits}
    cut = search(replace(query, liked=(), least=60), index=index, embedder=EMBEDDER).hits
    assert all(hit.scores["percentile"] >= 60 for hit in cut)
    assert {hit.chip.cell for hit in plain.hits if hit.scores["percentile"] >= 60} == {
        hit.chip.cell for hit in cut
    }


def test_what_cannot_be_left_out_is_refused() -> None:
    index = _index(3, [_chip(0, 0)])
    for wrong in (Query(text="a", duplicate_cosine=0.0), Query(text="a", duplicate_cosine=1.5)):
        with pytest.raises(InvalidRequest, match="duplicate_cosine"):
            search(wrong, index=index, embedder=EMBEDDER)
    with pytest.raises(InvalidRequest, match="group_by"):
        search(Query(text="a", group_by="day"), index=index, embedder=EMBEDDER)  # type: ignore[arg-type]


def test_vectors_of_two_models_are_not_compared() -> None:
    other = Embedder(ColourEngine(replace(CARD, version="f" * 12)), make_tokenizer())
    places = [
        Place(name="a", index=_index(4, [_chip(0, 0)]), embedder=EMBEDDER),
        Place(name="b", index=_index(5, [_chip(0, 0)]), embedder=other),
    ]
    with pytest.raises(ModelMismatch, match="duplicate_cosine"):
        search_many(Query(text="a", duplicate_cosine=0.9), places, rank_by="percentile")
