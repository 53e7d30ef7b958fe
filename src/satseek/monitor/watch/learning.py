"""A watch, its ground and what people answered → the scores of its cells, and where the cut lies.

Does not know alerts. Whatever a cut is expected to do is measured on ground that neither probe nor
cut has learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.monitor.watch.answers import gather_answers
from satseek.monitor.watch.holding_out import (
    Learning,
    above_without,
    held_scores,
    hold_out,
    place_answers,
)
from satseek.monitor.watch.probe import probe_of, words_of
from satseek.monitor.watch.scores import score_cells
from satseek.monitor.watch.thresholds import background_cut, check_answers, expected_at, learnt_cut
from satseek.search.looking import BACKGROUND_SAMPLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.watch.ground import WatchedGround
    from satseek.monitor.watch.probe import Probe, Words
    from satseek.monitor.watch.scores import Scored
    from satseek.monitor.watch.thresholds import Cut
    from satseek.monitor.watch.tools import WatchTools
    from satseek.monitor.watch.watch import Watch

LEAST_ANSWERS = 2
"""Answers on the ground from which it is worth measuring what to expect."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learnt:
    """What a run judges by."""

    probe: Probe
    """What is looked for."""
    scored: Scored
    """Scores of all cells at all dates that matter."""
    cut: Cut
    """Where the operating point lies among them."""
    right: int
    """Answers that show what is looked for, and from which the probe has learnt."""
    wrong: int
    """Answers that do not."""
    missed: tuple[str, ...]
    """Chips of answers that are there no more."""


def learning_of(watch: Watch, index: Pinned, ground: WatchedGround, tools: WatchTools) -> Learning:
    """Gather what a watch learns from.

    Raises:
        ConceptNotFound, EmptyText, Untranslatable: what it is told cannot be asked.
    """
    return Learning(
        index=index,
        watch=watch,
        ground=ground,
        words=_words(watch, tools),
        answers=gather_answers(
            watch,
            findings=tools.findings,
            watches=tools.watches,
            concepts=tools.concepts,
            card=tools.embedder.card,
            opened=tools.opened,
        ),
        sample=index.sample(BACKGROUND_SAMPLE),
    )


def learn(learning: Learning, *, new: NDArray[np.bool_]) -> Learnt:
    """Learn the probe, score the cells, draw the cut.

    Args:
        learning: What there is to learn from.
        new: Shape (dates,): dates that are to be judged.

    Raises:
        InvalidRequest: too little ground, or too few answers, for the operating point.
        EmptyText: nothing says what is looked for.
    """
    answers = learning.answers
    probe = probe_of(learning.words, examples=answers.examples(), background=learning.sample)
    scored = score_cells(
        learning.index,
        learning.ground.table,
        probe,
        watch=learning.watch,
        days=learning.ground.days,
        new=new,
    )
    right = int(answers.right.sum())
    return Learnt(
        probe=probe,
        scored=scored,
        cut=draw_cut(learning, scored),
        right=right,
        wrong=answers.right.size - right,
        missed=answers.missed,
    )


def draw_cut(learning: Learning, scored: Scored) -> Cut:
    """Draw the cut of a watch's operating point, and measure what to expect of it.

    Raises:
        InvalidRequest: as ``learn``.
    """
    point = learning.watch.operating_point
    ground, own = scored.at_first(scored.scores), scored.at_first(scored.own)
    looks = place_answers(learning.index, learning.ground, learning.answers)
    if point.aim == "background_quantile":
        cut = background_cut(
            ground, own=own, quantile=point.value, grow_quantile=point.grow_quantile
        )
        if looks.right.size < LEAST_ANSWERS:
            return cut
    else:
        check_answers(looks.right, point.aim)
    folds = hold_out(learning, looks)
    scores = held_scores(folds, looks, learning.ground.days)
    if point.aim != "background_quantile":
        cut = learnt_cut(
            ground,
            own=own,
            scores=scores,
            right=looks.right,
            aim=point.aim,
            value=point.value,
            grow_quantile=point.grow_quantile,
        )
    above, judged = above_without(folds, watch=learning.watch, scores=scores, looks=looks)
    if not judged.any():
        return cut
    return replace(cut, expected=expected_at(above[judged], looks.right[judged]))


def _words(watch: Watch, tools: WatchTools) -> Words:
    """Embed the words of a watch and of the concept that it names."""
    prompts, negatives = watch.concept.prompts, watch.concept.negatives
    if watch.concept.saved:
        saved = tools.saved_concept(watch.concept.saved)
        prompts = tuple(dict.fromkeys((*saved.prompts, *prompts)))
        negatives = tuple(dict.fromkeys((*saved.negatives, *negatives)))
    return words_of(
        prompts,
        label=watch.concept.label,
        negatives=negatives,
        embedder=tools.embedder,
        glossary=tools.glossary,
    )
