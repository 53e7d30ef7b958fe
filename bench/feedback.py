"""What do clicks on hits add to words, and do they ever take anything away?

On published features of four models (../shared/data/features19: 1,005 scenes of 19 classes, and
text features of every class) words alone are compared with words and clicks, by the average
precision of each class over random sets of clicks, and by accuracy with one click a class.
Rocchio's classical formula and a whitened probe stand beside. Prints one JSON object; an empty one
where the features are absent.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.search.probing import beside_words, refine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.types import Vectors

FEATURES = Path(__file__).parents[2] / "shared" / "data" / "features19"
CLICKS = ((1, 0), (1, 3), (2, 0), (3, 3), (10, 10), (0, 3))
"""Liked chips, drawn from the class; disliked ones: the wrong chips that the words rank highest."""
ROCCHIO = 0.25
RESAMPLES = 2_000
WHITENED = 0.2
"""Shrinkage of the covariance in the whitened probe."""
POINTS = 100


def unit(rows: np.ndarray) -> Vectors:
    """Scale rows to length one."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def read(path: Path) -> tuple[Vectors, np.ndarray, Vectors]:
    """Read image features, their classes, and one text vector a class: its prompts averaged."""
    with np.load(path) as found:
        images, labels = unit(found["image"].astype(np.float32)), found["labels"]
        prompts = unit(found["text"].astype(np.float32))
    return images, labels, unit(prompts.mean(axis=0))


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Give the average precision of one ranking."""
    hits = truth[np.argsort(-scores, kind="stable")]
    places = np.flatnonzero(hits) + 1
    return float((np.arange(1, len(places) + 1) / places).mean())


def rocchio(words: Vectors, liked: Vectors, disliked: Vectors) -> Vectors:
    """Blend as text books do: the mean of words and liked chips, less a quarter of the disliked."""
    parts = [words, *([unit(liked.mean(axis=0, keepdims=True))] if len(liked) else [])]
    total = np.mean(parts, axis=0)
    if len(disliked):
        total = total - ROCCHIO * unit(disliked.mean(axis=0, keepdims=True))
    return unit(total)


def whitened(words: Vectors, liked: Vectors, disliked: Vectors, images: Vectors) -> Vectors:
    """Do as ``refine`` does, with the probe of linear discriminant analysis instead."""
    middle = images.mean(axis=0)
    around = images - middle
    dim = images.shape[1]
    covariance = (1 - WHITENED) * around.T @ around / len(images)
    covariance += WHITENED * np.square(around).mean() * np.eye(dim, dtype=np.float32)
    towards = -(disliked - middle).sum(axis=0) / (len(disliked) + 6)
    towards = towards + (liked.mean(axis=0) - middle if len(liked) else 0)
    probe = np.linalg.solve(covariance, towards)
    spreads = (around @ words[0]).std(), (around @ probe).std()
    return unit((words[0] / spreads[0] + probe / spreads[1])[None])


def draws(
    images: Vectors, labels: np.ndarray, words: Vectors, clicks: tuple[int, int], count: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Draw sets of clicks: class, liked rows, disliked rows."""
    rng = np.random.default_rng(7)
    for _ in range(count):
        for one in range(len(words)):
            liked = rng.choice(np.flatnonzero(labels == one), clicks[0], replace=False)
            ranked = np.argsort(-(images @ words[one]))
            yield one, liked, ranked[labels[ranked] != one][: clicks[1]]


