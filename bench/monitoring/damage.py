"""How near to the truth is the affected share of a parcel, and does a cloud say so?

The fields of the made-up county are the parcels: what of each is flooded is known. Measured by edge
and step of chips, with imagery of both moments and of the one after alone: the mean absolute error
of the affected share, how many parcels were judged, and how the lights fall. Then a white cloud is
painted over part of the imagery after, as pixels and as nodata: parcels under it must be told to
have insufficient evidence. On real imagery of ../shared/data, with squares of ground as parcels: a
tornado whose imagery before and after comes in two CRSs, and a flood with a mask of what changed.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
from rasterio.warp import transform
from rasterio.windows import Window

from satseek.assemble import Assembly
from satseek.assemble.assessing import assessment_of, tools_of
from satseek.imagery.county import read_manifest, read_truth, truth_shares
from satseek.imagery.county.plan import draw_plan
from satseek.imagery.county.writing import CRS, ORIGIN_M
from satseek.imagery.ground import between
from satseek.imagery.reach import Reach
from satseek.monitor.damage.asking import Said, order_of
from satseek.monitor.damage.imagery import candidates_of, fitting_grid, scenes_of
from satseek.monitor.damage.running import run_assessment
from satseek.monitor.damage.tables import LIGHTS
from satseek.search.demonstrating import county_at
from satseek.search.indexing import index_scenes
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.monitor.damage.assessment import Assessment

SHARED = Path(__file__).parents[3] / "shared" / "data"
COUNTY_PX = 4096
CHOSEN_ON = (0, 5, 6)
"""Counties among those that ways of deciding were chosen on."""
SEEDS = (*CHOSEN_ON, 28, 29, 30)
"""None of them is a county that the shipped model was trained on."""
LAYOUTS = ((128, 128), (128, 64), (96, 48), (64, 64), (64, 32))
"""Edge and step of chips, in pixels of a metre."""
AROUND_M = 500
"""Fields so far from the flood are parcels, too: dry ones."""
LEAST_HA = 0.5
CLOUD = 0.7
"""Share of a parcel under the cloud from which it must not be judged."""
FLOOD_EDGE_M = 100
FLOOD_CHIP_PX = 16
"""Of a scene of 39 x 32 pixels of 10 m."""
FLOOD_CLEAR = ("2017-09-21", "2017-10-11")
FLOOD_MASKED = ("2017-10-11", "2017-10-18")
FLOOD_CLOUD = 3
"""What the series' segmentation calls cloud: the class of its pixels whose QA60 says opaque."""
MADE_AT = datetime(2025, 9, 1, tzinfo=UTC)


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ground", type=Path, help="where the counties are, or are made")
    parser.add_argument(
        "--usual", action="store_true", help="only by the chips that a command takes"
    )
    asked = parser.parse_args()
    layouts = ((None, None),) if asked.usual else (*LAYOUTS, (None, None))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ground = asked.ground or home / "county"
        figures = {
            "chosen_on": [f"seed {seed}" for seed in CHOSEN_ON],
            "counties": {
                f"seed {seed}": county(ground / str(seed), home / str(seed), layouts, seed=seed)
                for seed in SEEDS
            },
            "clouds": clouds(ground / str(SEEDS[0]), home / "cloudy"),
            "tornado_pairs": tornado_pairs(home / "tornado"),
            "flood_series": flood_series(home / "flood"),
        }
    print(json.dumps(figures))


def county(
    ground: Path, home: Path, layouts: Iterable[tuple[int | None, int | None]], *, seed: int
) -> dict[str, Any]:
    """Hold affected shares against the truth, by chip and by moments, however small a field."""
    county_at(ground, seed=seed, size=COUNTY_PX)
    parcels, truth = fields_of(ground, home)
    found = {}
    for chip, stride in layouts:
        for mode in ("paired", "mono"):
            name = f"c{chip}s{stride}" if chip else "usual"
            said = Said(
                parcels=str(parcels),
                before="2024" if mode == "paired" else None,
                after="2025",
                name=name,
                least_cells=0.0,
            )
            indexed(ground / "scenes", home, said, chip, stride)
            chips = f"{chip}/{stride}" if chip else "usual"
            found[f"{mode} {chips}"] = against(assessed(said, home), truth)
    return {"parcels": len(truth), "flooded": sum(one > 0.1 for one in truth.values())} | found


