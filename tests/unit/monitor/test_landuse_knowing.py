"""What a run finds again is the finding that it was, whatever came meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import make_finding
from landusing import AFTER, BEFORE, ground, mapped, used
from madeground import cell_at, collected

from satseek.monitor.change.outlining import join_outlines, outline_cells
from satseek.monitor.change.patches import Patch, join_patches
from satseek.monitor.findings.known import KnownFindings
from satseek.monitor.landuse.changes import LandChange, find_changes
from satseek.monitor.landuse.knowing import named_changes
from satseek.monitor.landuse.sampling import change_label

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.landuse.knowing import NamedChange

DATES = ("2024-05", "2024-06", "2024-07", "2024-08")
MAY, JUNE, JULY, AUGUST = range(4)


def cells_of(*columns: int) -> tuple[str, ...]:
    return tuple(sorted(cell_at(column, 0) for column in columns))


def patch(*columns: int, peak: float = 99.0) -> Patch:
    cells = cells_of(*columns)
    return Patch(
        cells=cells, places=columns, peak=peak, peak_cell=cells[0], mean=peak,
        footprint=join_outlines(outline_cells(cells)), area_ha=float(len(cells)),
    )  # fmt: skip


def change(*columns: int, date: int = JUNE, since: int | None = None, **more: Any) -> LandChange:
    before, after = more.pop("became", ("forest", "mine"))
    return LandChange(
        patch=patch(*columns, **more), before=before, after=after, date=date,
        since=date - 1 if since is None else since, cell=columns[0], percentile=99.0, share=0.9,
        seen=1, last=date,
    )  # fmt: skip


def kept(one: NamedChange, **more: Any) -> Finding:
    """What is kept of a change."""
    told = one.change
    return make_finding(
        id=one.finding, kind="landuse", source="use", cells=told.patch.cells,
        label=change_label(told.before, told.after),
        properties={"before_date": DATES[told.since], "after_date": DATES[told.date]}, **more,
    )  # fmt: skip


def named(*changes: LandChange, known: tuple[Finding, ...] = ()) -> list[NamedChange]:
    return named_changes(changes, dates=DATES, source="use", known=KnownFindings(known))


def names(*changes: LandChange, known: tuple[Finding, ...] = ()) -> list[str]:
    return [one.finding for one in named(*changes, known=known)]


def test_new_changes_have_names_of_their_own_however_often_they_are_named() -> None:
    changes = change(1, 2), change(7), change(1, 2, date=AUGUST), change(9, became=("mine", "sea"))
    first = names(*changes)
    assert 4 == len(set(first))
    assert first == names(*changes)
    assert names(changes[0]) != [
        one.finding
        for one in named_changes(changes[:1], dates=DATES, source="other", known=KnownFindings())
    ]


@pytest.mark.parametrize(
    "again",
    [
        change(1, 2, 3),
        change(0, 1, 2),
        change(2),
        change(1, 2, date=JULY),
        change(1, 2, date=JULY, since=MAY),
        change(0, 2, 5, date=AUGUST, since=JUNE),
    ],
    ids=["grown", "grown at its first cell", "shrunk", "a month on", "since earlier", "later"],
)
def test_what_covers_the_same_ground_at_dates_that_meet_is_the_same(again: LandChange) -> None:
    (one,) = named(change(1, 2))
    assert [one.finding] == names(again, known=(kept(one),))


@pytest.mark.parametrize(
    "other",
    [
        change(3),
        change(1, 2, became=("forest", "sea")),
        change(1, 2, date=AUGUST),
    ],
    ids=["beside it", "something else", "another time"],
)
def test_other_ground_other_classes_and_other_times_are_something_else(other: LandChange) -> None:
    (one,) = named(change(1, 2))
    assert [one.finding] != names(other, known=(kept(one),))


def test_what_an_earlier_release_named_keeps_its_name() -> None:
    (one,) = named(change(1, 2))
    old = kept(one, state="confirmed")
    old = make_finding(
        id="0123456789abcdef0123", kind="landuse", source="use", cells=old.cells, label=old.label,
        properties=old.properties, state="confirmed",
    )  # fmt: skip
    assert [old.id] == names(change(2, 3), known=(old,))
    # and where two were kept of one place, it is that which somebody decided upon
    assert [old.id] == names(change(1, 2), known=(kept(one), old))


def test_a_patch_that_falls_apart_is_still_one_finding() -> None:
    (one,) = named(change(1, 2, 3, 4, 5))
    parts = change(1, 2, peak=97.0), change(4, 5, 6), change(8)
    whole, other = named(*parts, known=(kept(one),))
    assert one.finding == whole.finding != other.finding
    assert cells_of(1, 2, 4, 5, 6) == whole.change.patch.cells
    assert (5.0, 99.0, 4) == (
        whole.change.patch.area_ha, whole.change.patch.peak, whole.change.cell
    )  # fmt: skip
    assert [whole.finding, other.finding] == names(*parts, known=(kept(whole), kept(other)))


def test_patches_that_grow_together_are_that_of_which_most_is_there() -> None:
    small, large = named(change(1), change(3, 4, 5))
    if small.change.patch.area_ha > large.change.patch.area_ha:
        small, large = large, small
    known = (kept(small, state="rejected"), kept(large))
    assert [large.finding] == names(change(1, 2, 3, 4, 5), known=known)


def test_a_finding_is_not_of_two_dates() -> None:
    (one,) = named(change(1, 2, 3, date=JULY, since=MAY))
    split = change(1, date=JUNE), change(2, 3, date=JULY)
    first, second = names(*split, known=(kept(one),))
    assert one.finding == second != first


def test_a_name_that_is_taken_is_not_given_again() -> None:
    (one,) = named(change(1, 2))
    moved = make_finding(
        id=one.finding, kind="landuse", source="use", cells=cells_of(5), label="forest → mine",
        properties=kept(one).properties,
    )  # fmt: skip
    first, second = names(change(1, 2), change(5), known=(moved,))
    assert one.finding == second != first


def test_patches_are_joined_as_if_they_were_one() -> None:
    joined = join_patches([patch(4, 5, peak=96.0), patch(1, peak=99.0)])
    assert (cells_of(1, 4, 5), (1, 4, 5)) == (joined.cells, joined.places)
    assert (99.0, cells_of(1)[0], 97.0) == (joined.peak, joined.peak_cell, joined.mean)
    assert "MultiPolygon" == joined.footprint["type"]  # type: ignore[index]


def test_a_second_scene_of_the_month_leaves_the_names(tmp_path: Path) -> None:
    days = {"2024-05-03": BEFORE, "2024-06-02": AFTER}
    grown = ("qqqmmm", "qqqmmm", "qqqqqm", "mmmqqm", "mmmhhh", "mmmhhh")
    later = days | {"2024-06-15": grown}
    with used(tmp_path / "one", days) as (found, _):
        first = named_changes(
            find_changes(found), dates=found.dates, source="use", known=KnownFindings()
        )
    with collected(tmp_path / "two", *ground(later)) as index:
        again = mapped(index)
        changes = find_changes(again)
        assert cell_at(2, 2) == changes[0].patch.cells[0]
        known = KnownFindings(map(kept, first))
        second = named_changes(changes, dates=again.dates, source="use", known=known)
    assert [one.finding for one in first] == [one.finding for one in second]
