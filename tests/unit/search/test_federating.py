"""Several collections asked as if they were one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import ChipNotFound, InvalidRequest, ModelMismatch, Untranslatable
from satseek.index import ExactIndex
from satseek.search.federating import Place, search_many
from satseek.search.searching import search
from satseek.types import Chip, Query, Window

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
OTHER = Embedder(ColourEngine(replace(CARD, version="f" * 12)), make_tokenizer())
SHADES = tuple(np.full((4, 4, 3), (20 * at, 200 - 15 * at, 90), np.uint8) for at in range(12))


def _chip(at: int) -> Chip:
    ring = [[at, 0], [at + 1, 0], [at + 1, 1], [at, 1], [at, 0]]
    return Chip(
        id=f"s/{at}",
        scene_id="s",
        cell=str(at),
        scene_path="/s.tif",
        window=Window(column=at, row=0, width=1, height=1),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=datetime(2024, 1, 1, tzinfo=UTC),
        valid_fraction=1.0,
    )


def _index(rows: list[int]) -> ExactIndex:
    made = ExactIndex(EMBEDDER.card.dim)
    made.add([_chip(at) for at in rows], EMBEDDER.embed_images([SHADES[at] for at in rows]))
    return made


WHOLE = _index(list(range(12)))
EVEN = Place(name="even", index=_index(list(range(0, 12, 2))), embedder=EMBEDDER)
ODD = Place(name="odd", index=_index(list(range(1, 12, 2))), embedder=EMBEDDER)


@pytest.mark.parametrize("query", [Query(text="harbour", k=7), Query(image=SHADES[3], k=12)])
def test_two_halves_answer_as_the_whole_does(query: Query) -> None:
    whole = search(query, index=WHOLE, embedder=EMBEDDER)
    many = search_many(query, [EVEN, ODD])
    assert [(hit.rank, hit.chip.id) for hit in whole.hits] == [
        (hit.rank, hit.chip.id) for hit in many.answer.hits
    ]
    for hit in many.answer.hits:
        assert ("even", "odd")[int(hit.chip.cell) % 2] == hit.collection
    assert ["even", "odd"] == [part.collection for part in many.parts]


def test_clicked_chips_are_named_with_their_collection_and_left_out() -> None:
    query = Query(text="harbour", liked=("odd/s/3",), disliked=("even/s/8",), k=12)
    many = search_many(query, [EVEN, ODD]).answer
    found = {hit.chip.id for hit in many.hits}
    assert {f"s/{at}" for at in range(12) if at not in {3, 8}} == found
    assert many.weight is not None
    whole = search(
        Query(text="harbour", liked=("s/3",), disliked=("s/8",), k=12),
        index=WHOLE,
        embedder=EMBEDDER,
    )
    assert [hit.chip.id for hit in whole.hits] == [hit.chip.id for hit in many.hits]


@pytest.mark.parametrize(
    ("chip", "error"),
    [("s", InvalidRequest), ("else/s/3", ChipNotFound), ("odd/s/2", ChipNotFound)],
)
def test_chips_of_nowhere_are_refused(chip: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        search_many(Query(text="harbour", liked=(chip,)), [EVEN, ODD])


def test_cosines_of_two_models_are_not_compared() -> None:
    foreign = replace(ODD, embedder=OTHER)
    with pytest.raises(ModelMismatch, match="percentile"):
        search_many(Query(text="harbour"), [EVEN, foreign])
    many = search_many(Query(text="harbour", k=12), [EVEN, foreign], rank_by="percentile")
    places = [hit.scores["percentile"] for hit in many.answer.hits]
    assert sorted(places, reverse=True) == places
    assert {"even", "odd"} == {hit.collection for hit in many.answer.hits[:2]}


def test_a_cut_leaves_what_lies_above_it() -> None:
    hits = search(Query(text="harbour", least=75.0, k=12), index=WHOLE, embedder=EMBEDDER).hits
    assert 3 == len(hits)  # of twelve, those above three quarters of them
    assert all(hit.scores["percentile"] >= 75 for hit in hits)
    for wrong in (-1.0, 100.5):
        with pytest.raises(InvalidRequest):
            search(Query(text="a", least=wrong), index=WHOLE, embedder=EMBEDDER)


def test_chinese_words_are_translated_and_shown() -> None:
    answer = search(Query(text="港口", k=3), index=WHOLE, embedder=EMBEDDER)
    assert "port; harbor" == answer.translated
    english = search(Query(text="harbour", k=3), index=WHOLE, embedder=EMBEDDER)
    assert english.translated is None


@pytest.mark.parametrize("text", ["火星蓝莓", "карьер у реки"])
def test_words_that_nobody_knows_are_refused(text: str) -> None:
    with pytest.raises(Untranslatable, match="ask in English"):
        search(Query(text=text), index=WHOLE, embedder=EMBEDDER)


def test_words_for_what_is_mistaken_turn_the_answer_away() -> None:
    plain = search(Query(text="harbour", k=12), index=WHOLE, embedder=EMBEDDER)
    turned = search(
        Query(text="harbour", negatives=("river",), k=12), index=WHOLE, embedder=EMBEDDER
    )
    away = WHOLE.vectors(range(12)) @ EMBEDDER.embed_texts(["river"])[0]
    best = [int(answer.hits[0].chip.cell) for answer in (plain, turned)]
    assert away[best[1]] <= away[best[0]]
    assert "match" in plain.hits[0].scores
    assert "match" not in turned.hits[0].scores


def test_prompts_are_averaged_with_the_words() -> None:
    both = search(Query(text="harbour", prompts=("port",), k=3), index=WHOLE, embedder=EMBEDDER)
    vectors = EMBEDDER.embed_texts(["harbour", "port"]).mean(axis=0)
    direction = vectors / np.linalg.norm(vectors)
    best = float((WHOLE.vectors(range(12)) @ direction).max())
    assert best == pytest.approx(both.hits[0].scores["cosine"], abs=1e-5)
