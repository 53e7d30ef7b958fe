"""What scenes show of a tile: the right pixels at the right places, and never too much read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rasterio.enums import Resampling
from rasterio.transform import Affine

from satseek.errors import InvalidRequest, NotFound, UnreadableImage
from satseek.imagery import showing
from satseek.imagery.ground import between
from satseek.imagery.mosaics import PLAIN, Laid, Mosaic, Scenery, pixel_m
from satseek.imagery.recipes import recipe_named
from satseek.imagery.scenes import describe_scene
from satseek.imagery.tiles import Tile, tile_at

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MakeRaster
    from numpy.typing import NDArray

    from satseek.types import Scene

RECIPE = recipe_named("rgb8")
WGS84 = "EPSG:4326"


def _scene(path: Path) -> Scene:
    return describe_scene(path, root=path.parent)


def _ramp(height: int, width: int) -> NDArray[np.uint8]:
    """Red grows to the east and green with the rows."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 9)])


def _tile_over(scene: Scene, *, coarser: int = 0) -> Tile:
    box = Mosaic.of([scene]).bbox
    assert box is not None
    west, south, east, north = box
    size = pixel_m(scene)
    zoom = int(np.log2(156_543.0 * np.cos(np.radians((south + north) / 2)) / size)) - coarser
    return tile_at((west + east) / 2, (south + north) / 2, zoom)


