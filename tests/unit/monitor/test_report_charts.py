"""Charts show figures at their heights, leave gaps, and begin at zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reportmaking import make_chart

from satseek.errors import InvalidRequest
from satseek.monitor.reports.blocks import Series
from satseek.monitor.reports.charts import colours_of, draw_chart
from satseek.monitor.reports.drawing import Drawing, Label, Path
from satseek.monitor.reports.tabling import figures_of


def drawn(**changes: object) -> Drawing:
    return draw_chart(make_chart(**changes), width=170.0)


def axis(drawing: Drawing) -> tuple[float, float]:
    """Value of y: ``a + b * y``, from the labels of the axis."""
    labels = [
        (float(one.text.replace("−", "-").replace(",", "")), one.y)
        for one in drawing.items
        if isinstance(one, Label) and one.anchor == "end" and one.text != "ha"
    ]
    values, ys = np.array(labels).T
    slope, start = np.polyfit(ys, values, 1)
    return float(start + slope * 0.9), float(slope)


def filled(drawing: Drawing, colour: tuple[int, int, int]) -> Path:
    return next(
        one for one in drawing.items if isinstance(one, Path) and one.fill == colour and one.rings
    )


def test_points_lie_at_their_values() -> None:
    drawing = drawn()
    start, slope = axis(drawing)

    dots = filled(drawing, colours_of(make_chart())[0]).rings

    values = [start + slope * float(np.mean([y for _, y in ring])) for ring in dots]
    assert [1.0, 5.0] == pytest.approx(values, abs=0.05)


def test_lines_end_where_nothing_is_known() -> None:
    colour = colours_of(make_chart())[0]

    lines = [
        one.rings
        for one in drawn().items
        if isinstance(one, Path) and one.stroke == colour and one.width == pytest.approx(0.7)
    ]

    assert [[1, 1]] == [[len(ring) for ring in rings] for rings in lines]


@pytest.mark.parametrize("kind", ["bars", "stacked"])
def test_bars_are_as_high_as_their_values(kind: str) -> None:
    series = (Series(name="a", values=(2.0, 4.0, None)), Series(name="b", values=(1.0, 1.0, 3.0)))
    drawing = drawn(kind=kind, series=series)
    _, slope = axis(drawing)
    colours = colours_of(make_chart(series=series))

    heights = [
        [slope * -float(np.ptp([y for _, y in ring])) for ring in filled(drawing, colour).rings]
        for colour in colours
    ]

    assert [2.0, 4.0] == pytest.approx(heights[0], abs=0.01)
    assert [1.0, 1.0, 3.0] == pytest.approx(heights[1], abs=0.01)


def test_stacked_bars_stand_on_each_other() -> None:
    series = (Series(name="a", values=(2.0,) * 3), Series(name="b", values=(1.0,) * 3))
    drawing = drawn(kind="stacked", series=series)
    first, second = (filled(drawing, colour) for colour in colours_of(make_chart(series=series)))

    tops = [min(y for _, y in ring) for ring in first.rings]
    bottoms = [max(y for _, y in ring) for ring in second.rings]

    assert tops == pytest.approx(bottoms)


def test_losses_hang_below_zero() -> None:
    drawing = drawn(kind="bars", series=(Series(name="a", values=(-3.0, 2.0, 0.0)),))
    start, slope = axis(drawing)
    (colour,) = colours_of(make_chart(series=(Series(name="a", values=(0.0,) * 3),)))

    lowest = max(y for ring in filled(drawing, colour).rings for _, y in ring)

    assert -3.0 == pytest.approx(start + slope * lowest, abs=0.05)


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (None, None, None), (1e-9, 0.0, 2e-9)])
def test_nothing_much_is_drawn_too(values: tuple[float | None, ...]) -> None:
    assert drawn(series=(Series(name="a", values=values),)).items


def test_names_below_the_axis_leave_room_between_them() -> None:
    places = tuple(f"2024-{month:02d}-15 a long name" for month in range(1, 13)) * 3
    series = (Series(name="a", values=(1.0,) * 36),)

    labels = [
        one
        for one in drawn(places=places, series=series).items
        if isinstance(one, Label) and one.text in places
    ]

    steps = np.diff([one.x for one in labels])
    assert steps.min() > 20
    assert 2 <= len(labels) < 36


def test_the_table_of_figures_has_them_all() -> None:
    table = figures_of(make_chart(), language="en")

    assert (
        ("2024-05", 1.0, 0.5, 2.0, 3.0),
        ("2024-06", None, None, None, 3.0),
        ("2024-07", 5.0, 4.0, 6.0, 3.0),
    ) == table.rows
    assert 5 == len(table.columns)


def test_series_are_as_long_as_their_axis() -> None:
    with pytest.raises(InvalidRequest, match="expected 3 values of 'a', came 1"):
        make_chart(series=(Series(name="a", values=(1.0,)),))


def test_intervals_have_two_ends() -> None:
    one = Series(name="a", values=(1.0, 2.0, 3.0), low=(0.0, 1.0, 2.0))

    with pytest.raises(InvalidRequest, match="expected both ends of the intervals of 'a'"):
        make_chart(series=(one,))
    assert make_chart(series=(replace(one, high=(2.0, 3.0, 4.0)),))


@pytest.mark.parametrize(("kind", "value"), [("lines", float("nan")), ("stacked", -1.0)])
def test_figures_that_cannot_be_drawn_are_refused(kind: str, value: float) -> None:
    with pytest.raises(InvalidRequest, match=f"that can be drawn, came {value}"):
        make_chart(kind=kind, series=(Series(name="a", values=(1.0, value, 3.0)),))


def test_every_bar_is_named_where_names_can_be_broken() -> None:
    names = tuple(f"industry and mining {at}" for at in range(8))
    values = tuple(float(at) for at in range(8))
    series = (Series(name="ha", values=values),)

    drawing = drawn(kind="bars", places=names, series=series)

    labels = [one for one in drawing.items if isinstance(one, Label) and one.anchor == "middle"]
    by_place: dict[float, list[str]] = {}
    for one in labels:
        by_place.setdefault(one.x, []).append(one.text)
    assert list(names) == [" ".join(lines) for lines in by_place.values()]
    assert drawing.height >= max(one.y for one in labels)
