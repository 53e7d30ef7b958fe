"""Labels that are concepts or Chinese words compare with other labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from towers import ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import ConceptNotFound, InvalidRequest, Untranslatable
from satseek.search.classifying import classify_vectors
from satseek.search.directions import Examples
from satseek.search.labelling import Shown, known_labels
from satseek.types import Concept

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
SHADES = [np.full((4, 4, 3), (20 * at, 200 - 15 * at, 90), np.uint8) for at in range(12)]
CHIPS = EMBEDDER.embed_images(SHADES)
PORTS = Concept(
    name="ports", version=1, prompts=("harbour",), negatives=("lake",), liked=("c/s/1",)
)


def _concept(ref: str) -> Shown:
    if ref != "ports":
        raise ConceptNotFound(f"no concept {ref!r}")
    examples = Examples(liked=CHIPS[[1]], disliked=CHIPS[:0])
    return Shown(concept=PORTS, examples=examples, background=CHIPS)


def test_english_labels_are_left_to_be_embedded_as_they_are() -> None:
    known = known_labels(["harbour", "Zürich"], embedder=EMBEDDER, concept=_concept)
    assert [{}, {}, ()] == [known.vectors, known.translated, known.negatives]


def test_chinese_labels_are_translated() -> None:
    known = known_labels(["港口", "harbour"], embedder=EMBEDDER, concept=_concept)
    assert {"港口": "port; harbor"} == known.translated
    expected = EMBEDDER.label_vectors(["port", "harbor"]).mean(axis=0)
    np.testing.assert_allclose(
        known.vectors["港口"][0], expected / np.linalg.norm(expected), atol=1e-6
    )
    with pytest.raises(Untranslatable):
        known_labels(["火星蓝莓"], embedder=EMBEDDER, concept=_concept)


def test_a_concept_is_one_label_among_others() -> None:
    labels = ["@ports", "forest"]
    known = known_labels(labels, embedder=EMBEDDER, concept=_concept)
    assert ("lake",) == known.negatives
    found = classify_vectors(CHIPS, labels, embedder=EMBEDDER, known=known.vectors)
    assert {"@ports", "forest", "none of these"} == {one.label for one in found[0].labels}
    plain = classify_vectors(CHIPS, ["harbour", "forest"], embedder=EMBEDDER)
    cosines = [
        [next(o.scores["cosine"] for o in one.labels if o.label == name) for one in many]
        for many, name in ((found, "@ports"), (plain, "harbour"))
    ]
    # clicks move chips against each other, not the label against all others
    assert np.mean(cosines[1]) == pytest.approx(float(np.mean(cosines[0])), abs=0.02)
    assert np.argmax(np.subtract(*cosines)) in {0, 1, 2}


def test_a_label_without_words_or_that_is_nobody_is_refused() -> None:
    def wordless(ref: str) -> Shown:
        shown = _concept(ref)
        return replace(shown, concept=replace(PORTS, prompts=()))

    with pytest.raises(InvalidRequest, match="no words"):
        known_labels(["@ports"], embedder=EMBEDDER, concept=wordless)
    with pytest.raises(ConceptNotFound):
        known_labels(["@nobody"], embedder=EMBEDDER, concept=_concept)
