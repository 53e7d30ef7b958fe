"""Vectors to scores, and what became of images to rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from towers import ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.search.classifying import classify_vectors
from satseek.search.classifying_rows import LabelsAsked, Scorer, Tally, columns, rows

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
LABELS = ("harbour", "river", "bridge")
ASKED = LabelsAsked(labels=LABELS, templates=("{}",), distractors=("a forest", "an airport"))
VECTORS = EMBEDDER.embed_texts(["harbour", "forest", "a bridge seen from above"])
POINT = {"type": "Point", "coordinates": [9.0, 50.0]}
GOOD: dict[str, Any] = {
    "id": "a.tif",
    "path": "/scenes/a.tif",
    "datetime": "2024-05-01T10:00:00+00:00",
    "refused": "",
    "kind": "",
    "skipped": 0,
    "rows": [
        {
            "id": "a.tif/cell",
            "footprint": POINT,
            "scores": [["river", 0.7, 0.2, 0.01], ["harbour", 0.2, 0.1, 0.001]],
        }
    ],
}
BAD: dict[str, Any] = GOOD | {
    "id": "b.tif",
    "refused": "b.tif: cut short",
    "kind": "UnreadableImage",
    "rows": [],
}


@pytest.mark.parametrize("distractors", [(), ("a forest", "an airport")])
def test_scores_are_those_of_the_usual_classification(distractors: tuple[str, ...]) -> None:
    asked = LabelsAsked(labels=LABELS, templates=("{}",), distractors=distractors)
    scorer = Scorer.of(asked, EMBEDDER, most=None)
    expected = classify_vectors(
        VECTORS, LABELS, embedder=EMBEDDER, templates=("{}",), distractors=distractors
    )
    for vector, usual in zip(VECTORS, expected, strict=True):
        found = scorer.scores(vector)
        assert [one.label for one in usual.labels] == [name for name, *_ in found]
        for kind, at in (("share", 1), ("cosine", 2), ("match", 3)):
            told = [one.scores[kind] for one in usual.labels]  # type: ignore[index]
            assert [one[at] for one in found] == pytest.approx(told, rel=1e-5, abs=1e-6)


def test_the_best_and_the_next_are_kept() -> None:
    scorer = Scorer.of(ASKED, EMBEDDER, most=2)
    (found,) = (scorer.scores(vector) for vector in VECTORS[:1])
    assert ["harbour", 2] == [found[0][0], len(found)]


def test_company_changes_no_digit() -> None:
    scorer = Scorer.of(ASKED, EMBEDDER, most=None)
    vectors = np.concatenate([VECTORS, VECTORS])
    assert [scorer.scores(one) for one in vectors[:3]] == [scorer.scores(one) for one in VECTORS]


def test_one_row_an_image_in_the_order_of_items() -> None:
    tally = Tally()
    found = list(rows([GOOD, BAD], all_labels=False, has_match=True, tally=tally))
    names = [one.name for one in columns(all_labels=False, has_match=True)]
    assert [names, names] == [list(one.properties) for one in found]
    good, bad = found
    assert ["a.tif/cell", POINT] == [good.id, good.geometry]
    assert good.properties == {
        "path": "/scenes/a.tif",
        "label": "river",
        "share": 0.7,
        "match": 0.01,
        "cosine": 0.2,
        "second": "harbour",
        "second_share": 0.2,
        "datetime": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "refused": None,
    }
    told = {name: value for name, value in bad.properties.items() if value is not None}
    assert ["b.tif", None, {"path": "/scenes/a.tif", "refused": "b.tif: cut short"}] == [
        bad.id,
        bad.geometry,
        told,
    ]
    assert [1, 1, {"river": 1}] == [tally.images, tally.refused, dict(tally.by_label)]
    assert ["b.tif: cut short"] == [one.reason for one in tally.refusals]


def test_one_row_a_label_where_all_are_asked_for() -> None:
    tally = Tally()
    found = list(rows([GOOD], all_labels=True, has_match=False, tally=tally))
    told = [(one.properties["rank"], one.properties["label"]) for one in found]
    assert [(1, "river"), (2, "harbour")] == told
    assert not {"match", "second"} & set(found[0].properties)
    assert 1 == tally.images
