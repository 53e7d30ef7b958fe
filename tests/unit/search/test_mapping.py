"""Maps of queries and labels: each cell has the value that a search or a classification gives."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import EmptyText, InvalidRequest
from satseek.imagery.grid import Lattice
from satseek.imagery.ground import footprints
from satseek.imagery.recipes import recipe_named
from satseek.imagery.tiles import tile_at
from satseek.imagery.views import View
from satseek.index import CollectionSpec, create_collection
from satseek.search.classifying import classify_vectors
from satseek.search.mapping import NO_CLASS, class_map, heat_map
from satseek.search.mapping_cells import Layer, _ground, keys_of, place
from satseek.search.mapping_colours import class_shades, heat_shades
from satseek.search.mapping_outlines import Outlines
from satseek.search.mapping_values import Maps, heat_cells
from satseek.search.searching import search
from satseek.types import Chip, Filter, GridSpec, Query, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.index.pinned import Pinned

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
LABELS = ("harbour", "quarry", "forest")
TIE = 50 / 16 + 1e-3
"""Percentile points: a chip that is part of the background lies above or below itself, as rounding
has it; the background here is 16 chips or more."""

DAYS = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))


def _lattice(*, crs: str = "EPSG:32633", stride: int = 100) -> Lattice:
    return Lattice(crs=crs, pixel_x=1.0, pixel_y=1.0, chip_px=100, stride_px=stride)


def _chip(i: int, j: int, lattice: Lattice, *, day: int = 0, scene: str = "s") -> Chip:
    left, top = i * lattice.stride_px, j * lattice.stride_px + lattice.chip_px
    window = Window(column=0, row=0, width=100, height=100)
    (outline,) = footprints(lattice.crs, (1, 0, left, 0, -1, top), [window])
    name = lattice.cell(i, j)
    return Chip(
        id=f"{scene}{day}/{name}",
        scene_id=f"{scene}{day}",
        cell=name,
        scene_path="/s.tif",
        window=window,
        footprint=outline,
        datetime=DAYS[day],
        valid_fraction=1.0,
    )


def _vectors(count: int, *, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, CARD.dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@contextmanager
def _indexed(
    folder: Path, chips: Sequence[Chip], *, levels: tuple[int, ...] = (1,)
) -> Iterator[Pinned]:
    spec = CollectionSpec(
        name="c",
        model_name=CARD.name,
        model_version=CARD.version,
        dim=CARD.dim,
        recipe=recipe_named("auto"),
        grid=GridSpec(crs=None, chip_px=100, stride_px=100, pixel_size=None, levels=levels),
        min_valid=0.5,
    )
    with create_collection(folder / "c", spec) as collection:
        collection.add(chips, _vectors(len(chips)))
        with collection.pinned() as index:
            yield index


def _block(size: int = 4, **more: int) -> list[Chip]:
    lattice = _lattice()
    return [_chip(5000 + i, 52000 + j, lattice, **more) for j in range(size) for i in range(size)]


def test_each_cell_has_the_percentile_of_its_hit(tmp_path: Path) -> None:
    with _indexed(tmp_path, _block()) as index:
        query = Query(text="a harbour", k=16)
        ground = heat_map(query, index=index, embedder=EMBEDDER)
        hits = search(query, index=index, embedder=EMBEDDER).hits
    assert ((4, 4), "EPSG:32633") == (ground.values.shape, ground.crs)
    assert (100, 0, 500_000, 0, -100, 5_200_400) == ground.transform
    for hit in hits:
        i, j = (int(part) for part in hit.chip.cell.rpartition("_x")[2].split("y"))
        value = ground.values[52003 - j, i - 5000]
        assert hit.scores["percentile"] == pytest.approx(value, abs=TIE)


def test_the_best_date_counts_for_heat_and_the_newest_for_classes(tmp_path: Path) -> None:
    with _indexed(tmp_path, [*_block(), *_block(day=1)]) as index:
        query = Query(text="a harbour", k=32)
        ground = heat_map(query, index=index, embedder=EMBEDDER)
        classes = class_map(LABELS, index=index, embedder=EMBEDDER)
        hits = search(query, index=index, embedder=EMBEDDER).hits
        best: dict[str, float] = {}
        for hit in hits:
            best.setdefault(hit.chip.cell, hit.scores["percentile"])
        newest = index.chips(range(16, 32))
        told = classify_vectors(index.vectors(range(16, 32)), LABELS, embedder=EMBEDDER)
    for chip, one in zip(newest, told, strict=True):
        i, j = (int(part) for part in chip.cell.rpartition("_x")[2].split("y"))
        assert best[chip.cell] == pytest.approx(ground.values[52003 - j, i - 5000], abs=TIE)
        assert one.best.label == classes.names[classes.values[52003 - j, i - 5000]]


def test_a_filter_leaves_the_others_unknown(tmp_path: Path) -> None:
    chips = [*_block(2), _chip(5005, 52000, _lattice(), day=1)]
    with _indexed(tmp_path, chips) as index:
        where = Filter(end=DAYS[0])
        ground = heat_map(Query(text="sea", where=where), index=index, embedder=EMBEDDER)
        classes = class_map(LABELS, index=index, embedder=EMBEDDER)
    assert (2, 2) == ground.values.shape
    assert (2, 6) == classes.values.shape
    assert [False, True] == [bool(known) for known in classes.known[1, 4:]]
    assert NO_CLASS == classes.values[0, 5]


def test_where_chips_overlap_their_mean_counts(tmp_path: Path) -> None:
    lattice = _lattice(stride=50)
    chips = [_chip(10000 + i, 104000, lattice, scene=str(i)) for i in range(3)]
    with _indexed(tmp_path, chips) as index:
        ground = heat_map(Query(text="sea"), index=index, embedder=EMBEDDER)
        alone = [
            heat_map(
                Query(text="sea", where=Filter(scene_ids=(chip.scene_id,))),
                index=index,
                embedder=EMBEDDER,
            ).values
            for chip in chips
        ]
    a, b, c = (float(values[0, 0]) for values in alone)
    assert 3 == len({a, b, c})
    for line in ground.values:
        assert [a, (a + b) / 2, (b + c) / 2, c] == pytest.approx(line.tolist(), abs=1e-3)
    assert (50, -50) == (ground.transform[0], ground.transform[4])


def test_only_the_smallest_chips_are_mapped_unless_others_are_asked_for(tmp_path: Path) -> None:
    large = Lattice(crs="EPSG:32633", pixel_x=1.0, pixel_y=1.0, chip_px=100, stride_px=100, level=2)
    name = large.cell(2500, 26000)
    whole = Window(column=0, row=0, width=200, height=200)
    (outline,) = footprints("EPSG:32633", (1, 0, 500_000, 0, -1, 5_200_200), [whole])
    chip = Chip(
        id=f"s/{name}",
        scene_id="s",
        cell=name,
        scene_path="/s.tif",
        window=whole,
        footprint=outline,
        datetime=None,
        valid_fraction=1.0,
        level=2,
    )
    with _indexed(tmp_path, [*_block(2), chip], levels=(1, 2)) as index:
        small = heat_map(Query(text="sea"), index=index, embedder=EMBEDDER)
        where = Filter(levels=(2,))
        big = heat_map(Query(text="sea", where=where), index=index, embedder=EMBEDDER)
    assert [(2, 2), (1, 1)] == [small.values.shape, big.values.shape]
    assert (200, 0, 500_000, 0, -200, 5_200_200) == big.transform


def test_lattices_of_two_zones_make_one_map(tmp_path: Path) -> None:
    here, there = _lattice(), _lattice(crs="EPSG:32632")
    # the same place in both zones: 12 degrees east, 47 north, about
    chips = [_chip(2722 + i, 52090 + j, here) for i in range(3) for j in range(3)]
    chips += [_chip(7277 + i, 52090 + j, there, scene="t") for i in range(2) for j in range(2)]
    with _indexed(tmp_path, chips) as index:
        ground = heat_map(Query(text="sea"), index=index, embedder=EMBEDDER)
    assert "EPSG:32633" == ground.crs
    assert 9 < int(ground.known.sum()) < 30
    assert ground.values.shape[0] < 50


def test_what_lies_on_no_grid_has_no_file_but_tiles(tmp_path: Path) -> None:
    corners = [[15.0, 47.0], [15.01, 47.0], [15.01, 47.01], [15.0, 47.01], [15.0, 47.0]]
    chip = Chip(
        id="whole",
        scene_id="w",
        cell="epsg32633_1_120x120_at_x500000y5200000",
        scene_path="/w.tif",
        window=Window(column=0, row=0, width=120, height=120),
        footprint={"type": "Polygon", "coordinates": [corners]},
        datetime=None,
        valid_fraction=1.0,
    )
    with _indexed(tmp_path, [chip]) as index:
        with pytest.raises(InvalidRequest, match="whole images on no common grid"):
            heat_map(Query(text="sea"), index=index, embedder=EMBEDDER)
        cells = heat_cells(Query(text="sea"), index=index, embedder=EMBEDDER)
    view = tile_at(15.005, 47.005, 14).view()
    values = cells.fill(view)
    lons, lats = view.positions("EPSG:4326")
    inside = (lons > 15) & (lons < 15.01) & (lats > 47) & (lats < 47.01)
    assert (np.isfinite(values) != inside).mean() < 0.02
    assert 50 == np.nanmax(values)  # the only chip: half of the background is itself


@pytest.mark.parametrize(
    ("labels", "kind", "said"),
    [
        ((), EmptyText, "at least one label"),
        (("a", " "), EmptyText, "no empty ones"),
        (("sea", "Sea"), InvalidRequest, "labels must differ"),
        (tuple(f"label {at}" for at in range(101)), InvalidRequest, "at most 100 labels"),
    ],
)
def test_labels_that_cannot_be_are_refused(
    tmp_path: Path, labels: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    with _indexed(tmp_path, _block(1)) as index, pytest.raises(kind, match=said):
        class_map(labels, index=index, embedder=EMBEDDER)


def test_no_chip_no_map(tmp_path: Path) -> None:
    with _indexed(tmp_path, _block(1)) as index:
        where = Filter(start=DAYS[1])
        with pytest.raises(InvalidRequest, match="lie on no ground"):
            heat_map(Query(text="sea", where=where), index=index, embedder=EMBEDDER)


def test_a_map_is_made_once_for_a_generation(tmp_path: Path) -> None:
    maps, query, calls = Maps(), Query(text="sea"), []
    with _indexed(tmp_path, _block()) as index:

        def make(table: object) -> object:
            calls.append(table)
            return heat_cells(query, index=index, embedder=EMBEDDER, table=table)  # type: ignore[arg-type]

        first = maps.made("sea", make, index=index)  # type: ignore[arg-type]
        assert first is maps.made("sea", make, index=index)  # type: ignore[arg-type]
        assert first is not maps.made("land", make, index=index)  # type: ignore[arg-type]
    assert 2 == len(calls)
    assert calls[0] is calls[1]


def test_a_pixel_of_many_cells_shows_their_mean_or_most_frequent_class() -> None:
    placed = place([_lattice().cell(i, j) for j in range(4) for i in range(4)])
    (lattice,) = placed.lattices
    order = np.argsort(lattice.keys)
    view = View(crs="EPSG:32633", transform=(200, 0, 0, 0, -200, 400), width=2, height=2)
    scores = Layer(lattice.ground, lattice.keys[order], np.arange(16, dtype=np.float32))
    assert [[10.5, 12.5], [2.5, 4.5]] == scores.fill(view, classes=None).tolist()
    classes = np.array([0, 0, 1, 1, 0, 2, 1, 2] * 2, dtype=np.float32)
    named = Layer(lattice.ground, lattice.keys[order], classes)
    assert [[0, 1], [0, 1]] == named.fill(view, classes=3).tolist()


def test_a_cell_is_found_by_its_name_or_by_its_outline() -> None:
    names = ["epsg32633_1_100_x-3y-4", "px_100_x0y0", "crs12_1_100_x0y0", "px_whole"]
    placed = place(names)
    assert [1, 2, 3] == placed.others.tolist()
    (lattice,) = placed.lattices
    assert [keys_of(np.array([-3]), np.array([-4]))[0]] == lattice.keys.tolist()
    assert (0, 0, 100) == (lattice.ground.left, lattice.ground.bottom, lattice.ground.step_x)
    assert 1 == lattice.ground.reach
    overlapping = _ground("epsg32633_1_100s25_x", "")
    assert overlapping is not None
    assert (25, 4) == (overlapping.step_x, overlapping.reach)


def test_the_topmost_outline_counts() -> None:
    squares = [
        {"type": "Polygon", "coordinates": [[[a, 0], [b, 0], [b, 4], [a, 4], [a, 0]]]}
        for a, b in ((0, 3), (2, 5))
    ]
    outlines = Outlines([*squares, None], [1.0, 2.0, 3.0])
    view = View(crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 5), width=6, height=5)
    line = outlines.fill(view)[2]
    assert [1, 1, 2, 2, 2] == line[:5].tolist()
    assert np.isnan(line[5])
    assert np.isnan(outlines.fill(view)[0]).all()


def test_colours_tell_nothing_where_nothing_is_known() -> None:
    values = np.array([[np.nan, 0, 49.9, 50, 95, 99.99, 100]], dtype=np.float32)
    shades = heat_shades(values)[0]
    assert [0, 0, 0, 0] == shades[:4, 3].tolist()
    assert (253, 141, 60, 180) == tuple(shades[4].tolist())
    assert (128, 0, 38, 235) == tuple(shades[6].tolist())
    names = ("sea", "land", "none of these")
    classes = class_shades(np.array([[np.nan, 0, 1, 2]], dtype=np.float32), names)[0]
    assert [0, 190, 190, 0] == classes[:, 3].tolist()
    many = class_shades(np.arange(100, dtype=np.float32)[None], [str(at) for at in range(100)])[0]
    assert 100 == len({tuple(colour) for colour in many.tolist()})
