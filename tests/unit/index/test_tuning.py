"""How many candidates a kind of query takes, and where that is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.index.tuning import (
    Effort,
    Tuning,
    check_queries,
    least_effort,
    least_mean,
    load,
    merged,
    most_mean,
    recalls,
    save,
)

if TYPE_CHECKING:
    from pathlib import Path


def effort(candidates: int) -> Effort:
    return Effort(candidates=candidates, recall=0.99, least_recall=0.985, queries=100)


def tuning(**fields: object) -> Tuning:
    plain: dict[str, object] = {
        "wanted": 0.98,
        "codes": "PQ384x4fs",
        "covered": 100_000,
        "generation": 7,
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "kinds": {"text": effort(700), "image": effort(300)},
    }
    return Tuning(**(plain | fields))  # type: ignore[arg-type]


def test_recalls_count_what_lies_among_the_candidates() -> None:
    nan, inf = np.nan, np.inf
    places = np.array([[1, 2, 50, inf], [3, 4, nan, nan], [nan] * 4])
    assert [0.5, 1.0, 1.0] == recalls(places, 10).tolist()
    assert [0.75, 1.0, 1.0] == recalls(places, 50).tolist()


def test_the_fewest_candidates_are_found_that_reach_the_recall_with_a_margin() -> None:
    rng = np.random.default_rng(0)
    places = rng.geometric(1 / 200, (150, 10)).astype(np.float64)
    found = least_effort(places, recall=0.98, most=10_000)
    assert 0.98 <= found.least_recall < found.recall
    assert found.recall == pytest.approx(recalls(places, found.candidates).mean(), abs=1e-4)
    fewer = int(found.candidates / 1.15)
    assert least_mean(recalls(places, fewer)) < 0.98
    # as many hold for queries that were not measured
    others = rng.geometric(1 / 200, (5_000, 10)).astype(np.float64)
    assert recalls(others, found.candidates).mean() >= 0.98


def test_fewer_queries_take_a_larger_margin() -> None:
    rng = np.random.default_rng(1)
    places = rng.geometric(1 / 200, (600, 10)).astype(np.float64)
    few, many = (least_effort(places[:n], recall=0.98, most=10_000) for n in (20, 600))
    assert few.candidates > many.candidates


def test_what_cannot_be_reached_is_told() -> None:
    places = np.full((30, 10), np.inf)
    found = least_effort(places, recall=0.98, most=500)
    assert (500, 0.0, 0.0) == (found.candidates, found.recall, found.least_recall)
    assert not tuning(kinds={"text": found}).reaches("text")
    assert tuning().reaches("image")


def test_bounds_lie_on_both_sides_of_the_mean() -> None:
    values = np.array([1.0, 0.9, 1.0, 0.8] * 10)
    assert least_mean(values) < values.mean() < most_mean(values)
    assert 0.95 < least_mean(np.ones(20)) < 1.0
    assert 1.0 == most_mean(np.ones(20))


def test_mixed_queries_take_the_larger_number_of_both_others() -> None:
    assert 700 == tuning().per_ten("mixed", default=640)
    assert 900 == tuning(kinds={"mixed": effort(900)}).per_ten("mixed", default=640)
    assert 640 == tuning(kinds={"image": effort(300)}).per_ten("mixed", default=640)
    assert 640 == tuning(kinds={"image": effort(300)}).per_ten("text", default=640)


def test_what_was_measured_before_is_kept_for_the_same_recall_and_codes() -> None:
    newer = tuning(kinds={"text": effort(800)})
    assert {"text": 800, "image": 300} == {
        kind: one.candidates for kind, one in merged(tuning(), newer).kinds.items()
    }
    for former in (None, tuning(wanted=0.9), tuning(codes="other")):
        assert newer == merged(former, newer)


def test_it_comes_back_from_its_file_for_the_same_codes_alone(tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    assert load(path, proof="abc") is None
    save(tuning(), path, proof="abc")
    assert tuning() == load(path, proof="abc")
    assert load(path, proof="abd") is None
    assert ["tuning.json"] == [one.name for one in tmp_path.iterdir()]


def test_any_flipped_byte_makes_it_be_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    save(tuning(), path, proof="abc")
    written = path.read_bytes()
    for place in range(len(written) - 1):  # the last one ends the line
        flipped = bytearray(written)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(bytes(flipped))
        assert load(path, proof="abc") is None, place


@pytest.mark.parametrize(
    ("kind", "count", "recall", "message"),
    [
        ("sound", 50, 0.98, "text, image, mixed"),
        ("text", 19, 0.98, "20 queries or more, came 19"),
        ("text", 50, 1.0, "less than 1"),
        ("text", 50, float("nan"), "less than 1"),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    kind: str, count: int, recall: float, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        check_queries(kind, count, recall)