def measure(
    images: Vectors, labels: np.ndarray, words: Vectors, clicks: tuple[int, int], count: int
) -> dict[str, object]:
    """Measure one kind of clicks; every ranking leaves the clicked chips out."""
    classes = len(words)
    found = np.zeros((3, classes, count))
    weights: list[float] = []
    for at, (one, liked, disliked) in enumerate(draws(images, labels, words, clicks, count)):
        rest = np.ones(len(images), dtype=np.bool_)
        rest[[*liked, *disliked]] = False
        truth, asked = (labels == one)[rest], words[one : one + 1]
        refined = refine(asked, liked=images[liked], disliked=images[disliked], background=images)
        weights.append(refined.weight)
        ways = (asked, rocchio(asked, images[liked], images[disliked]), refined.vector)
        for way, vector in enumerate(ways):
            scores = images[rest] @ vector[0]
            found[way, one, at // classes] = POINTS * average_precision(scores, truth)
    text, classical, probe = found
    gain = probe - text
    by_class = gain.mean(axis=1)
    return {
        "liked": clicks[0],
        "disliked": clicks[1],
        "map_words": round(float(text.mean()), 1),
        "map_rocchio": round(float(classical.mean()), 1),
        "map_clicks": round(float(probe.mean()), 1),
        "gain": round(float(gain.mean()), 1),
        "gain_95": interval(gain.mean(axis=0)),
        "rocchio_worst_class": round(float((classical - text).mean(axis=1).min()), 1),
        "worst_class": round(float(by_class.min()), 1),
        "classes_worse_by_a_point": int((by_class < -1).sum()),
        "mean_weight": round(float(np.mean(weights)), 2),
        "share_words_alone": round(float(np.mean(np.array(weights) == 0)), 2),
    }


def interval(values: np.ndarray) -> list[float]:
    """Give the 95 % interval of a mean over sets of clicks, by bootstrap."""
    rng = np.random.default_rng(11)
    means = rng.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    return [round(float(one), 1) for one in np.percentile(means, [2.5, 97.5])]


def one_click_a_class(
    images: Vectors, labels: np.ndarray, words: Vectors, count: int
) -> dict[str, object]:
    """Measure accuracy, and average precision, where each class has one labelled chip."""
    rng = np.random.default_rng(13)
    rows: list[tuple[float, float, float, float]] = []
    none = images[:0]
    for _ in range(count):
        clicked = [rng.choice(np.flatnonzero(labels == one)) for one in range(len(words))]
        rest = np.ones(len(images), dtype=np.bool_)
        rest[clicked] = False
        turned = np.concatenate(
            [
                beside_words(
                    words[one : one + 1],
                    liked=images[[row]],
                    disliked=none,
                    background=images,
                )
                for one, row in enumerate(clicked)
            ]
        )
        kept, truth = images[rest], labels[rest]
        plain, better = kept @ words.T, kept @ turned.T
        accuracy = [float((scores.argmax(axis=1) == truth).mean()) for scores in (plain, better)]
        precision = [
            float(
                np.mean(
                    [average_precision(scores[:, one], truth == one) for one in range(len(words))]
                )
            )
            for scores in (plain, better)
        ]
        rows.append((*accuracy, *precision))
    found = POINTS * np.array(rows)
    return {
        "accuracy_words": round(float(found[:, 0].mean()), 1),
        "accuracy_clicks": round(float(found[:, 1].mean()), 1),
        "accuracy_gain_95": interval(found[:, 1] - found[:, 0]),
        "map_words": round(float(found[:, 2].mean()), 1),
        "map_clicks": round(float(found[:, 3].mean()), 1),
        "map_gain_95": interval(found[:, 3] - found[:, 2]),
    }


def whitening(
    images: Vectors, labels: np.ndarray, words: Vectors, clicks: tuple[int, int], count: int
) -> dict[str, object]:
    """Compare with a probe that uses the covariance."""
    found: list[tuple[float, float]] = []
    for one, liked, disliked in draws(images, labels, words, clicks, count):
        rest = np.ones(len(images), dtype=np.bool_)
        rest[[*liked, *disliked]] = False
        truth, asked = (labels == one)[rest], words[one : one + 1]
        ours = refine(
            asked, liked=images[liked], disliked=images[disliked], background=images
        ).vector
        other = whitened(asked, images[liked], images[disliked], images)
        found.append(
            tuple(average_precision(images[rest] @ way[0], truth) for way in (ours, other))  # type: ignore[arg-type]
        )
    plain, white = POINTS * np.mean(found, axis=0)
    return {
        "liked": clicks[0],
        "disliked": clicks[1],
        "map_clicks": round(float(plain), 1),
        "map_whitened": round(float(white), 1),
    }


def main() -> None:
    """Measure all models; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=10, help="sets of clicks")
    asked = parser.parse_args()
    figures: dict[str, object] = {}
    for path in sorted(FEATURES.glob("*.npz")):
        images, labels, words = read(path)
        figures[path.stem] = {
            "clicks": [measure(images, labels, words, one, asked.draws) for one in CLICKS],
            "one_click_a_class": one_click_a_class(images, labels, words, asked.draws),
            "whitened": [
                whitening(images, labels, words, one, 1) for one in ((1, 0), (3, 3), (10, 10))
            ],
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
