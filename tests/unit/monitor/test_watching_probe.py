"""Scores lose what moves all prompts alike, heed hard negatives, and answers never mislead them."""

from __future__ import annotations

import numpy as np
import pytest

from satseek.embed.embedder import unit_rows
from satseek.errors import EmptyText
from satseek.monitor.watch.probe import Probe, Words, probe_of
from satseek.monitor.watch.turning import turn
from satseek.search.directions import Examples

DIM = 24
MINE, POND, TOWN, COMMON, TINT = np.eye(DIM, dtype=np.float32)[:5]
NONE = np.empty((0, DIM), dtype=np.float32)


def ground(*, common: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """900 chips, of which 90 show a mine; some lie nearer to any words than others do."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat([0, 1, 2], [90, 210, 600]))
    chips = rng.normal(0, 0.2, (900, DIM)) + np.stack([MINE, POND, TOWN])[kinds]
    chips += common * rng.normal(0, 1, (900, 1)) * COMMON
    return unit_rows(chips.astype(np.float32)), kinds == 0


def words(*, hard: float = 0.3) -> Words:
    """Words whose cosines all rise with what is common, and of which two are confused."""
    rows = np.stack([MINE + hard * POND, POND + hard * MINE, TOWN]) + COMMON
    wanted, *others = unit_rows(rows.astype(np.float32))
    return Words(wanted=wanted[None], hard=others[0][None], usual=others[1][None], scale=20.0)


def vague() -> Words:
    """Words that do not tell mines from ponds, which no negative names."""
    said = words()
    wanted = unit_rows(said.wanted + 0.9 * said.hard)
    return Words(wanted=wanted, hard=NONE, usual=said.usual, scale=said.scale)


def answers(chips: np.ndarray, truth: np.ndarray, scores: np.ndarray, count: int = 8) -> Examples:
    """What people said of the highest of either kind."""
    ranked = np.argsort(-scores)
    right, wrong = (ranked[truth[ranked] == kind][: 3 * count : 3] for kind in (True, False))
    return Examples(liked=chips[right], disliked=chips[wrong])


def precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Average precision."""
    places = np.flatnonzero(truth[np.argsort(-scores)]) + 1
    return float((np.arange(1, len(places) + 1) / places).mean())


def probe(said: Words, chips: np.ndarray, examples: Examples | None = None) -> Probe:
    nobody = Examples(liked=NONE, disliked=NONE)
    return probe_of(said, examples=examples or nobody, background=chips)


def test_what_moves_all_prompts_alike_is_taken_out() -> None:
    chips, truth = ground(common=0.8)
    said = words()
    bare = precision(chips @ said.wanted[0], truth)
    assert bare + 0.2 < precision(probe(said, chips).scores(chips), truth)
    left = float(probe(said, chips).towards[0] @ COMMON)
    assert abs(left) < 0.2 * float(said.wanted[0] @ COMMON)


def test_where_nothing_moves_them_alike_words_stay_as_they_are() -> None:
    chips, _ = ground(common=0)
    said = words(hard=0)
    assert np.array_equal(said.wanted, probe(said, chips).towards)


def test_of_two_chips_as_near_that_which_its_negative_names_is_behind() -> None:
    chips, _ = ground(common=0.3)
    pair = unit_rows(np.stack([MINE + 0.5 * TINT, MINE + 0.5 * POND - 0.15 * MINE]))
    first, second = probe(words(hard=0), chips).scores(pair).tolist()
    assert first > second + 1


def test_a_score_is_the_logit_tempered_by_its_share() -> None:
    chips, _ = ground(common=0)
    said = words(hard=0)
    made = probe(said, chips)
    logits = said.scale * chips @ said.wanted[0]
    shares = made.shares(chips)
    assert 0.1 > float(shares.min())
    assert np.allclose(logits + np.log(shares), made.scores(chips), atol=1e-3)


def test_shares_are_of_the_words_as_they_were_said() -> None:
    chips, _ = ground(common=0.8)
    said = words()
    logits = said.scale * chips @ np.concatenate([said.wanted, said.hard, said.usual]).T
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = odds[:, 0] / odds.sum(axis=1)
    assert np.allclose(expected, probe(said, chips).shares(chips), atol=1e-4)


def test_one_chip_of_ground_does_for_words() -> None:
    chips, _ = ground(common=0.3)
    assert np.isfinite(probe(words(), chips[:1]).scores(chips)).all()
    assert np.isfinite(probe(words(), chips[:0]).scores(chips)).all()


def test_answers_that_know_more_than_the_words_are_followed() -> None:
    chips, truth = ground(common=0.3)
    before = probe(vague(), chips).scores(chips)
    taught = probe(vague(), chips, answers(chips, truth, before))
    assert precision(before, truth) + 0.1 < precision(taught.scores(chips), truth)


@pytest.mark.parametrize("seed", range(4))
def test_few_answers_from_the_top_take_nothing_away(seed: int) -> None:
    chips, truth = ground(common=0.3, seed=seed)
    before = probe(words(), chips).scores(chips)
    after = probe(words(), chips, answers(chips, truth, before, count=3)).scores(chips)
    assert precision(before, truth) - 0.01 < precision(after, truth)


def test_answers_that_contradict_each_other_count_little() -> None:
    chips, truth = ground(common=0.3)
    before = probe(vague(), chips)
    chosen = answers(chips, truth, before.scores(chips), count=12)
    mixed = np.concatenate([chosen.liked, chosen.disliked])
    examples = Examples(liked=mixed[::2], disliked=mixed[1::2])
    spread = before.scores(chips).std()
    added = chips @ turn(before.scores, examples=examples, background=chips)
    clear = chips @ turn(before.scores, examples=chosen, background=chips)
    assert float(added.std()) < 0.3 * spread < 0.5 * float(clear.std())


def test_answers_move_no_level_of_the_ground() -> None:
    chips, truth = ground(common=0.3)
    before = probe(words(), chips).scores(chips)
    added = turn(
        probe(words(), chips).scores, examples=answers(chips, truth, before), background=chips
    )
    assert float(np.abs(added).max()) > 0.1
    assert abs(float((chips @ added).mean())) < 1e-4


def test_rejected_chips_alone_do_not_say_what_is_wanted() -> None:
    chips, truth = ground(common=0.3)
    rejected = Examples(liked=NONE, disliked=chips[~truth][:5])
    assert np.array_equal(probe(words(), chips).towards, probe(words(), chips, rejected).towards)


def test_confirmed_chips_alone_are_looked_for() -> None:
    chips, truth = ground(common=0.3)
    liked = Examples(liked=chips[truth][:5], disliked=NONE)
    vague = words(hard=0.9)
    after = probe(vague, chips, liked).scores(chips)
    assert precision(probe(vague, chips).scores(chips), truth) < precision(after, truth)


def test_without_words_and_confirmed_chips_there_is_nothing_to_look_for() -> None:
    said = Words(wanted=NONE, hard=NONE, usual=TOWN[None], scale=20.0)
    with pytest.raises(EmptyText):
        probe(said, NONE)