def clouds(ground: Path, home: Path) -> dict[str, Any]:
    """Lay a cloud over half of the flood, as white pixels and as nodata."""
    parcels, truth = fields_of(ground, home)
    found = {}
    for kind in ("white", "nodata"):
        scenes = home / kind
        scenes.mkdir(parents=True)
        box = cloud_box(ground)
        for scene in cropped(ground, home).glob("*.tif"):
            copied = scenes / scene.name
            shutil.copy(scene, copied)
            if "_2025-" in scene.name:
                overcast(scene, copied, box, kind)
        said = Said(parcels=str(parcels), before="2024", after="2025", name=kind)
        indexed(scenes, home, said, 128, 64)
        found[kind] = covered(assessed(said, home), truth, box)
    return found


def cropped(ground: Path, home: Path) -> Path:
    """Cut the parcels' ground out of all scenes: what lies far off would only take time."""
    folder = home / "cropped"
    if folder.is_dir():
        return folder
    folder.mkdir(parents=True)
    manifest = read_manifest(ground)
    plan = draw_plan(manifest.seed, manifest.width, manifest.height)
    left, top, right, bottom = plan.flood.buffer(1.5 * AROUND_M).bounds
    west, north = ORIGIN_M[0] + left, ORIGIN_M[1] - top
    for path in sorted((ground / "scenes").glob("*.tif")):
        with rasterio.open(path) as scene:
            window = scene.window(west, north - (bottom - top), west + right - left, north)
            column, row = max(round(window.col_off), 0), max(round(window.row_off), 0)
            width = min(round(window.col_off + window.width), scene.width) - column
            height = min(round(window.row_off + window.height), scene.height) - row
            if min(width, height) <= 0:
                continue
            part = Window(column, row, width, height)
            write(
                folder / path.name,
                scene.read(window=part),
                scene.dataset_mask(window=part),
                crs=scene.crs,
                transform=scene.window_transform(part),
                taken=scene.tags()["TIFFTAG_DATETIME"],
            )
    return folder


def write(
    path: Path, pixels: np.ndarray, mask: np.ndarray, *, crs: Any, transform: Any, taken: str
) -> None:
    """Write a scene with its mask and date."""
    _, height, width = pixels.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            compress="deflate",
            tiled=True,
            count=3,
            dtype="uint8",
            width=width,
            height=height,
            crs=crs,
            transform=transform,
        ) as target,
    ):
        target.write(pixels)
        target.write_mask(mask)
        target.update_tags(TIFFTAG_DATETIME=taken)


def fields_of(ground: Path, home: Path) -> tuple[Path, dict[str, float]]:
    """Write the fields around the flood as parcels; give the flooded share of each."""
    home.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(ground)
    plan = draw_plan(manifest.seed, manifest.width, manifest.height)
    first, last = (read_truth(ground / manifest.truth[day]) for day in manifest.dates)
    near = plan.flood.buffer(AROUND_M)
    features, shares = [], {}
    for number, field in enumerate(plan.fields):
        if not field.intersects(near) or field.area < LEAST_HA * 1e4:
            continue
        outline = json.loads(shapely.to_geojson(shapely.transform(field, to_degrees)))
        was = truth_shares(first, outline)
        if was.get("farmland", 0) < 0.95:  # built over, or partly river
            continue
        name = f"F-{number}"
        shares[name] = truth_shares(last, outline).get("flooded_fields", 0.0)
        properties = {"policy_id": name, "crop": "", "village": "Au"}
        features.append({"type": "Feature", "properties": properties, "geometry": outline})
    path = home / "parcels.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path, shares


def to_degrees(points: np.ndarray) -> np.ndarray:
    """Bring pixels of the county to degrees."""
    lons, lats = between(CRS, "EPSG:4326", ORIGIN_M[0] + points[:, 0], ORIGIN_M[1] - points[:, 1])
    return np.column_stack([lons, lats])


def indexed(scenes: Path, home: Path, said: Said, chip: int | None, stride: int | None) -> None:
    """Index both dates into the collection of an assessment, as its command would."""
    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        if said.into() in parts.collections():
            return
        reach, order = Reach(), order_of(said, folder=home)
        grid = fitting_grid(
            scenes_of(str(scenes), reach=reach),
            order.parcels.parcels,
            chip_px=chip,
            stride_px=stride,
        )
        with tools_of(parts).writer(said.into(), grid) as collection:
            index_scenes(
                candidates_of(str(scenes), reach=reach),
                collection=collection,
                embedder=parts.bulk_embedder,
                batch=parts.batch,
                workers=parts.workers,
            )


