"""What several servers are asked, and how their answers become one; no server takes part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.client.conversing import conversing
from satseek.client.results import Hit, Hits, Model
from satseek.client.uniting import Wanted
from satseek.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    ModelMismatch,
    SatseekError,
    ServerUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.client.asking import Ask

ROUND = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
GRID = {"crs": "EPSG:32633", "chip_px": 256, "stride_px": 256, "levels": [1]}
ME = Model(name="a", version="0" * 12)


@dataclass
class Holding:
    """What one server holds, best first, and what it was asked."""

    hits: list[Hit]
    vectors: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, Any] = field(default_factory=lambda: GRID)
    model: Model = ME
    translated: str | None = None
    error: SatseekError | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, ask: Ask[Any]) -> Any:
        self.asked.append((ask.path, ask.json))
        if self.error is not None:
            return self.error
        if ask.method == "GET":
            return ask.read({"grid": self.grid})
        hits = self.hits[: ask.json.get("k", 10)]
        if "export" in ask.path:
            return ask.read({"features": [self._feature(hit) for hit in hits]})
        return Hits(
            hits=tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, 1)),
            collection="county",
            model=self.model,
            plan="exact scan",
            generation=len(self.hits),
            seconds=0.01,
            collections=("county",),
            translated=self.translated,
        )

    def _feature(self, hit: Hit) -> dict[str, Any]:
        vector = self.vectors.get(hit.chip, [1.0, 0.0])
        return {"id": hit.chip, "properties": {"collection": "county", "embedding": vector}}


def hit(chip: str, cosine: float, *, cell: str = "", ground: bool = True, at: float = 99.0) -> Hit:
    return Hit(
        rank=0,
        chip=chip,
        scene=chip[:1],
        cell=cell or chip,
        datetime=None,
        valid_fraction=1.0,
        footprint=ROUND if ground else None,
        scores={"cosine": cosine, "percentile": at},
        collection="county",
    )


def ask(holdings: Sequence[Holding], *, partial: bool = False, **asked: Any) -> Hits:
    """Hold a conversation with servers that answer at once."""
    servers = [f"http://{at}" for at in range(len(holdings))]
    talk = conversing(Wanted(asked={"text": "x", **asked}, servers=servers, partial=partial))
    try:
        asks = next(talk)
        while True:
            asks = talk.send([holdings[number].answer(one) for number, one in asks])
    except StopIteration as end:
        answer: Hits = end.value
        return answer


def chips(answer: Hits) -> list[tuple[str, str]]:
    return [(one.server[-1], one.chip) for one in answer]


def test_equal_cosines_are_ordered_by_chip_whatever_the_server() -> None:
    first, second = Holding([hit("b", 0.5), hit("d", 0.4)]), Holding([hit("a", 0.5), hit("c", 0.4)])
    found = ask([first, second], k=3)
    assert [("1", "a"), ("0", "b"), ("1", "c")] == chips(found)
    assert [1, 2, 3] == [one.rank for one in found]
    assert 1 == len(first.asked) == len(second.asked)


def test_percentiles_leave_each_server_its_own_order() -> None:
    first = Holding([hit("z", 0.9, at=100), hit("y", 0.1, at=100)])
    second = Holding([hit("x", 0.5, at=100), hit("w", 0.4, at=98)])
    second.model = Model(name="b", version="1" * 12)
    with pytest.raises(ModelMismatch, match="http://1 by b@111"):
        ask([first, second])
    found = ask([first, second], rank_by="percentile")
    assert [("1", "x"), ("0", "z"), ("0", "y"), ("1", "w")] == chips(found)
    with pytest.raises(ModelMismatch, match="duplicate_cosine"):
        ask([first, second], rank_by="percentile", duplicate_cosine=0.9)


def test_one_place_is_one_where_the_grids_are_equal() -> None:
    first = Holding([hit("a", 0.9, cell="p"), hit("b", 0.8, cell="q", ground=False)])
    second = Holding([hit("c", 0.7, cell="p"), hit("d", 0.6, cell="q", ground=False)])
    apart = [("0", "a"), ("0", "b"), ("1", "c"), ("1", "d")]
    together = ask([first, second], group_by="place")
    assert [apart[0], apart[1], apart[3]] == chips(together)
    assert first.asked[0][1]["group_by"] == "place"
    second.grid = GRID | {"stride_px": 128}
    assert apart == chips(ask([first, second], group_by="place"))


def test_near_duplicates_are_judged_over_all_servers_and_as_deep_as_it_takes() -> None:
    same = [hit(f"s{at:03}", 0.9 - at / 1000) for at in range(60)]
    other = hit("t", 0.5)
    first = Holding([*same, other], vectors={"t": [0.0, 1.0]})
    second = Holding([hit("u", 0.85)], vectors={"u": [1.0, 0.0]})
    found = ask([first, second], k=2, duplicate_cosine=0.99)
    assert [("0", "s000"), ("0", "t")] == chips(found)
    depths = [body["k"] for path, body in first.asked if path == "/v1/search"]
    assert depths == sorted(depths)
    assert depths[0] == 8
    assert len(depths) <= 4
    assert 1 == sum(path == "/v1/search" for path, _ in second.asked)  # it has told everything
    assert "duplicate_cosine" not in json.dumps([body for _, body in first.asked])


def test_what_a_server_alone_would_leave_out_may_stay() -> None:
    """c is like b, and b like a of another server: only b is left out."""
    angles = {"a": 0, "b": 10, "c": 20}
    vectors = {
        name: [float(np.cos(np.radians(one))), float(np.sin(np.radians(one)))]
        for name, one in angles.items()
    }
    first = Holding([hit("a", 0.9)], vectors=vectors)
    second = Holding([hit("b", 0.8), hit("c", 0.7)], vectors=vectors)
    bound = float(np.cos(np.radians(15)))
    assert [("0", "a"), ("1", "c")] == chips(ask([first, second], duplicate_cosine=bound))


def test_a_collection_that_changes_meanwhile_is_noticed() -> None:
    one = Holding([hit("a", 0.9), hit("b", 0.8)])
    plain = one.answer

    def changing(asked: Ask[Any]) -> Any:
        if "export" in asked.path:
            one.hits = one.hits[:1]
        return plain(asked)

    one.answer = changing  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="http://0"):
        ask([one], duplicate_cosine=0.9)


def test_servers_that_do_not_answer_may_be_missing() -> None:
    here, away = Holding([hit("a", 0.9)]), Holding([], error=ServerUnreachable("nobody"))
    slow = Holding([], error=DeadlineExceeded("too slow"))
    found = ask([away, here, slow], partial=True)
    assert [("1", "a")] == chips(found)
    assert ("http://0", "http://2") == found.missing
    assert "http://2 did not answer, and its hits are missing: too slow" in found.warnings
    with pytest.raises(ServerUnreachable, match="http://0: nobody"):
        ask([away, here])
    with pytest.raises(ServerUnreachable, match="http://0: nobody"):
        ask([away], partial=True)
    wrong = Holding([], error=InvalidRequest("no such level"))
    with pytest.raises(InvalidRequest, match="http://1: no such level"):
        ask([here, wrong], partial=True)


def test_words_that_are_said_differently_are_told() -> None:
    first, second = Holding([hit("a", 0.9)]), Holding([hit("b", 0.8)], translated="harbour")
    assert any("glossaries" in one for one in ask([first, second]).warnings)
