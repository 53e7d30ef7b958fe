from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import InvalidRequest, UnreadableImage
from satseek.evaluate.retrieval import mean_average_precision, recall_at_k
from satseek.model.scores import match, share
from satseek.search.evaluating import Evaluation, evaluate_set
from satseek.search.evaluating_sets import read_set

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Vectors

LABELS = ("harbour", "river", "forest", "bridge", "field", "airport")
CAPTIONS = ("a river seen from above", "a satellite image of a bridge", "field", "forest airport")


TOKENIZER = make_tokenizer()  # trained once: training anew may give other pieces


def _embedder() -> Embedder:
    return Embedder(ColourEngine(), TOKENIZER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """37 images of 6 classes by chance, captions on most, three files that cannot be used."""
    home = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(11)
    lines = ["path,label,captions"]
    for at in range(37):
        colours = rng.integers(0, 255, (2, 2, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((20, 20)).save(home / f"{at}.png")
        told = json.dumps([CAPTIONS[(at + more) % 4] for more in range(at % 3)])
        if at == 5:  # what is refused must not shift the truth of what follows
            lines.append("broken.png,river,[]")
        lines.append(f'{at}.png,{LABELS[at % 6]},"{told.replace(chr(34), chr(34) * 2)}"')
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    (home / "empty.png").write_bytes(b"")
    lines += ["gone.png,forest,[]", "empty.png,field,[]"]
    (home / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def found(folder: Path) -> Evaluation:
    return evaluate_set(read_set(folder), embedder=_embedder(), workers=2)


def _vectors(folder: Path) -> Vectors:
    images = [np.asarray(Image.open(folder / f"{at}.png")) for at in range(37)]
    return _embedder().embed_images(images)


def test_accuracy_is_that_of_the_nearest_label(folder: Path, found: Evaluation) -> None:
    names = sorted(LABELS)
    cosines = _vectors(folder) @ _embedder().label_vectors(names).T
    truth = np.array([names.index(LABELS[at % 6]) for at in range(37)])
    first = cosines.argmax(axis=1)
    assert found.top_1 == (first == truth).mean()
    assert found.zero_shot is not None
    assert found.zero_shot.top_5 == np.mean(
        [right in row for right, row in zip(truth, np.argsort(-cosines)[:, :5], strict=True)]
    )
    expected = [
        [int(((truth == row) & (first == column)).sum()) for column in range(6)] for row in range(6)
    ]
    assert expected == [list(row) for row in found.zero_shot.confusion]
    assert {name: (first[truth == at] == at).mean() for at, name in enumerate(names)} == (
        found.top_1_by_label
    )
    assert found.zero_shot.mean_average_precision == pytest.approx(
        mean_average_precision(cosines.T, truth == np.arange(6)[:, None])
    )
    low, high = found.zero_shot.top_1_interval
    assert low < found.top_1 < high


def test_each_template_is_measured_alone(folder: Path) -> None:
    templates = ("{}", "a satellite image of {}")
    both = evaluate_set(read_set(folder), embedder=_embedder(), templates=templates).zero_shot
    assert both is not None
    for template in both.templates:
        alone = evaluate_set(
            read_set(folder), embedder=_embedder(), templates=[template.template]
        ).zero_shot
        assert alone is not None
        assert alone.top_1 == template.top_1 == alone.templates[0].top_1


def test_calibration_is_of_share_and_match(folder: Path, found: Evaluation) -> None:
    names = sorted(LABELS)
    cosines = _vectors(folder) @ _embedder().label_vectors(names).T
    truth = np.array([names.index(LABELS[at % 6]) for at in range(37)])
    one_hot = np.eye(6)[truth]
    shares, matches = share(cosines, CARD), match(cosines, CARD)
    assert found.calibration is not None
    assert found.calibration.match is not None
    of_share, of_match = found.calibration.share, found.calibration.match
    assert of_share.brier == pytest.approx(((shares - one_hot) ** 2).sum(axis=1).mean(), abs=1e-5)
    assert of_share.mean_score == pytest.approx(shares.max(axis=1).mean(), abs=1e-5)
    assert of_share.right == pytest.approx(found.top_1)
    assert of_share.brier_of_no_knowledge == pytest.approx(5 / 6)
    assert of_match.brier == pytest.approx(((matches - one_hot) ** 2).mean(), abs=1e-5)
    assert of_match.right == pytest.approx(1 / 6)
    assert of_match.brier_of_no_knowledge == pytest.approx(5 / 36)
    assert (of_share.outcomes, of_match.outcomes) == (37, 37 * 6)
    assert sum(one.count for one in of_share.bins) == 37


def test_model_without_match_has_no_calibration_of_it(folder: Path) -> None:
    embedder = Embedder(ColourEngine(replace(CARD, score_head="softmax")), TOKENIZER)
    found = evaluate_set(read_set(folder), embedder=embedder)
    assert found.calibration is not None
    assert found.calibration.match is None


def test_recall_is_that_of_each_caption_s_own_image(folder: Path, found: Evaluation) -> None:
    vectors, embedder = _vectors(folder), _embedder()
    asked = [(at, CAPTIONS[(at + more) % 4]) for at in range(37) for more in range(at % 3)]
    texts = embedder.embed_texts([text for _, text in asked])
    assert found.retrieval is not None
    there, back = found.retrieval.text_to_image, found.retrieval.image_to_text
    assert (there.queries, there.gallery, found.captions) == (len(asked), 37, len(asked))
    for k, value in ((1, there.recall_at_1), (5, there.recall_at_5), (10, there.recall_at_10)):
        assert value == recall_at_k(texts @ vectors.T, [at for at, _ in asked], k=k)
    assert found.recall_at_10 == there.recall_at_10
    assert (back.queries, back.gallery) == (len({at for at, _ in asked}), len(asked))
    # four wordings over some thirty images: an image's own caption always has equals
    assert back.recall_at_1 == 0.0
    assert found.retrieval.shared_captions == len(asked)


def test_unusable_images_are_listed_and_their_labels_stay(found: Evaluation) -> None:
    assert [refusal.path for refusal in found.refused] == ["broken.png", "gone.png", "empty.png"]
    assert ["line 7" in one.reason for one in found.refused] == [True, False, False]
    assert (found.images, found.labels) == (37, 6)


def test_what_is_no_file_is_not_waited_for(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    names = ("pipe.png", "folder.png", folder / "1.png", "a\0b.png")
    lines = ["path,label", *(f"{name},class {at}" for at, name in enumerate(names))]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = evaluate_set(read_set(tmp_path), embedder=_embedder())
    assert ["pipe.png", "folder.png", "a\\x00b.png"] == [one.path for one in found.refused]


def test_none_left_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\ngone.png,x\nlost.png,y\n", encoding="utf-8")
    with pytest.raises(UnreadableImage, match=r"none of the 2 images.*gone\.png"):
        evaluate_set(read_set(tmp_path), embedder=_embedder())


def test_bad_template_is_refused_before_any_image_is_read(folder: Path) -> None:
    engine = ColourEngine()
    with pytest.raises(InvalidRequest, match="prompt template"):
        evaluate_set(read_set(folder), embedder=Embedder(engine, TOKENIZER), templates=["no slot"])
    assert engine.image_batches == []
    assert engine.text_batches == []


def test_neither_batch_nor_workers_change_a_figure(folder: Path, found: Evaluation) -> None:
    for batch, workers in ((1, 1), (5, 3), (64, 2)):
        other = evaluate_set(read_set(folder), embedder=_embedder(), batch=batch, workers=workers)
        assert found.zero_shot == other.zero_shot
        assert found.retrieval == other.retrieval
        assert found.digest == other.digest
        assert found.calibration is not None
        assert other.calibration is not None
        assert found.calibration.share.ece == pytest.approx(other.calibration.share.ece, abs=1e-6)


def test_digest_tells_what_was_measured(folder: Path, found: Evaluation, tmp_path: Path) -> None:
    again = evaluate_set(read_set(folder), embedder=_embedder())
    assert found.digest == again.digest
    for name in [f"{at}.png" for at in range(37)]:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (folder / "labels.csv").read_text(encoding="utf-8")
    (tmp_path / "labels.csv").write_text(lines, encoding="utf-8")
    assert evaluate_set(read_set(tmp_path), embedder=_embedder()).digest == found.digest
    Image.new("RGB", (20, 20)).save(tmp_path / "3.png")
    assert evaluate_set(read_set(tmp_path), embedder=_embedder()).digest != found.digest


def test_captions_alone_have_no_labels(folder: Path, tmp_path: Path) -> None:
    content = {
        "images": [{"id": at, "file_name": f"{at}.png"} for at in range(12)],
        "annotations": [{"image_id": at, "caption": CAPTIONS[at % 4]} for at in range(5)],
    }
    (tmp_path / "set.json").write_text(json.dumps(content), encoding="utf-8")
    found = evaluate_set(read_set(tmp_path / "set.json", images=folder), embedder=_embedder())
    assert (found.top_1, found.zero_shot, found.calibration) == (None, None, None)
    assert found.top_1_by_label == {}
    assert found.retrieval is not None
    assert (found.retrieval.image_to_text.queries, found.retrieval.image_to_text.gallery) == (5, 5)
    # among five captions the first five are all there are
    assert found.retrieval.image_to_text.recall_at_5 is None
    assert found.retrieval.text_to_image.recall_at_10 is not None


def test_labels_alone_have_no_captions(folder: Path, tmp_path: Path) -> None:
    lines = ["path,label", *(f"{folder / str(at)}.png,{LABELS[at % 2]}" for at in range(8))]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = evaluate_set(read_set(tmp_path), embedder=_embedder())
    assert (found.retrieval, found.recall_at_10, found.captions) == (None, None, 0)
    assert found.zero_shot is not None
    assert found.zero_shot.top_5 is None  # two labels: the first five are all there are


def test_progress_ends_at_all(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate_set(
        read_set(folder),
        embedder=_embedder(),
        on_progress=lambda note, done, total: told.append((note, done, total)),
    )
    assert {("prompts", 30, 30), ("images", 40, 40)} <= set(told)
    assert told[-1] == ("captions", 4, 4)


def test_examples_are_what_they_are_called(found: Evaluation) -> None:
    examples = found.examples
    assert all(one.first[0].label == one.label for one in examples.right)
    assert all(one.first[0].label != one.label for one in (*examples.wrong, *examples.far_off))
    shares = [one.first[0].share for one in examples.far_off]
    assert shares == sorted(shares, reverse=True)
    ranks = [one.rank for one in examples.late]
    assert ranks == sorted(ranks, reverse=True)
    assert len({one.name for one in examples.late}) == len(examples.late) > 0
