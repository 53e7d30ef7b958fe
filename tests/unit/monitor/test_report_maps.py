"""Maps lie where they should, have the scale they say, and hide nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from reportmaking import VERMILION, class_map, make_map, square

from satseek.errors import InvalidRequest
from satseek.imagery.mosaics import Scenery
from satseek.monitor.reports.blocks import Entry, Map, Shape
from satseek.monitor.reports.drawing import Drawing, Label, Path, Raster
from satseek.monitor.reports.frames import LEAST_M, Frame, frame_of, round_length
from satseek.monitor.reports.mapping import draw_map, legend_of
from satseek.monitor.reports.shapes import RING_MM, draw_shapes

EARTH_M = 6_371_000.0


def framed(*geometries: object, **asked: object) -> Frame:
    frame = frame_of(geometries, width=170.0, **asked)  # type: ignore[arg-type]
    assert frame is not None
    return frame


def drawn(asked: Map) -> Drawing:
    found = draw_map(asked, width=170.0, language="en", scenery=Scenery())
    assert found is not None
    return found.drawing


@pytest.mark.parametrize("lat", [0.0, 51.5, -77.0, 88.0])
def test_a_millimetre_is_as_many_metres_as_the_frame_says(lat: float) -> None:
    frame = framed(square(12.0, lat, 0.05))

    (x, y), (north_x, north_y) = frame.on_sheet(
        np.array([[12.025, lat + 0.025], [12.025, lat + 0.035]])
    )

    metres = math.hypot(north_x - x, north_y - y) * frame.scale
    assert metres == pytest.approx(math.radians(0.01) * EARTH_M, rel=0.01)
    assert abs(north_x - x) < 0.05
    assert north_y < y


def test_equal_areas_are_equal_on_the_sheet() -> None:
    south, north = square(12.0, 50.0, 0.1), square(12.0, 58.0, 0.1)
    frame = framed(south, north)

    areas = [
        shapely.transform(shapely.geometry.shape(one), frame.on_sheet).area * frame.scale**2
        for one in (south, north)
    ]

    ratio = math.cos(math.radians(58.05)) / math.cos(math.radians(50.05))
    assert areas[1] / areas[0] == pytest.approx(ratio, rel=0.005)


def test_everything_asked_for_is_inside_with_a_margin() -> None:
    shapes = [square(12.0, 51.5, 0.01), square(12.3, 51.4, 0.01)]
    frame = framed(*shapes)

    points = np.concatenate(
        [frame.on_sheet(shapely.get_coordinates(shapely.geometry.shape(one))) for one in shapes]
    )

    assert points.min() > 5
    assert points[:, 0].max() < frame.width - 5
    assert points[:, 1].max() < frame.height - 5


def test_degrees_come_back() -> None:
    frame = framed(square(12.0, 51.5, 0.5))

    back = frame.degrees([tuple(one) for one in frame.on_sheet(np.array([[12.2, 51.7]]))])

    assert back == pytest.approx(np.array([[12.2, 51.7]]), abs=1e-6)


def test_both_sides_of_the_antimeridian_are_side_by_side() -> None:
    frame = framed(square(179.9, -17.0, 0.05), square(-179.95, -17.0, 0.05))

    west, east = frame.on_sheet(np.array([[179.9, -17.0], [-179.9, -17.0]]))

    assert 0 < west[0] < east[0] < frame.width
    assert abs(abs(frame.lon) - 180) < 0.1


def test_a_box_over_the_antimeridian_is_not_the_whole_earth() -> None:
    frame = framed(bbox=(179.5, -17.5, -179.5, -16.5))

    assert frame.width * frame.scale < 150_000


def test_a_point_gets_surroundings() -> None:
    frame = framed({"type": "Point", "coordinates": [12.0, 51.5]})

    assert frame.width * frame.scale >= LEAST_M
    assert frame.on_sheet(np.array([[12.0, 51.5]]))[0] == pytest.approx(
        [frame.width / 2, frame.height / 2], abs=0.01
    )


def test_nothing_to_show_is_no_frame() -> None:
    assert frame_of([], width=170.0) is None


@pytest.mark.parametrize(
    ("longest", "expected"), [(9.9, 5), (10, 10), (49, 20), (0.3, 0.2), (1000, 1000)]
)
def test_scale_bars_are_round(longest: float, expected: float) -> None:
    assert round_length(longest) == pytest.approx(expected)


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    asked = make_map()
    found = draw_map(asked, width=170.0, language="en", scenery=Scenery())
    assert found is not None
    words = [one for one in found.drawing.items if isinstance(one, Label)]

    zero = next(one for one in words if one.text == "0")
    end = next(one for one in words if one.text.endswith(" m") or one.text.endswith(" km"))
    figure, unit = end.text.split()

    metres = float(figure.replace(",", "")) * {"m": 1, "km": 1000}[unit]
    assert (end.x - zero.x) * found.frame.scale == pytest.approx(metres)


def test_degrees_stand_along_the_edges_where_they_are() -> None:
    asked = make_map()
    found = draw_map(asked, width=170.0, language="en", scenery=Scenery())
    assert found is not None
    ticks = [
        one for one in found.drawing.items if isinstance(one, Label) and one.text.endswith("° E")
    ]

    assert ticks
    for tick in ticks:
        (lon, _), *_ = found.frame.degrees([(tick.x, found.frame.height)])
        assert lon == pytest.approx(float(tick.text.split("°")[0]), abs=0.001)


def test_what_is_too_small_to_see_is_ringed() -> None:
    frame = framed(square(12.0, 51.5, 0.1))
    tiny = Shape(geometry=square(12.05, 51.55, 0.0001), entry="mine")
    legend = (Entry(key="mine", label="mine", colour=VERMILION),)

    paths = [one for one in draw_shapes(frame, [tiny], legend).items if isinstance(one, Path)]

    rings = [path for path in paths if path.fill is None]
    across = np.ptp([x for x, _ in rings[0].rings[0]])
    assert across == pytest.approx(2 * RING_MM, rel=0.02)


def test_holes_run_the_other_way_than_what_they_are_in() -> None:
    outer, inner = square(12.0, 51.5, 0.1), square(12.04, 51.54, 0.02)
    rings = [outer["coordinates"][0], inner["coordinates"][0]]
    frame = framed(outer)
    legend = (Entry(key="mine", label="mine", colour=VERMILION),)
    shape = Shape(geometry={"type": "Polygon", "coordinates": rings}, entry="mine")

    (path,) = draw_shapes(frame, [shape], legend).items

    assert isinstance(path, Path)
    first, second = (shapely.LinearRing(ring).is_ccw for ring in path.rings)
    assert first != second


def test_outlines_alone_are_dashes_on_white() -> None:
    frame = framed(square(12.0, 51.5, 0.1))
    legend = (Entry(key="aoi", label="area", colour=VERMILION, filled=False),)
    shape = Shape(geometry=square(12.0, 51.5, 0.1), entry="aoi")

    below, above = draw_shapes(frame, [shape], legend).items

    assert isinstance(below, Path)
    assert isinstance(above, Path)
    assert (below.stroke, below.fill, above.fill) == ((255, 255, 255), None, None)
    assert below.width > above.width
    assert above.dash > 0 == below.dash


def test_shapes_end_at_the_sheets_edge() -> None:
    frame = framed(bbox=(12.0, 51.5, 12.1, 51.6))
    legend = (Entry(key="mine", label="mine", colour=VERMILION),)
    wide = Shape(geometry=square(10.0, 50.0, 5.0), entry="mine")

    (path,) = draw_shapes(frame, [wide], legend).items

    assert isinstance(path, Path)
    points = np.array(path.rings[0])
    assert points.min(axis=0) == pytest.approx([0, 0], abs=0.01)
    assert points.max(axis=0) == pytest.approx([frame.width, frame.height], abs=0.01)


def test_numbers_never_lie_over_each_other_and_none_is_lost_uncounted() -> None:
    crowd = [
        Shape(geometry=square(12.0 + at * 0.0005, 51.5, 0.0004), entry="mine", label=f"{at}")
        for at in range(300)
    ]
    frame = framed(*(one.geometry for one in crowd))
    legend = (Entry(key="mine", label="mine", colour=VERMILION),)

    found = draw_shapes(frame, crowd, legend)

    labels = [one for one in found.items if isinstance(one, Label)]
    assert 300 == len(labels) + found.unlabelled
    assert {"0", "1", "2"} <= {one.text for one in labels}
    boxes = [shapely.box(one.x - 0.75, one.y - 2, one.x + 0.75, one.y) for one in labels]
    tree = shapely.STRtree(boxes)
    pairs = tree.query(boxes, predicate="overlaps")
    assert 0 == pairs.shape[1]


def test_a_class_map_is_seen_in_its_colours_and_named() -> None:
    red, green, blue = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    asked = Map(title="t", alt="a", classes=class_map(), class_colours=(red, green, blue))

    raster = next(one for one in drawn(asked).items if isinstance(one, Raster))
    pixels = _decoded(raster.jpeg)
    middle = pixels.shape[0] // 2

    assert pixels[middle, pixels.shape[1] // 3] == pytest.approx(red, abs=6)
    assert pixels[middle, pixels.shape[1] * 2 // 3] == pytest.approx(green, abs=6)
    assert [("forest", red), ("mine", green)] == [
        (one.label, one.colour) for one in legend_of(asked)
    ]


def test_what_a_class_map_does_not_know_is_paper() -> None:
    asked = Map(title="t", alt="a", classes=class_map(), class_colours=((200, 0, 0),) * 3)
    found = draw_map(asked, width=170.0, language="en", scenery=Scenery())
    assert found is not None
    raster = next(one for one in found.drawing.items if isinstance(one, Raster))
    pixels = _decoded(raster.jpeg)
    per_mm = pixels.shape[1] / found.frame.width
    # the unknown pixel is the first of six, 100 m wide, below the margin of 12 % of 600 m
    x = (0.12 * 600 + 50) / found.frame.scale * per_mm
    y = pixels.shape[0] / 2 - 150 / found.frame.scale * per_mm

    assert pixels[int(y), int(x)].min() > 230


def test_shapes_need_a_line_in_the_legend() -> None:
    with pytest.raises(InvalidRequest, match="expected shapes of its legend, came lake"):
        make_map(shapes=(Shape(geometry=square(0, 0, 1), entry="lake"),))


def test_colours_of_classes_are_as_many_as_names() -> None:
    with pytest.raises(InvalidRequest, match="expected 3 colours of classes, came 1"):
        Map(title="t", alt="a", classes=class_map(), class_colours=((1, 2, 3),))


def _decoded(jpeg: bytes) -> np.ndarray:  # type: ignore[type-arg]
    import io  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    return np.asarray(Image.open(io.BytesIO(jpeg)))
