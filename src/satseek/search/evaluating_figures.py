"""What an evaluation says of a model, figure by figure, as it is printed.

Knows no way to measure any of it. A figure that could only come out one way (recall@10 in a gallery
of ten, top-5 of five labels) is None, so that nobody reads it as an achievement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.evaluate.calibration import Bin
    from satseek.evaluate.intervals import Interval

CONFUSED = 10
"""Pairs of labels that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFigures:
    """One prompt template alone."""

    template: str
    """With ``{}`` where the label goes."""
    top_1: float
    """Share of images whose first label is right, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """One label and its images."""

    label: str
    """In words."""
    images: int
    """Images of it; where there are none, all else is None."""
    top_1: float | None
    """Share of them whose first label is right, 0–1."""
    top_1_interval: Interval | None
    """95 %, Wilson's."""
    top_5: float | None
    """Share of them with the right label among the first five; None for up to five labels."""
    average_precision: float | None
    """Of all images ranked by their cosine with the label, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """Images of one label that were taken for another."""

    label: str
    """The true one."""
    first: str
    """The one they were taken for."""
    images: int
    """How many."""
    share: float
    """How many of the true label's images, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShotFigures:
    """Every image against every label."""

    top_1: float
    """Share of images whose first label is right, 0–1; ties count against."""
    top_1_interval: Interval
    """95 %, percentile bootstrap over images."""
    top_5: float | None
    """Share of images whose label is among the first five; None for up to five labels."""
    mean_per_class: float
    """Mean of the labels' own top-1: every label counts the same."""
    mean_average_precision: float
    """Label → image: mean over labels of the average precision, 0–1."""
    templates: tuple[TemplateFigures, ...]
    """What each prompt template reaches alone; ``top_1`` is of all of them together."""
    by_label: tuple[LabelFigures, ...]
    """In the labels' order."""
    confusion: tuple[tuple[int, ...], ...]
    """Images by true label (row) and first label (column), in the labels' order."""
    confused_pairs: tuple[ConfusedPair, ...]
    """Most images first, at most `CONFUSED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFigures:
    """How far a score is from being readable as a probability."""

    outcomes: int
    """Scores that were held against the truth."""
    ece: float
    """Expected calibration error, 0–1, over 15 bins of equal width; 0 is best."""
    brier: float
    """Mean squared error; 0 is best. Of shares it is summed over labels (0–2), else 0–1."""
    brier_of_no_knowledge: float
    """The same of equal shares, or of a score that is always the share of right outcomes."""
    mean_score: float
    """Mean of the scores."""
    right: float
    """Share of outcomes that is right, 0–1."""
    bins: tuple[Bin, ...]
    """From 0 to 1: the reliability plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Both scores that could be mistaken for a probability."""

    share: CalibrationFigures
    """Of each image's first label: its share, and whether it is right."""
    match: CalibrationFigures | None
    """Of each pair of image and label; None for a model that has no match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallFigures:
    """Queries of one kind against a gallery of the other."""

    queries: int
    """Queries."""
    gallery: int
    """What was searched: recall in a larger gallery is lower."""
    recall_at_1: float | None
    """Share of queries with a right answer first; None: the gallery is no larger."""
    recall_at_5: float | None
    """Among the first five; likewise."""
    recall_at_10: float | None
    """Among the first ten; likewise."""
    median_rank: float
    """Median rank of the best right answer; 1 is the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalFigures:
    """Captions and images, both ways; ties count against."""

    text_to_image: RecallFigures
    """Each caption asks for its own image."""
    image_to_text: RecallFigures
    """Each image with captions asks for any of its own."""
    shared_captions: int
    """Captions that are also another image's, word for word: they cannot come first."""