def _expected(scene: Scene, tile: Tile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel of the scene under the middle of each pixel of a tile, by PROJ point by point."""
    view = tile.view()
    a, _, c, _, e, f = view.transform
    columns, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    assert scene.crs is not None
    xs, ys = between(view.crs, scene.crs, c + a * columns.ravel(), f + e * rows.ravel())
    own = ~Affine(*scene.transform)
    columns, rows = own.a * xs + own.b * ys + own.c, own.d * xs + own.e * ys + own.f
    return columns.reshape(256, 256), rows.reshape(256, 256)


PLACES: dict[str, dict[str, Any]] = {
    "zone": {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5.2e6)},
    "degrees": {"crs": WGS84, "transform": Affine(1e-4, 0, 15, 0, -1e-4, 47)},
    "turned": {
        "crs": "EPSG:32633",
        "transform": Affine.translation(5e5, 5.2e6) @ Affine.rotation(30) @ Affine.scale(10, -10),
    },
    "south up": {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, 10, 5.2e6)},
    "arctic": {"crs": "EPSG:3995", "transform": Affine(30, 0, 1e5, 0, -30, 1.2e6)},
    "beyond 180": {"crs": WGS84, "transform": Affine(1e-4, 0, 179.98, 0, -1e-4, 10)},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("coarser", [0, 2])
def test_pixels_lie_where_they_belong(make_raster: MakeRaster, place: str, coarser: int) -> None:
    path = make_raster("scene.tif", _ramp(400, 512).astype(np.uint8), **PLACES[place])
    scene = _scene(path)
    tile = _tile_over(scene, coarser=coarser)
    if place == "beyond 180":
        tile = tile_at(-179.995, 9.98, tile.z)
    shades = Scenery().draw_one(scene, tile.view(), recipe=RECIPE).astype(np.float64)
    columns, rows = _expected(scene, tile)
    if place == "beyond 180":
        columns = np.where(columns < 0, columns + 360 / 1e-4, columns)
    inside = (columns > 2) & (columns < 510) & (rows > 2) & (rows < 398)
    assert inside.sum() > 1000
    assert (shades[..., 3][inside] == 255).all()
    # a grey level is two pixels; reduced pixels are averages over up to four
    assert np.abs(shades[..., 0] - columns * 255 / 512)[inside].max() < 3
    assert np.abs(shades[..., 1] - rows * 255 / 400)[inside].max() < 3
    outside = (columns < -4) | (columns > 516) | (rows < -4) | (rows > 404)
    assert not shades[..., 3][outside].any()


def test_the_newest_is_on_top_and_gaps_show_what_lies_below(make_raster: MakeRaster) -> None:
    old = np.full((3, 256, 256), 40, np.uint8)
    new = np.full((3, 256, 256), 200, np.uint8)
    mask = np.full((256, 256), 255, np.uint8)
    mask[:, :128] = 0
    paths = [
        make_raster("2020-01-01.tif", old),
        make_raster("2024-01-01.tif", new, mask=mask),
        make_raster("undated.tif", np.full((3, 256, 256), 90, np.uint8)),
    ]
    mosaic = Mosaic.of(_scene(path) for path in paths)
    assert ["2024-01-01.tif", "2020-01-01.tif", "undated.tif"] == [
        laid.scene.id for laid in mosaic.scenes
    ]
    tile = _tile_over(mosaic.scenes[0].scene)
    drawn = Scenery().draw(mosaic.touching(tile.bbox()), tile.view(), recipe=RECIPE)
    assert 0 == drawn.failed
    shown = drawn.shades[drawn.shades[..., 3] > 0]
    assert {40, 200} == set(np.unique(shown[:, 0]))


def test_only_scenes_that_touch_a_tile_are_drawn(make_raster: MakeRaster) -> None:
    near = make_raster("near.tif", np.zeros((3, 64, 64), np.uint8))
    far = make_raster(
        "far.tif", np.zeros((3, 64, 64), np.uint8), transform=Affine(10, 0, 4e5, 0, -10, 5.1e6)
    )
    plain = make_raster("plain.tif", np.zeros((3, 64, 64), np.uint8), crs=None, transform=None)
    mosaic = Mosaic.of(_scene(path) for path in (near, far, plain))
    assert 2 == len(mosaic.scenes)
    touching = mosaic.touching(_tile_over(_scene(near)).bbox())
    assert ["near.tif"] == [laid.scene.id for laid in touching]


def test_without_overviews_a_preview_is_made_once_and_then_kept(
    make_raster: MakeRaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_raster("large.tif", _ramp(2048, 2048).astype(np.uint8), tiled=True)
    scene, scenery = _scene(path), Scenery()
    monkeypatch.setattr(showing, "READ_PIXELS", 300_000)
    made = []
    original = showing.preview

    def counted(*things: Any, **named: Any) -> Any:
        made.append(things)
        return original(*things, **named)

    monkeypatch.setattr("satseek.imagery.mosaics.preview", counted)
    tile = _tile_over(scene, coarser=4)
    first = scenery.draw_one(scene, tile.view(), recipe=RECIPE)
    again = scenery.draw_one(scene, tile.view(), recipe=RECIPE)
    assert 1 == len(made)
    assert np.array_equal(first, again)
    columns, rows = _expected(scene, tile)
    inside = (columns > 40) & (columns < 2000) & (rows > 40) & (rows < 2000)
    assert np.abs(first[..., 0] - columns * 255 / 2048)[inside].max() < 3


def test_what_would_take_too_long_is_plain_or_refused(
    make_raster: MakeRaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = _scene(make_raster("large.tif", _ramp(1024, 1024).astype(np.uint8)))
    monkeypatch.setattr(showing, "READ_PIXELS", 10_000)
    monkeypatch.setattr(showing, "PREVIEW_PIXELS", 10_000)
    view = _tile_over(scene, coarser=3).view()
    drawn = Scenery().draw([Laid.of(scene)], view, recipe=RECIPE)
    assert {PLAIN, (0, 0, 0, 0)} == {tuple(one) for one in drawn.shades.reshape(-1, 4).tolist()}
    with pytest.raises(InvalidRequest, match=r"^large\.tif: too coarse, as its 1024 x 1024"):
        Scenery().draw_one(scene, view, recipe=RECIPE)


def test_overviews_are_read_instead(
    make_raster: MakeRaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rasterio  # noqa: PLC0415

    path = make_raster("large.tif", _ramp(1024, 1024).astype(np.uint8), tiled=True)
    with rasterio.open(path, "r+") as raster:
        raster.build_overviews([2, 4, 8], Resampling.average)
    scene = _scene(path)
    monkeypatch.setattr(showing, "READ_PIXELS", 40_000)
    monkeypatch.setattr(showing, "PREVIEW_PIXELS", 10_000)
    shades = Scenery().draw_one(scene, _tile_over(scene, coarser=3).view(), recipe=RECIPE)
    assert shades[..., 3].any()


def test_a_replaced_file_is_no_longer_what_was_indexed(make_raster: MakeRaster) -> None:
    path = make_raster("scene.tif", _ramp(256, 256).astype(np.uint8))
    scene, scenery = _scene(path), Scenery()
    view = _tile_over(scene).view()
    assert scenery.draw_one(scene, view, recipe=RECIPE).any()
    make_raster("scene.tif", _ramp(256, 300).astype(np.uint8))
    with pytest.raises(UnreadableImage, match="changed since it was indexed"):
        scenery.draw_one(scene, view, recipe=RECIPE)
    path.unlink()
    drawn = scenery.draw([Laid.of(scene)], view, recipe=RECIPE)
    assert 1 == drawn.failed


def test_what_has_no_place_lies_on_no_map(make_raster: MakeRaster) -> None:
    path = make_raster("plain.tif", _ramp(64, 64).astype(np.uint8), crs=None, transform=None)
    with pytest.raises(NotFound, match="lies on no map"):
        Scenery().draw_one(_scene(path), Tile(z=0, x=0, y=0).view(), recipe=RECIPE)


def test_classes_are_never_mixed(make_raster: MakeRaster) -> None:
    classes = np.random.default_rng(3).integers(0, 3, (1, 256, 256), np.uint8)
    palette = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)}
    scene = _scene(make_raster("classes.tif", classes, palette=palette))
    tile = _tile_over(scene, coarser=1)
    shades = Scenery().draw_one(scene, tile.view(), recipe=recipe_named("auto"))
    assert set(palette.values()) | {(0, 0, 0, 0)} == {
        tuple(one) for one in shades.reshape(-1, 4).tolist()
    }


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # theirs
def test_a_reader_of_cogs_shows_the_same(make_raster: MakeRaster) -> None:
    """rio-tiler, unmodified, as the second opinion: the same pixels within interpolation."""
    reason = "rio-tiler is not on this machine: pip install rio-tiler"
    io = pytest.importorskip("rio_tiler.io", reason=reason)
    noise = np.random.default_rng(4).integers(0, 255, (3, 32, 32)).repeat(16, 1).repeat(16, 2)
    path = make_raster("scene.tif", noise.astype(np.uint8), tiled=True)
    scene = _scene(path)
    tile = _tile_over(scene)
    with io.Reader(str(path)) as reader:
        theirs = reader.tile(tile.x, tile.y, tile.z, reproject_method="bilinear")
    ours = Scenery().draw_one(scene, tile.view(), recipe=RECIPE)
    both = (theirs.mask > 0) & (ours[..., 3] > 0)
    assert both.sum() > 0.99 * (ours[..., 3] > 0).sum()
    apart = np.abs(np.moveaxis(theirs.data, 0, 2).astype(int) - ours[..., :3].astype(int))[both]
    assert apart.mean() < 1.5


def test_the_date_orders_and_not_the_name() -> None:
    moments = [datetime(2020, 1, 1, tzinfo=UTC), None, datetime(2024, 1, 1, tzinfo=UTC)]
    made = [_made(f"{at}.tif", moment) for at, moment in enumerate(moments)]
    assert ["2.tif", "0.tif", "1.tif"] == [laid.scene.id for laid in Mosaic.of(made).scenes]


def _made(name: str, moment: datetime | None) -> Scene:
    from satseek.types import Scene  # noqa: PLC0415

    return Scene(
        id=name,
        path=f"/{name}",
        width=10,
        height=10,
        bands=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=(10, 0, 5e5, 0, -10, 5.2e6),
        nodata=None,
        datetime=moment,
        digest=name,
    )
