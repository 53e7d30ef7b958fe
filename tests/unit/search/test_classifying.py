from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import EmptyText, InvalidRequest
from satseek.search.classifying import MAX_LABELS, check_labels, classify_vectors, similarity

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
LABELS = ["harbour", "quarry"]
VECTORS = EMBEDDER.embed_texts(["harbour", "quarry", "a forest"])


def _shares(at: int, **options: tuple[str, ...]) -> dict[str, float]:
    found = classify_vectors(
        VECTORS[at : at + 1], LABELS, embedder=EMBEDDER, templates=("{}",), **options
    )
    return {one.label: one.scores["share"] for one in found[0].labels}


@pytest.mark.parametrize("at", [0, 1])
def test_nearest_label_comes_first(at: int) -> None:
    assert LABELS[at] == next(iter(_shares(at, distractors=("a forest",))))


def test_what_is_none_of_the_labels_is_said_to_be_none() -> None:
    assert next(iter(_shares(2, distractors=("a forest",)))) == "none of these"


def test_shares_sum_to_one_whatever_the_distractors() -> None:
    for distractors in ((), ("a forest",), ("a forest", "a river", "a road")):
        assert sum(_shares(0, distractors=distractors).values()) == pytest.approx(1)


def test_weaker_distractors_take_nothing() -> None:
    strongest = _shares(2, distractors=("a forest",))
    assert strongest == pytest.approx(_shares(2, distractors=("a forest", "a river")))


def test_without_distractors_nothing_is_none() -> None:
    assert set(_shares(2, distractors=())) == set(LABELS)


def test_distractor_that_is_asked_for_is_no_distractor() -> None:
    assert set(_shares(0, distractors=("a quarry",))) == set(LABELS)


def test_texts_are_compared_as_written_and_in_order() -> None:
    image = np.full((8, 8, 3), 90, dtype=np.uint8)
    found = similarity(image, ["quarry", "harbour"], embedder=EMBEDDER)
    assert [one.label for one in found] == ["quarry", "harbour"]
    expected = EMBEDDER.embed_images([image]) @ EMBEDDER.embed_texts(["quarry", "harbour"]).T
    assert [one.scores["cosine"] for one in found] == pytest.approx(expected[0].tolist())
    assert {"cosine", "match"} == set(found[0].scores)


def test_a_model_trained_under_a_softmax_gives_shares_and_no_match() -> None:
    clip = Embedder(ColourEngine(replace(CARD, score_head="softmax")), make_tokenizer())
    found = classify_vectors(VECTORS[:1], LABELS, embedder=clip, templates=("{}",))[0]
    assert [{"cosine", "share"}] * 3 == [set(one.scores) for one in found.labels]
    assert found.best.label == "harbour"
    image = np.full((8, 8, 3), 90, dtype=np.uint8)
    assert [{"cosine"}] == [set(one.scores) for one in similarity(image, ["a"], embedder=clip)]


@pytest.mark.parametrize("labels", [[], [""], ["a", " "]])
def test_empty_labels_are_refused(labels: list[str]) -> None:
    with pytest.raises(EmptyText):
        check_labels(labels)


@pytest.mark.parametrize("labels", [["a", "A "], [str(n) for n in range(MAX_LABELS + 1)]])
def test_doubles_and_too_many_are_refused(labels: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        check_labels(labels)