def assessed(said: Said, home: Path) -> Assessment:
    """Assess without writing anything."""
    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        order = order_of(said, folder=home)
        return run_assessment(order, tools=tools_of(parts)).assessment


def against(found: Assessment, truth: dict[str, float]) -> dict[str, Any]:
    """Compare affected shares with the truth."""
    judged = [one for one in found.damages if one.light != "insufficient evidence"]
    off = [abs((one.affected_share or 0) - truth[one.parcel.id]) for one in judged]
    wet = [d for d, one in zip(off, judged, strict=True) if truth[one.parcel.id] > 0.1]
    dry = [d for d, one in zip(off, judged, strict=True) if truth[one.parcel.id] <= 0.1]
    alarms = [one for one in judged if one.light == "red" and truth[one.parcel.id] < 0.05]
    missed = [one for one in judged if one.light == "green" and truth[one.parcel.id] > 0.3]
    return {
        "judged": len(judged),
        "flooded": len(wet),
        "mean_absolute_error": mean(off),
        "of_flooded": mean(wet),
        "of_dry": mean(dry),
        "red_though_dry": len(alarms),
        "green_though_flooded": len(missed),
        "shift": round(found.shift, 3),
    }


def covered(
    found: Assessment, truth: dict[str, float], box: tuple[float, float, float, float]
) -> dict[str, Any]:
    """Count what was said of parcels under the cloud and beside it."""
    west, south, east, north = box
    xs, ys = transform(CRS, "EPSG:4326", [west, west, east, east], [south, north, north, south])
    sky = shapely.Polygon(list(zip(xs, ys, strict=True)))
    under = [
        one
        for one in found.damages
        if one.parcel.shape.intersection(sky).area > CLOUD * one.parcel.shape.area
    ]
    beside = [one for one in found.damages if not one.parcel.shape.intersects(sky)]
    unseen = sum("not seen" in one.lacks for one in under)
    wrongly = sum("not seen" in one.lacks for one in beside)
    return {
        "under": len(under),
        "not_seen": unseen,
        "beside": len(beside),
        "beside_not_seen": wrongly,
        "mean_absolute_error_beside": against_only(beside, truth),
    }


def against_only(damages: Iterable[Any], truth: dict[str, float]) -> float | None:
    """Give the mean absolute error of parcels that were judged."""
    judged = [one for one in damages if one.light != "insufficient evidence"]
    return mean([abs((one.affected_share or 0) - truth[one.parcel.id]) for one in judged])


def cloud_box(ground: Path) -> tuple[float, float, float, float]:
    """Lay a cloud over the northern half of the flood: west, south, east, north in metres."""
    manifest = read_manifest(ground)
    plan = draw_plan(manifest.seed, manifest.width, manifest.height)
    left, top, right, bottom = plan.flood.bounds
    middle = (top + bottom) / 2
    west, east = ORIGIN_M[0] + left, ORIGIN_M[0] + right
    return west, ORIGIN_M[1] - middle, east, ORIGIN_M[1] - top


def overcast(scene: Path, copied: Path, box: tuple[float, float, float, float], kind: str) -> None:
    """Paint a cloud: white with soft bulges, or nothing measured."""
    with rasterio.open(scene) as source:
        pixels, mask = source.read(), source.dataset_mask()
        crs, place, taken = source.crs, source.transform, source.tags()["TIFFTAG_DATETIME"]
        window = source.window(*box)
    row, column = max(round(window.row_off), 0), max(round(window.col_off), 0)
    rows = slice(row, max(round(window.row_off + window.height), 0))
    columns = slice(column, max(round(window.col_off + window.width), 0))
    shape = pixels[0, rows, columns].shape
    if not all(shape):
        return
    if kind == "nodata":
        mask[rows, columns] = 0
        pixels[:, rows, columns] = 0
    else:
        y, x = np.mgrid[: shape[0], : shape[1]]
        bulges = 235 + 14 * np.sin(x / 61) * np.cos(y / 47) + 6 * np.sin(x / 17 + y / 23)
        pixels[:, rows, columns] = np.clip(bulges, 0, 255).astype(np.uint8)
    copied.unlink()
    write(copied, pixels, mask, crs=crs, transform=place, taken=taken)


