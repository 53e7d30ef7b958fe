"""Areas and accuracies from samples: the papers' examples, and what is told instead of guessed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import InvalidRequest
from satseek.monitor.areas.estimating import AreaEstimates, Judged, Stratum, estimate_areas
from satseek.monitor.areas.planning import allocate, sample_size

if TYPE_CHECKING:
    from satseek.monitor.areas.intervals import Estimate, Interval

# Olofsson et al. (2014), table 8: 640 places in four strata, 10 million pixels of 30 m
CLASSES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
MATRIX = ((66, 0, 5, 4), (0, 55, 8, 12), (1, 0, 153, 11), (2, 1, 9, 313))
PIXEL_M2 = 900.0
HECTARE = 10_000.0


def strata(*, cells: bool = False) -> list[Stratum]:
    return [
        Stratum(name=name, area_m2=count * PIXEL_M2, cells=count if cells else None)
        for name, count in zip(CLASSES, PIXELS, strict=True)
    ]


def places(matrix: tuple[tuple[int, ...], ...] = MATRIX) -> list[Judged]:
    return [
        Judged(stratum=CLASSES[row], mapped=CLASSES[row], reference=CLASSES[column])
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def paper() -> AreaEstimates:
    return estimate_areas(strata(), places(), interval="wald")


def known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def test_the_papers_areas_come_out(paper: AreaEstimates) -> None:
    expected = {
        "deforestation": (21_158, 6_158),
        "forest gain": (11_686, 3_756),
        "stable forest": (285_770, 15_510),
        "stable non-forest": (581_386, 16_282),
    }
    for label, (hectares, margin) in expected.items():
        area = paper.of(label).area_m2.scaled(1 / HECTARE)
        assert pytest.approx(hectares, abs=1) == area.value
        assert pytest.approx(margin, abs=1) == area.margin
        assert pytest.approx((hectares - margin, hectares + margin), abs=2) == (area.low, area.high)


def test_the_papers_accuracies_come_out(paper: AreaEstimates) -> None:
    assert pytest.approx((0.95, 0.02), abs=0.005) == (paper.overall.value, paper.overall.margin)
    users = [known(one.users) for one in paper.classes]
    assert pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005) == [one.value for one in users]
    assert pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005) == [one.margin for one in users]
    producers = [known(one.producers) for one in paper.classes]
    assert pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005) == [one.value for one in producers]
    # equation 7 worked out by hand
    margins = [0.2133, 0.2544, 0.0343, 0.0184]
    assert pytest.approx(margins, abs=1e-4) == [one.margin for one in producers]


def test_the_papers_matrix_in_proportions_comes_out(paper: AreaEstimates) -> None:
    assert MATRIX == paper.counts
    assert 640 == paper.judged
    assert pytest.approx([0.0176, 0, 0.0013, 0.0011], abs=5e-5) == list(paper.proportions[0])
    assert pytest.approx(1.0) == sum(map(sum, paper.proportions))
    assert {name: count * PIXEL_M2 for name, count in zip(CLASSES, PIXELS, strict=True)} == {
        one.label: one.mapped_m2 for one in paper.classes
    }
    assert () == paper.notes


def test_strata_that_are_not_the_maps_classes() -> None:
    """Stehman (2014), section 4: forty places in four strata, with the figures of his text."""
    mapped = "AAAAAAABBB" + "ABBBBBBBBB" + "BBCCCCCCBB" + "DDDDDDDDDD"
    reference = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    ground = [
        Stratum(name=f"stratum {name}", area_m2=area)
        for name, area in zip("ABCD", (40_000.0, 30_000.0, 20_000.0, 10_000.0), strict=True)
    ]
    judged = [
        Judged(stratum=f"stratum {'ABCD'[at // 10]}", mapped=one, reference=other)
        for at, (one, other) in enumerate(zip(mapped, reference, strict=True))
    ]
    found = estimate_areas(ground, judged, interval="wald")
    assert pytest.approx(0.63) == found.overall.value
    assert pytest.approx(0.085, abs=5e-4) == found.overall.standard_error
    areas = [found.of(name).area_m2.scaled(1e-5) for name in "AC"]
    assert pytest.approx([0.35, 0.20]) == [one.value for one in areas]
    assert pytest.approx([0.082, 0.064], abs=5e-4) == [one.standard_error for one in areas]
    users, producers = known(found.of("B").users), known(found.of("B").producers)
    assert pytest.approx((0.574, 0.125), abs=5e-4) == (users.value, users.standard_error)
    assert pytest.approx((0.794, 0.1166), abs=5e-4) == (producers.value, producers.standard_error)
    assert pytest.approx(0.08) == found.proportions[1][2]
    assert {None} == {one.mapped_m2 for one in found.classes}


def test_both_intervals_agree_where_much_was_seen() -> None:
    matrix = tuple(tuple(50 * count for count in row) for row in MATRIX)
    one, other = (
        estimate_areas(strata(), places(matrix), interval=interval)
        for interval in ("wald", "wilson")
    )
    for wald, wilson in zip(one.classes, other.classes, strict=True):
        for pair in ("area_m2", "users", "producers"):
            first, second = known(getattr(wald, pair)), known(getattr(wilson, pair))
            assert (first.value, first.standard_error) == (second.value, second.standard_error)
            assert pytest.approx(first.margin, rel=0.05) == second.margin
            assert pytest.approx(first.low, rel=0.02) == second.low


def test_what_no_place_was_may_still_be_there() -> None:
    """Thirty places of a large stratum, all forest: at most 11 % of it is something else."""
    ground = [Stratum(name="forest", area_m2=99e6), Stratum(name="mine", area_m2=1e6)]
    judged = [Judged(stratum=name, mapped=name, reference=name) for name in ("forest", "mine")] * 30
    naive, sound = (
        estimate_areas(ground, judged, interval=one).of("mine").area_m2
        for one in ("wald", "wilson")
    )
    assert pytest.approx((1e6, 1e6, 1e6)) == (naive.low, naive.value, naive.high)
    assert pytest.approx(1e6) == sound.value
    assert pytest.approx(1e6 + 99e6 * 0.1135, rel=0.01) == sound.high
    assert 0 < sound.low < 1e6


def test_a_stratum_judged_as_a_whole_is_certain() -> None:
    ground = [
        Stratum(name="mine", area_m2=4e6, cells=4),
        Stratum(name="rest", area_m2=8e6, cells=8),
    ]
    judged = [
        *(
            Judged(stratum="mine", mapped="mine", reference=name)
            for name in ("mine",) * 3 + ("rest",)
        ),
        *(Judged(stratum="rest", mapped="rest", reference="rest") for _ in range(8)),
    ]
    found = estimate_areas(ground, judged).of("mine")
    for value, estimate in ((3e6, found.area_m2), (0.75, found.users), (1.0, found.producers)):
        one = known(estimate)
        assert 0.0 == one.standard_error
        assert pytest.approx((value, value, value)) == (one.low, one.value, one.high)


def test_the_more_of_the_cells_were_judged_the_less_is_open() -> None:
    errors, margins = [], []
    for cells in (None, 1_000_000, 320, 200):
        ground = [Stratum(name=name, area_m2=1.0, cells=cells) for name in CLASSES]
        some = [one for one in places() if one.stratum == "stable forest"]
        overall = estimate_areas(ground, some).overall
        errors.append(overall.standard_error)
        margins.append(overall.margin)
    assert errors == sorted(errors, reverse=True)
    assert margins == sorted(margins, reverse=True)
    assert margins[3] < 0.5 * margins[0]
    assert pytest.approx(errors[0], rel=1e-3) == errors[1]
    # 1 − n/N under the root: 165 of 200 were judged
    assert pytest.approx(errors[0] * math.sqrt(1 - 165 / 200)) == errors[3]


def test_a_stratum_without_answers_is_left_out_and_told_of() -> None:
    some = [one for one in places() if one.stratum != "forest gain"]
    found = estimate_areas(strata(), some)
    assert sum(PIXELS) * PIXEL_M2 - 150_000 * PIXEL_M2 == pytest.approx(found.covered_m2)
    assert pytest.approx(found.covered_m2) == sum(one.area_m2.value for one in found.classes)
    assert (
        "nothing was judged in 'forest gain': 1.5% of the area is left out" in found.notes[0].said()
    )
    assert [75, 0, 165, 325] == [one.judged for one in found.strata]


def test_one_place_alone_has_no_standard_error() -> None:
    some = [one for one in places() if one.stratum != "forest gain"]
    alone = Judged(stratum="forest gain", mapped="forest gain", reference="forest gain")
    found = estimate_areas(strata(), [*some, alone])
    assert found.of("forest gain").area_m2.standard_error is None
    assert found.of("forest gain").area_m2.high > 135_000_000.0
    assert any("one place alone was judged in 'forest gain'" in one.said() for one in found.notes)
    with pytest.raises(InvalidRequest, match="has one judged place"):
        estimate_areas(strata(), [*some, alone], interval="wald")


@pytest.mark.parametrize("interval", ["wald", "wilson"])
def test_one_class_only_is_a_plain_random_sample(interval: Interval) -> None:
    ground = [Stratum(name="forest", area_m2=1e6)]
    judged = [Judged(stratum="forest", mapped="forest", reference="forest")] * 20
    found = estimate_areas(ground, judged, labels=["forest", "mine"], interval=interval)
    assert ("forest", "mine") == found.labels
    assert 1.0 == found.overall.value
    assert 1e6 == found.of("forest").area_m2.value
    mine = found.of("mine")
    assert (0.0, None, None) == (mine.area_m2.value, mine.users, mine.producers)
    assert (mine.area_m2.high > 0) is (interval == "wilson")
    assert any("plain random" in one.said() for one in found.notes)
    assert any("no judged place is 'mine'" in one.said() for one in found.notes)


def test_a_class_that_the_map_does_not_know() -> None:
    judged = [*places(), Judged(stratum=CLASSES[2], mapped=CLASSES[2], reference="water")]
    water = estimate_areas(strata(), judged).of("water")
    assert (0.0, None) == (water.mapped_m2, water.users)
    assert 0.0 == known(water.producers).value
    assert pytest.approx(3_200_000 / 166 * PIXEL_M2) == water.area_m2.value


@pytest.mark.parametrize(
    ("ground", "judged", "said"),
    [
        (strata(), [], "came none"),
        (strata()[:3], places(), "'stable non-forest'"),
        ([*strata(), strata()[0]], places(), "'deforestation' came twice"),
        ([Stratum(name="a", area_m2=0.0)], [], "positive area"),
        ([Stratum(name="a", area_m2=math.nan)], [], "positive area"),
        (
            [Stratum(name="a", area_m2=1.0, cells=1)],
            [Judged(stratum="a", mapped="a", reference="a")] * 2,
            "at most its 1 cells",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    ground: list[Stratum], judged: list[Judged], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        estimate_areas(ground, judged)


@given(
    counts=st.lists(
        st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=3, max_size=3
    ).filter(lambda rows: all(sum(row) > 1 for row in rows)),
    areas=st.lists(st.floats(1.0, 1e9), min_size=3, max_size=3),
    interval=st.sampled_from(["wald", "wilson"]),
)
def test_areas_add_up_and_intervals_hold_them(
    counts: list[list[int]], areas: list[float], interval: Interval
) -> None:
    names = "abc"
    ground = [Stratum(name=n, area_m2=area) for n, area in zip(names, areas, strict=True)]
    judged = [
        Judged(stratum=names[i], mapped=names[i], reference=names[j])
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        for _ in range(count)
    ]
    found = estimate_areas(ground, judged, interval=interval)
    assert pytest.approx(sum(areas)) == sum(one.area_m2.value for one in found.classes)
    for one in found.classes:
        for estimate in (one.area_m2, one.users, one.producers):
            if estimate is not None:
                assert estimate.low <= estimate.value * (1 + 1e-12)
                assert estimate.value <= estimate.high * (1 + 1e-12)
        if interval == "wilson":
            assert 0 <= one.area_m2.low <= one.area_m2.high <= sum(areas) * (1 + 1e-12)


def test_the_papers_sample_size_and_allocation() -> None:
    users = dict(zip(CLASSES, (0.70, 0.60, 0.90, 0.95), strict=True))
    assert 641 == sample_size(strata(), users=users, standard_error=0.01)
    sizes = allocate(strata(), 640, least=75)
    # the paper rounds to fives: 75, 75, 165, 325
    assert pytest.approx([75, 75, 165, 325], abs=3) == list(sizes.values())
    assert 640 == sum(sizes.values())


def test_of_few_cells_fewer_are_judged() -> None:
    """Cochran (1977), 5.25: 0.4² / 0.02² = 400 of ever so many, half as many of 400 cells."""
    for cells, expected in ((None, 400), (400, 200)):
        assert expected == sample_size([Stratum(name="a", area_m2=1.0, cells=cells)])


def test_a_larger_allocation_takes_nothing_back() -> None:
    ground = [Stratum(name="a", area_m2=1.0), Stratum(name="b", area_m2=3.0)]
    assert {"a": 60, "b": 10} == allocate(ground, 70, drawn={"a": 60, "b": 2})
    assert {"a": 30, "b": 40} == allocate(ground, 70, least=30, drawn={"a": 5})


def test_allocation_by_each_rule() -> None:
    ground = [Stratum(name="a", area_m2=1.0), Stratum(name="b", area_m2=3.0)]
    assert {"a": 25, "b": 75} == allocate(ground, 100, least=0)
    assert {"a": 50, "b": 50} == allocate(ground, 100, rule="equal", least=0)
    spread = {"a": 0.5, "b": 0.9}  # standard deviations 0.5 and 0.3
    assert {"a": 36, "b": 64} == allocate(ground, 100, rule="neyman", least=0, users=spread)


def test_small_strata_are_judged_as_a_whole_and_others_take_what_is_left() -> None:
    ground = [
        Stratum(name="mine", area_m2=3.0, cells=3),
        Stratum(name="town", area_m2=60.0, cells=60),
        Stratum(name="rest", area_m2=900.0, cells=900),
    ]
    assert {"mine": 3, "town": 50, "rest": 147} == allocate(ground, 200)
    assert {"mine": 3, "town": 60, "rest": 900} == allocate(ground, 5_000)
    assert 6 == sum(allocate(ground, 6).values())


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: allocate(strata(), 7), "at least 8"),
        (lambda: allocate(strata(), 700, rule="neyman", users={"sea": 0.5}), "'sea'"),
        (lambda: sample_size(strata(), users={CLASSES[0]: 1.2}), "expected 0 to 1"),
        (lambda: sample_size(strata(), standard_error=0.0), "standard error"),
    ],
)
def test_plans_that_cannot_be_are_refused(work: object, said: str) -> None:
    assert callable(work)
    with pytest.raises(InvalidRequest, match=said):
        work()


def test_intervals_cover_a_made_up_truth() -> None:
    """200 samples of a map whose rare class hides in a large one: the paper's way misses it."""
    rng = np.random.default_rng(5)
    sizes = {"rest": 40, "mine": 20}
    truth = {"rest": rng.random(4_000) < 0.01, "mine": rng.random(100) < 0.7}  # True: it is a mine
    total = float(sum(one.sum() for one in truth.values()))
    ground = [Stratum(name=n, area_m2=float(len(t)), cells=len(t)) for n, t in truth.items()]
    covered = dict.fromkeys(("wald", "wilson"), 0)
    for _ in range(200):
        judged = [
            Judged(stratum=name, mapped=name, reference="mine" if is_mine else "rest")
            for name, all_ in truth.items()
            for is_mine in rng.choice(all_, sizes[name], replace=False)
        ]
        for interval in ("wald", "wilson"):
            area = estimate_areas(ground, judged, interval=interval).of("mine").area_m2
            covered[interval] += area.low <= total <= area.high
    assert covered["wilson"] >= 180
    assert covered["wald"] < 120
