from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import ChipNotFound, EmptyText, InvalidK, InvalidRequest
from satseek.index import ExactIndex
from satseek.search.geojson import feature_collection
from satseek.search.searching import search
from satseek.types import Chip, Filter, Query, Window

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
TEXTS = ("harbour", "quarry", "forest", "beach", "river")
SHADES = tuple(np.full((4, 4, 3), (40 * at, 200 - 30 * at, 90), np.uint8) for at in range(5))


def _chip(at: int) -> Chip:
    ring = [[at, 0], [at + 1, 0], [at + 1, 1], [at, 1], [at, 0]]
    return Chip(
        id=f"s/{at}",
        scene_id="s",
        cell=str(at),
        scene_path="/s.tif",
        window=Window(column=at, row=0, width=1, height=1),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=datetime(2024, 1 + at, 1, tzinfo=UTC),
        valid_fraction=1.0,
    )


@pytest.fixture
def index() -> ExactIndex:
    made = ExactIndex(EMBEDDER.card.dim)
    made.add([_chip(at) for at in range(5)], EMBEDDER.embed_images(SHADES))
    return made


def test_image_finds_itself_first(index: ExactIndex) -> None:
    for at, shade in enumerate(SHADES):
        answer = search(Query(image=shade, k=2), index=index, embedder=EMBEDDER)
        assert [f"s/{at}", 1] == [answer.hits[0].chip.id, answer.hits[0].rank]
        assert answer.hits[0].scores["cosine"] == pytest.approx(1, abs=1e-3)
        assert answer.hits[0].scores["percentile"] == pytest.approx(90)  # 4 of 5 below, itself half


def test_text_gives_cosines_of_the_text(index: ExactIndex) -> None:
    answer = search(Query(text="a harbour", k=5), index=index, embedder=EMBEDDER)
    vectors = index.vectors(range(5)) @ EMBEDDER.embed_texts(["a harbour"])[0]
    expected = sorted(vectors.tolist(), reverse=True)
    assert expected == pytest.approx([hit.scores["cosine"] for hit in answer.hits], abs=1e-6)
    assert [1, 2, 3, 4, 5] == [hit.rank for hit in answer.hits]


def test_liked_chip_is_not_its_own_answer(index: ExactIndex) -> None:
    answer = search(Query(liked=("s/2",), k=5), index=index, embedder=EMBEDDER)
    assert {"s/0", "s/1", "s/3", "s/4"} == {hit.chip.id for hit in answer.hits}


def test_disliked_chip_moves_the_answer_away(index: ExactIndex) -> None:
    def cosine_with_4(query: Query) -> float:
        found = search(query, index=index, embedder=EMBEDDER).hits
        return next(hit.scores["cosine"] for hit in found if hit.chip.id == "s/3")

    liked = cosine_with_4(Query(liked=("s/0",), k=5))
    disliking = cosine_with_4(Query(liked=("s/0",), disliked=("s/4",), k=5))
    assert disliking < liked  # s/3 is the neighbour of s/4


def test_filter_is_passed_on(index: ExactIndex) -> None:
    where = Filter(start=datetime(2024, 2, 1, tzinfo=UTC), end=datetime(2024, 3, 1, tzinfo=UTC))
    answer = search(Query(text="quarry", where=where), index=index, embedder=EMBEDDER)
    assert {"s/1", "s/2"} == {hit.chip.id for hit in answer.hits}


def test_nothing_passing_gives_no_hits(index: ExactIndex) -> None:
    where = Filter(start=datetime(2030, 1, 1, tzinfo=UTC))
    assert () == search(Query(text="quarry", where=where), index=index, embedder=EMBEDDER).hits


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (Query(), EmptyText),
        (Query(text=""), EmptyText),
        (Query(text=" .?"), EmptyText),
        (Query(text="a", k=0), InvalidK),
        (Query(liked=("no",)), ChipNotFound),
        (Query(text="a", disliked=("no",)), ChipNotFound),
        (Query(disliked=("s/1",)), EmptyText),
    ],
)
def test_what_cannot_be_asked_is_refused(
    index: ExactIndex, query: Query, error: type[InvalidRequest]
) -> None:
    with pytest.raises(error):
        search(query, index=index, embedder=EMBEDDER)


def test_hits_of_a_model_trained_under_a_softmax_have_no_match(index: ExactIndex) -> None:
    clip = Embedder(ColourEngine(replace(CARD, score_head="softmax")), make_tokenizer())
    hits = search(Query(text="harbour", k=2), index=index, embedder=clip).hits
    assert [{"cosine", "percentile"}] * 2 == [set(hit.scores) for hit in hits]


def test_hits_become_geojson_in_order(index: ExactIndex) -> None:
    answer = search(Query(text="quarry", k=3), index=index, embedder=EMBEDDER)
    content = feature_collection(answer.hits, plan=answer.plan)
    assert ["FeatureCollection", answer.plan] == [content["type"], content["plan"]]
    assert [hit.chip.id for hit in answer.hits] == [one["id"] for one in content["features"]]
    first = content["features"][0]
    assert {"rank", "cosine", "match", "percentile", "datetime"} <= set(first["properties"])
    assert dict(answer.hits[0].chip.footprint or {}) == first["geometry"]