def tornado_pairs(home: Path) -> dict[str, Any]:
    """Assess squares of ground on real imagery whose two moments lie in two CRSs."""
    source = SHARED / "tornado_pairs"
    if not source.is_dir():
        return {}
    home.mkdir(parents=True)
    parcels = home / "parcels.geojson"
    parcels.write_text(json.dumps(squares(sorted((source / "post").glob("*.tif")), edge_m=60)))
    said = Said(
        parcels=str(parcels),
        before=str(source / "pre"),
        after=str(source / "post"),
        hazard="wind",
        name="tornado",
        most_days_between=None,
        formats=("csv", "geojson"),
    )
    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        done = assessment_of(said, parts=parts, folder=home, out=home / "out", made_at=MADE_AT)
        grid = parts.reader("tornado").spec.grid
    lights = {light: len(done.assessment.of(light)) for light in ("red", "amber", "green")}
    return {
        "parcels": len(done.assessment.damages),
        "grid": f"{grid.crs}, {grid.chip_px} px of {grid.pixel_size} m every {grid.stride_px}",
        "insufficient evidence": len(done.assessment.of("insufficient evidence")),
        **lights,
        "files": len(done.files),
    }


def flood_series(home: Path) -> dict[str, Any]:
    """Assess squares of a real scene before a flood, and between its last two dates.

    The mask of the last date marks all of it. But on that date the whole scene lies under opaque
    cloud (its own segmentation and its QA60 say so): the right answer there is *insufficient
    evidence*, and a green light is a mistake. Between two clear dates nothing should be affected.
    """
    source = SHARED / "flood_series"
    if not source.is_dir():
        return {}
    home.mkdir(parents=True)
    dates = {path.stem: path for path in (source / "S2").glob("*.tif")}
    parcels = home / "parcels.geojson"
    parcels.write_text(json.dumps(squares([dates[FLOOD_CLEAR[0]]], edge_m=FLOOD_EDGE_M)))
    found = {}
    for name, (before, after) in {"clear": FLOOD_CLEAR, "clouded": FLOOD_MASKED}.items():
        said = Said(
            parcels=str(parcels),
            before=before,
            after=after,
            name="flood",
            hazard="flood",
            least_cells=0.0,
        )
        indexed(source / "S2", home, said, FLOOD_CHIP_PX, FLOOD_CHIP_PX // 4)
        done = assessed(said, home)
        with rasterio.open(source / "segmentation" / f"{after}.tif") as raster:
            clouds_marked = float((raster.read(1) == FLOOD_CLOUD).mean())
        mask = source / "changes" / f"{after}.tif"
        marked = 0.0
        if mask.is_file():
            with rasterio.open(mask) as raster:
                marked = float((raster.read(1) > 0).mean())
        shares = [one.affected_share for one in done.damages if one.affected_share is not None]
        found[name] = {
            "dates": f"{before} to {after}",
            "under_cloud": round(clouds_marked, 3),
            "marked_as_changed": round(marked, 3),
            "parcels": len(done.damages),
            "mean_affected_share": mean(shares),
            **{light.replace(" ", "_"): len(done.of(light)) for light in LIGHTS},
        }
    return found


def squares(scenes: Iterable[Path], *, edge_m: float) -> dict[str, Any]:
    """Lay squares over scenes, as parcels of nobody."""
    features = []
    for path in scenes:
        with rasterio.open(path) as scene:
            xs, ys = transform(scene.crs, "EPSG:4326", *corners(scene.bounds))
        west, east, south, north = min(xs), max(xs), min(ys), max(ys)
        step_y = edge_m / 111_195
        step_x = step_y / np.cos(np.radians(south))
        features += [
            {
                "type": "Feature",
                "properties": {"policy_id": path.stem, "parcel": f"{path.stem}-{number}"},
                "geometry": json.loads(
                    shapely.to_geojson(shapely.box(x, y, x + step_x, y + step_y))
                ),
            }
            for number, (x, y) in enumerate(
                (x, y)
                for y in np.arange(south, north - step_y, step_y)
                for x in np.arange(west, east - step_x, step_x)
            )
        ]
    return {"type": "FeatureCollection", "features": features}


def corners(bounds: Any) -> tuple[list[float], list[float]]:
    """Give the corners of a scene as lists of x and y."""
    return (
        [bounds.left, bounds.left, bounds.right, bounds.right],
        [bounds.bottom, bounds.top, bounds.top, bounds.bottom],
    )


def mean(values: list[float]) -> float | None:
    """Give a mean to four digits; None of nothing."""
    return round(float(np.mean(values)), 4) if values else None


if __name__ == "__main__":
    main()
