"""Class maps, districts and tables say the same as the cells that they are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from landusing import AFTER, BEFORE, DAYS, LABELS, NAMES, ground, mapped, used
from madeground import collected

from satseek.errors import FolderNotFound, InvalidRequest
from satseek.export.areas import raster_area_by_class
from satseek.imagery.lattices import Lattice
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.labels.files import preset
from satseek.monitor.landuse.areas import areas_by_class
from satseek.monitor.landuse.districts import areas_by_district, make_districts, read_districts
from satseek.monitor.landuse.images import ImageLandUse
from satseek.monitor.landuse.maps import ClassMaps, colours_of
from satseek.monitor.landuse.tables import area_rows, change_rows, district_rows, image_rows
from satseek.monitor.landuse.writing import write_rows
from satseek.search.mapping import NO_CLASS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.monitor.landuse.landuse import LandUse

ODD = Lattice(crs="EPSG:32633", pixel_x=1.0, pixel_y=1.0, chip_px=150, stride_px=100)
"""No chip lies beside another."""

HALF = Lattice(crs="EPSG:32633", pixel_x=1.0, pixel_y=1.0, chip_px=200, stride_px=100)


def _rows(values: np.ndarray) -> list[str]:
    """Write a map as the ground is written: the southern row first."""
    shown = {NO_CLASS: "?"} | {at: name[0] for at, name in enumerate(NAMES)}
    return ["".join(shown[one] for one in row) for row in values[::-1].tolist()]


def test_maps_of_all_dates_lie_on_one_raster_a_pixel_a_cell(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        maps = ClassMaps.of(found)
        made = [maps.at(date) for date in range(4)]
    assert list(map(list, DAYS.values())) == [_rows(one.values) for one in made]
    assert 1 == len({(one.crs, one.transform) for one in made})
    assert NAMES == made[0].names


def test_areas_of_the_map_are_those_of_the_cells(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        maps = ClassMaps.of(found)
        for date, areas in enumerate(areas_by_class(found)):
            by_map = raster_area_by_class(maps.at(date))
            assert areas.tolist() == pytest.approx([by_map[name] for name in NAMES], rel=1e-4)


def test_where_chips_overlap_every_other_one_is_a_cell(tmp_path: Path) -> None:
    with collected(tmp_path, *ground({"2024-05-03": BEFORE}, lattice=HALF)) as index:
        found = mapped(index)
    made = ClassMaps.of(found).at(0)
    assert ["qqm", "qmm", "mmh"] == _rows(made.values)
    a, _, c, _, e, f = made.transform
    assert (200.0, -200.0, 5000 * 100, 52_000 * 100 + 600) == (a, e, c, f)
    assert pytest.approx(36, rel=0.01) == float(found.cell_ha.sum())


def test_where_no_chip_lies_beside_another_a_cell_is_the_middle_of_its_chip(tmp_path: Path) -> None:
    chips, vectors = ground({"2024-05-03": BEFORE}, lattice=ODD)
    with collected(tmp_path, chips, vectors) as index:
        found = mapped(index)
    made = ClassMaps.of(found).at(0)
    assert list(BEFORE) == _rows(made.values)
    outlines = outline_cells(found.cells)
    west, south, east, north = shapely.total_bounds(outlines)
    chip = chips[0].footprint
    assert chip is not None
    left = shapely.from_geojson(json.dumps(chip)).bounds[0]
    # a sixth of a chip inwards: 25 m of 150 m, some 72 km a degree there
    assert pytest.approx(25 / 72_000, rel=0.2) == west - left
    a, _, c, _, e, f = made.transform
    assert (100.0, -100.0) == (a, e)
    assert (5000 * 100 + 25, 52_000 * 100 + 625) == (c, f)
    assert pytest.approx(36, rel=0.01) == float(found.cell_ha.sum())
    assert 0 < east - west < north - south + 1


def test_labels_have_their_own_colours_or_the_palettes() -> None:
    planning = preset("planning")
    own = [label.colour for label in planning.labels]
    assert own == colours_of(planning, planning.plain)
    assert 3 == len(set(colours_of(LABELS, NAMES)))


def _strip(found: LandUse, share: float) -> shapely.Geometry:
    """The western part of the ground."""
    west, south, east, north = shapely.total_bounds(outline_cells(found.cells))
    return shapely.box(west - 1, south - 1, west + share * (east - west), north + 1)


def test_ground_is_shared_out_among_districts(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        west, everything = _strip(found, 0.5), _strip(found, 2)
        rest = everything.difference(west)
        districts, told = make_districts([("west", west), ("east", rest)], source="made")
        areas = areas_by_district(found, districts)
    assert () == told
    np.testing.assert_allclose(areas.hectares.sum(axis=0), areas_by_class(found), rtol=1e-4)
    halves = [["".join(row)[side] for row in AFTER] for side in (slice(3), slice(3, 6))]
    counts = [["".join(half).count(name[0]) for name in NAMES] for half in halves]
    assert counts[0] == pytest.approx(areas.hectares[0, 3].tolist(), abs=0.1)
    assert counts[1] == pytest.approx(areas.hectares[1, 3].tolist(), abs=0.1)
    assert areas.seen_share(0, 3) < 0.01


def test_districts_of_one_name_are_one_and_odd_ones_are_told() -> None:
    one, other = shapely.box(10, 50, 10.1, 50.1), shapely.box(10.1, 50, 10.2, 50.1)
    named = [("a", one), ("b", None), ("a", other), ("", shapely.Point(10, 50)), (" ", other)]
    districts, told = make_districts(named, source="villages")
    assert ["a", "row 5"] == [district.name for district in districts]
    assert pytest.approx(2 * districts[1].area_ha, rel=1e-6) == districts[0].area_ha
    assert ["villages: row 2 (b): no outline", "villages: row 4 (row 4): "] == [
        told[0],
        told[1][: len("villages: row 4 (row 4): ")],
    ]
    with pytest.raises(InvalidRequest, match="expected polygons of districts"):
        make_districts([("b", None)], source="villages")


@pytest.mark.parametrize("column", ["village", "name", "Gemarkung"])
def test_districts_are_read_by_the_column_of_their_names(tmp_path: Path, column: str) -> None:
    shape = shapely.geometry.mapping(shapely.box(10, 50, 10.1, 50.1))
    features = [{"type": "Feature", "properties": {column: "Auen"}, "geometry": shape}]
    path = tmp_path / "villages.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    asked = column if column == "Gemarkung" else None
    districts, _ = read_districts(path, column=asked)
    assert ["Auen"] == [one.name for one in districts]
    with pytest.raises(InvalidRequest, match=column):
        read_districts(path, column="elsewhere")
    with pytest.raises(FolderNotFound):
        read_districts(tmp_path / "none.geojson")


def test_districts_are_read_from_the_layer_that_is_named(tmp_path: Path) -> None:
    raw = pytest.importorskip("pyogrio", reason="pip install 'satseek[gis]'").raw
    path = tmp_path / "county.gpkg"
    outlines = np.array([shapely.to_wkb(shapely.box(10, 50, 10.1, 50.1))], dtype=object)
    for layer, called in (("towns", "Stadt"), ("villages", "Auen")):
        about = {"fields": ["name"], "crs": "EPSG:4326", "geometry_type": "Polygon"}
        named = [np.array([called], dtype=object)]
        raw.write(path, geometry=outlines, field_data=named, layer=layer, driver="GPKG", **about)
    for asked, name in (("towns", "Stadt"), ("villages", "Auen")):
        districts, _ = read_districts(path, layer=asked)
        assert [name] == [one.name for one in districts]
    with pytest.raises(InvalidRequest, match="nowhere"):
        read_districts(path, layer="nowhere")


def _column(rows: Sequence[Sequence[object]], at: int) -> list[object]:
    return [row[at] for row in rows]


def test_tables_have_a_row_for_everything(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        areas, changed = area_rows(found), change_rows(found)
        districts, _ = make_districts([("all", _strip(found, 2))], source="made")
        by_district = district_rows(areas_by_district(found, districts))
    assert ("date", "land_use", "area_ha", "share") == areas.head
    assert [date for date in found.dates for _ in NAMES] == _column(areas.rows, 0)
    assert list(NAMES) * 4 == _column(areas.rows, 1)
    assert {("2024-06", "2024-07", "meadow", "quarry")} == {
        row[:4] for row in changed.rows if row[2] != row[3] and row[0] == "2024-06"
    }
    assert 4 * len(NAMES) == len(by_district.rows)
    for table in (areas, changed, by_district):
        assert {len(table.head)} == {len(row) for row in table.rows}


def test_images_are_a_csv_as_others_have_it(tmp_path: Path) -> None:
    images = [ImageLandUse(image="a,b/1.tif", land_use="耕地", share=0.123456, date=None)]
    write_rows(image_rows(images), tmp_path / "images.csv")
    written = (tmp_path / "images.csv").read_text(encoding="utf-8")
    assert 'image,land_use,share,date\n"a,b/1.tif",耕地,0.1235,\n' == written
