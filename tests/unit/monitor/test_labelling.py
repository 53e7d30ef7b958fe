"""Labels with several looks: the one that fits best speaks for the label."""

from __future__ import annotations

import numpy as np
import pytest
from towers import DIM, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder, unit_rows
from satseek.errors import EmptyText, InvalidRequest, ModelMismatch
from satseek.model.prompts import NONE_OF_THESE
from satseek.model.scores import share
from satseek.monitor.labels import labelling
from satseek.monitor.labels.labelling import Label, LabelSet, label_vectors, own_labels

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
CELLS = unit_rows(np.random.default_rng(1).normal(size=(40, DIM)).astype(np.float32))
INDUSTRY = Label(name="industry", prompts=("quarry", "factory", "tanks"))
FOREST = Label(name="forest", prompts=("forest",))


def _cosines(*prompts: str) -> np.ndarray:
    return CELLS @ EMBEDDER.label_vectors(prompts).T


def test_the_prompt_that_fits_best_speaks_for_its_label() -> None:
    looked = label_vectors(LabelSet(name="own", labels=(INDUSTRY, FOREST)), embedder=EMBEDDER)
    best = np.stack([_cosines("quarry", "factory", "tanks").max(axis=1), _cosines("forest")[:, 0]])
    assert ("industry", "forest") == looked.names
    np.testing.assert_allclose(looked.cosines(CELLS), best.T, atol=1e-6)
    np.testing.assert_allclose(looked.shares(CELLS), share(best.T, EMBEDDER.card), atol=1e-5)
    assert {0, 1, 2} == set(_cosines("quarry", "factory", "tanks").argmax(axis=1).tolist())


def test_cells_are_compared_block_by_block_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = label_vectors(LabelSet(name="own", labels=(INDUSTRY, FOREST)), embedder=EMBEDDER)
    whole = looked.shares(CELLS)
    monkeypatch.setattr(labelling, "CELLS_AT_ONCE", 5)
    np.testing.assert_allclose(looked.shares(CELLS), whole, atol=1e-7)


def test_the_strongest_distractor_is_one_more_class() -> None:
    labels = LabelSet(name="own", labels=(FOREST,), distractors=("open water", "a road"))
    looked = label_vectors(labels, embedder=EMBEDDER)
    assert ("forest", NONE_OF_THESE) == looked.names
    expected = _cosines("open water", "a road").max(axis=1)
    np.testing.assert_allclose(looked.cosines(CELLS)[:, 1], expected, atol=1e-6)
    np.testing.assert_allclose(looked.shares(CELLS).sum(axis=1), 1, atol=1e-6)


def test_a_distractor_that_a_prompt_names_is_left_out() -> None:
    labels = LabelSet(name="own", labels=(INDUSTRY, FOREST), distractors=("a forest",))
    assert ("industry", "forest") == label_vectors(labels, embedder=EMBEDDER).names


def test_chinese_prompts_are_translated_and_known_ones_taken_as_they_are() -> None:
    labels = LabelSet(
        name="own",
        labels=(Label(name="港口", prompts=("港口",)), Label(name="mine", prompts=("@mines",))),
    )
    mines = EMBEDDER.label_vectors(["open pit"])
    looked = label_vectors(labels, embedder=EMBEDDER, known={"@mines": mines})
    ports = EMBEDDER.label_vectors(["port", "harbor"]).mean(axis=0)
    assert {"港口": "port; harbor"} == looked.translated
    np.testing.assert_allclose(looked.vectors[0], ports / np.linalg.norm(ports), atol=1e-6)
    np.testing.assert_allclose(looked.vectors[1], mines[0], atol=1e-6)


def test_vectors_of_another_length_are_refused() -> None:
    looked = label_vectors(LabelSet(name="own", labels=(FOREST,)), embedder=EMBEDDER)
    with pytest.raises(ModelMismatch, match="expected vectors of 8 numbers"):
        looked.shares(np.ones((2, 9), np.float32))


def test_labels_are_read_as_they_are_typed() -> None:
    labels = own_labels(["mine= open pit ; quarry;", "forest"], distractors=["clouds"])
    assert ("mine", "forest") == labels.plain
    assert ("open pit", "quarry", "forest") == labels.prompts
    assert ("clouds",) == labels.distractors


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ([], EmptyText),
        (["=open pit"], EmptyText),
        (["mine", "Mine=pit"], InvalidRequest),
        (["mine=" + ";".join(f"pit {at}" for at in range(40))], InvalidRequest),
        ([f"label {at}" for at in range(101)], InvalidRequest),
    ],
)
def test_labels_that_cannot_be_are_refused(typed: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        own_labels(typed, distractors=())


def test_the_digest_is_of_what_decides_and_of_nothing_else() -> None:
    plain = LabelSet(name="own", labels=(FOREST,))
    named = LabelSet(
        name="other",
        labels=(Label(name="forest", prompts=("forest",), names={"zh": "林地"}, colour=(1, 2, 3)),),
    )
    worded = LabelSet(name="own", labels=(Label(name="forest", prompts=("woodland",)),))
    assert plain.digest == named.digest
    assert plain.digest != worded.digest
    assert ("林地", "forest") == (named.labels[0].called("zh"), named.labels[0].called("en"))
