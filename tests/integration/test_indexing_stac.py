"""STAC items become scenes wherever they come from, and lead nowhere that is not allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import pytest
import rasterio
import starting
from othertower import DIM as OTHER_DIM
from othertower import OTHER, CornerEngine
from stacmaking import EDGE, make_catalog, make_item, write_band
from stacserving import StacServer, stac_server
from towers import CARD, ColourEngine, make_tokenizer

from satseek.assemble import DEFAULT_GRID
from satseek.embed.embedder import Embedder
from satseek.errors import DependencyMissing, UnreadableImage, UnsafeReference
from satseek.imagery.candidates import ItemScenes, find_candidates
from satseek.imagery.reach import Reach
from satseek.imagery.recipes import recipe_named
from satseek.imagery.stac_search import ApiSearch, SearchedItems
from satseek.index import Collection, CollectionSpec, create_collection
from satseek.search.indexing import IndexProgress, IndexReport, index_scenes
from satseek.search.reembedding import ReembedChoices, reembed_collection
from satseek.search.rereading import look_at
from satseek.search.thumbnails import chip_pixels, thumbnail
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.imagery.candidates import Candidates

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
CORNERS = Embedder(CornerEngine(), make_tokenizer())
SPEC = CollectionSpec(
    name="items",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("auto"),
    grid=DEFAULT_GRID,
    min_valid=0.5,
)
CHIPS = 6
"""Of one made-up item."""


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "items", SPEC) as made:
        yield made


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return make_catalog(tmp_path / "catalog")


@pytest.fixture
def server(tmp_path: Path, catalog: Path) -> Iterator[StacServer]:
    assert catalog.is_file()
    with stac_server(tmp_path / "catalog") as running:
        yield running


def index(
    source: Path | str, collection: Collection, *, embedder: Embedder = EMBEDDER
) -> IndexReport:
    found = find_candidates(str(source), reach=Reach().and_named(str(source)))
    return index_scenes(found, collection=collection, embedder=embedder)


def reasons(report: IndexReport) -> dict[str, str]:
    return {refusal.path: refusal.reason for refusal in report.refusals}


def served_items(server: StacServer, *, count: int = 3) -> list[dict[str, Any]]:
    """Items whose assets lie on the server, as an API hands them out."""
    made = []
    for day in range(1, count + 1):
        item = make_item(server.folder / f"api{day}", f"api{day}", day=day)
        item.collection_id = "s2-api"
        for asset in item.assets.values():
            asset.href = f"{server.url}/files/api{day}/{os.path.basename(asset.href)}"  # noqa: PTH119
        made.append(item.to_dict(include_self_link=False, transform_hrefs=False))
    return made


def search(server: StacServer, **asked: Any) -> ItemScenes:
    reach = Reach(hosts=(server.host,))
    return ItemScenes(
        SearchedItems(ApiSearch(address=f"{server.url}/api", **asked), reach), reach=reach
    )


def test_a_catalog_is_indexed_and_passed_over_when_nothing_changed(
    catalog: Path, collection: Collection
) -> None:
    first, second = index(catalog, collection), index(catalog, collection)
    assert (2, 0, 2 * CHIPS, ()) == (
        first.scenes, first.unchanged, first.chips_added, first.refusals,
    )  # fmt: skip
    assert (2, 2, 0) == (second.scenes, second.unchanged, second.chips_added)
    scene = collection.scene("s2/day1")
    assert ("B02", "B03", "B04", "B08", "B11", "SCL") == scene.band_names
    assert (EDGE, EDGE, "EPSG:32633") == (scene.width, scene.height, scene.crs)
    assert 10.0 == scene.properties["eo:cloud_cover"]
    assert "2024-06-01T10:00:00+00:00" == scene.datetime.isoformat()  # type: ignore[union-attr]


def test_chips_of_many_files_look_as_one_stacked_file_does(
    catalog: Path, collection: Collection, tmp_path: Path
) -> None:
    index(catalog, collection)
    folder = catalog.parent / "s2" / "day1"
    bands = []
    for name in ("B04", "B03", "B02"):
        with rasterio.open(folder / f"{name}.tif") as raster:
            bands.append(raster.read(1))
    write_band(tmp_path / "stacked" / "one.tif", np.stack(bands), pixel=10)
    with create_collection(tmp_path / "stacked-chips", SPEC) as stacked:
        index(tmp_path / "stacked", stacked)
        for chip in stacked.chips(range(len(stacked))):
            other = f"s2/day1/{chip.cell}"
            expected = chip_pixels(chip.id, collection=stacked)
            assert (expected == chip_pixels(other, collection=collection)).all()


@pytest.mark.parametrize("crs", [None, "EPSG:32633", "EPSG:3857"])
def test_clouds_of_a_coarser_class_band_are_not_measured(
    crs: str | None, catalog: Path, tmp_path: Path
) -> None:
    classes = np.full((EDGE // 2, EDGE // 2), 4, np.uint8)
    classes[:, : EDGE // 4] = 9  # clouds over the western half
    write_band(catalog.parent / "s2" / "day1" / "SCL.tif", classes, pixel=20)
    grid = replace(DEFAULT_GRID, chip_px=64, stride_px=64, crs=crs)
    spec = replace(SPEC, recipe=recipe_named("sentinel2-l2a"), grid=grid, min_valid=0.9)
    with create_collection(tmp_path / "clear", spec) as made:
        index(catalog, made)
        chips = made.chips(range(len(made)))
    cloudy = [chip for chip in chips if chip.scene_id == "s2/day1"]
    clear = [chip for chip in chips if chip.scene_id == "s2/day2"]
    assert 0.3 * len(clear) <= len(cloudy) <= 0.5 * len(clear)
    west = min(x for chip in clear for x, _ in chip.footprint["coordinates"][0])  # type: ignore[index]
    seen = min(x for chip in cloudy for x, _ in chip.footprint["coordinates"][0])  # type: ignore[index]
    east = max(x for chip in clear for x, _ in chip.footprint["coordinates"][0])  # type: ignore[index]
    assert (east - west) * 0.4 < seen - west


def test_a_band_that_changed_is_embedded_again_and_its_old_chips_are_not_shown(
    catalog: Path, collection: Collection
) -> None:
    index(catalog, collection)
    band = catalog.parent / "s2" / "day1" / "B03.tif"
    (chip,) = collection.chips([0])
    os.utime(band, (0, 0))
    assert "changed since" in look_at(collection.scene("s2/day1"))
    with pytest.raises(UnreadableImage, match="changed since it was indexed"):
        thumbnail(chip.id, collection=collection)
    report = index(catalog, collection)
    assert (1, CHIPS, 2 * CHIPS) == (report.unchanged, report.chips_added, len(collection))
    assert thumbnail(chip.id, collection=collection)


def test_properties_that_changed_are_taken_over_without_embedding(
    catalog: Path, collection: Collection
) -> None:
    index(catalog, collection)
    file = catalog.parent / "s2" / "day1" / "day1.json"
    item = json.loads(file.read_text(encoding="utf-8"))
    item["properties"]["eo:cloud_cover"] = 77.5
    file.write_text(json.dumps(item), encoding="utf-8")
    report = index(catalog, collection)
    assert (2, 0) == (report.unchanged, report.chips_added)
    assert 77.5 == collection.scene("s2/day1").properties["eo:cloud_cover"]
    with collection.pinned() as searchable:
        cloudy = Filter(attributes={"eo:cloud_cover": {"gte": 70}})
        assert CHIPS == searchable.page(where=cloudy, after=-1, limit=100)[1]


@pytest.mark.parametrize("where", ["files", "host"])
@pytest.mark.parametrize("crs", [None, "EPSG:3857"])
def test_items_are_embedded_again_as_if_indexed_with_the_new_model(
    where: str, crs: str | None, server: StacServer, catalog: Path, tmp_path: Path
) -> None:
    source = str(catalog) if where == "files" else f"{server.url}/files/catalog.json"
    spec = replace(SPEC, grid=replace(DEFAULT_GRID, crs=crs))
    other = replace(spec, model_name=OTHER.name, model_version=OTHER.version, dim=OTHER_DIM)
    with (
        create_collection(tmp_path / "again", spec) as again,
        create_collection(tmp_path / "fresh", other) as fresh,
    ):
        index(source, again)
        index(source, fresh, embedder=CORNERS)
        report = reembed_collection(again, embedder=CORNERS, former=None, choices=ReembedChoices())
        assert ("switched", len(again)) == (report.outcome, report.embedded)
        assert fresh.digest() == again.digest()


@pytest.mark.parametrize(
    ("package", "source"), [("pystac_client", "api"), ("stac_geoparquet.arrow", "items.parquet")]
)
def test_a_package_that_is_missing_is_named_with_its_line(
    package: str, source: str, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if source == "api":
        search = ApiSearch(address="http://127.0.0.1:1/")
        found: Candidates = ItemScenes(SearchedItems(search, Reach()), reach=Reach())
    else:
        table = catalog.parent / source
        table.touch()
        found = find_candidates(str(table), reach=Reach())
    with pytest.raises(DependencyMissing, match=r"pip install 'satseek\[gis\]'"):
        list(found)


def test_one_bad_item_stops_no_other(catalog: Path, collection: Collection) -> None:
    day1, day2 = (catalog.parent / "s2" / day for day in ("day1", "day2"))
    (day1 / "B04.tif").write_bytes(b"II*\0 cut short")
    (catalog.parent / "s2" / "collection.json").write_text(
        (catalog.parent / "s2" / "collection.json")
        .read_text(encoding="utf-8")
        .replace('"links": [', '"links": [{"rel": "item", "href": "./gone.json"},', 1),
        encoding="utf-8",
    )
    report = index(catalog, collection)
    assert (1, CHIPS, 2) == (report.scenes, report.chips_added, len(report.refusals))
    assert "B04.tif" in reasons(report)["s2/day1"]
    assert {"s2/day1", "s2/gone.json"} == set(reasons(report))
    assert (day2 / "B04.tif").is_file()


def test_an_item_collection_and_an_item_are_sources_too(
    catalog: Path, collection: Collection, tmp_path: Path
) -> None:
    root = pystac.Catalog.from_file(str(catalog))
    items = [item.clone() for item in root.get_items(recursive=True)]
    for item in items:
        item.make_asset_hrefs_absolute()
        item.clear_links()
    whole = tmp_path / "catalog" / "all.json"
    pystac.ItemCollection(items).save_object(str(whole))
    assert 2 == index(whole, collection).scenes
    single = index(catalog.parent / "s2" / "day2" / "day2.json", collection)
    assert (1, 1) == (single.scenes, single.unchanged)


def test_a_table_of_items_is_a_source(
    catalog: Path, collection: Collection, tmp_path: Path
) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow", reason="pip install 'satseek[gis]'")
    root = pystac.Catalog.from_file(str(catalog))
    items = list(root.get_items(recursive=True))
    for item in items:
        item.make_asset_hrefs_absolute()
    path = tmp_path / "catalog" / "items.parquet"
    arrow.to_parquet(arrow.parse_stac_items_to_arrow(items), path)
    report = index(path, collection)
    assert (2, 2 * CHIPS, ()) == (report.scenes, report.chips_added, report.refusals)
    assert 1 == index(catalog, collection).unchanged - 1


def test_a_table_on_a_host_is_read_by_ranges(server: StacServer, collection: Collection) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow", reason="pip install 'satseek[gis]'")
    path = server.folder / "items.parquet"
    arrow.to_parquet(arrow.parse_stac_items_to_arrow(served_items(server, count=1)), path)
    report = index(f"{server.url}/files/items.parquet", collection)
    assert (1, CHIPS, ()) == (report.scenes, report.chips_added, report.refusals)
    asked = [name for name in server.asked if name.endswith(".tif")]
    assert len(asked) < 60  # three bands, opened for the header, the percentiles and the chips


def test_an_api_is_asked_page_by_page(server: StacServer, collection: Collection) -> None:
    pytest.importorskip("pystac_client", reason="pip install 'satseek[gis]'")
    server.items = served_items(server)
    seen: list[tuple[int, int]] = []

    def show(progress: IndexProgress) -> None:
        seen.append((progress.files_done, progress.files_total))

    asked = search(server, collections=("s2-api",), query=("eo:cloud_cover<35",))
    report = index_scenes(asked, collection=collection, embedder=EMBEDDER, on_progress=show)
    assert (3, 3 * CHIPS, ()) == (report.scenes, report.chips_added, report.refusals)
    assert (3, 3) == seen[-1]
    assert (server.host,) == collection.scene("s2-api/api1").hosts
    few = search(server, query=("eo:cloud_cover<15",))
    again = index_scenes(few, collection=collection, embedder=EMBEDDER)
    assert (1, 1, 0) == (again.scenes, again.unchanged, again.chips_added)
    assert 2 == search_count(server, most=2)


def search_count(server: StacServer, **asked: Any) -> int:
    return len(list(search(server, **asked)))


def test_chips_from_a_host_look_as_those_from_files(
    server: StacServer, collection: Collection, tmp_path: Path
) -> None:
    address = f"{server.url}/files/catalog.json"
    assert (2, 2 * CHIPS, ()) == (
        (report := index(address, collection)).scenes, report.chips_added, report.refusals,
    )  # fmt: skip
    with create_collection(tmp_path / "local", SPEC) as local:
        index(server.folder / "catalog.json", local)
        for chip in local.chips(range(len(local))):
            expected = chip_pixels(chip.id, collection=local)
            assert (expected == chip_pixels(chip.id, collection=collection)).all()
    opened = [path for path in server.asked if path.endswith("B08.tif")]
    assert [] == opened  # the recipe asks for red, green and blue


def test_objects_of_an_allowed_bucket_are_read_and_no_others(
    server: StacServer, catalog: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_S3_ENDPOINT", server.host),
        ("AWS_HTTPS", "NO"),
        ("AWS_VIRTUAL_HOSTING", "FALSE"),
        ("AWS_NO_SIGN_REQUEST", "YES"),
    ):
        monkeypatch.setenv(name, value)
    for day in ("day1", "day2"):
        file = catalog.parent / "s2" / day / f"{day}.json"
        item = json.loads(file.read_text(encoding="utf-8"))
        bucket = "bucket" if day == "day1" else "other"
        for asset in item["assets"].values():
            asset["href"] = f"s3://{bucket}/s2/{day}/{asset['href'].removeprefix('./')}"
        file.write_text(json.dumps(item), encoding="utf-8")
    reach = Reach.of(["s3://bucket"]).and_named(str(catalog))
    found = find_candidates(str(catalog), reach=reach)
    report = index_scenes(found, collection=collection, embedder=EMBEDDER)
    assert (1, CHIPS, ["s2/day2"]) == (report.scenes, report.chips_added, list(reasons(report)))
    assert "bucket may not be read" in reasons(report)["s2/day2"]
    assert ("s3://bucket",) == collection.scene("s2/day1").hosts
    (chip,) = collection.chips([0])
    assert thumbnail(chip.id, collection=collection)


def test_a_host_without_ranges_is_read_whole(server: StacServer, collection: Collection) -> None:
    server.ranges = False
    assert 2 == index(f"{server.url}/files/catalog.json", collection).scenes


def test_hosts_that_are_not_allowed_are_never_asked(
    server: StacServer, catalog: Path, collection: Collection
) -> None:
    local = json.loads((catalog.parent / "s2/day1/day1.json").read_text(encoding="utf-8"))
    for asset in local["assets"].values():
        asset["href"] = f"{server.url}/files/s2/day1/B04.tif"
    file = catalog.parent / "elsewhere.json"
    file.write_text(json.dumps(local), encoding="utf-8")
    report = index(file, collection)
    assert ["s2/day1"] == list(reasons(report))
    assert "expected an address on a host" in reasons(report)["s2/day1"]
    assert [] == server.asked


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "../../../../outside.tif",
        "..%2f..%2f..%2f..%2foutside.tif",
        "/vsicurl/http://127.0.0.1/a.tif",
        "s3://bucket/a.tif",
        "gs://bucket/a.tif",
        "data:image/tiff;base64,SUkqAA==",
        "link.tif",
    ],
)
def test_an_href_that_leads_out_is_refused(
    href: str, catalog: Path, collection: Collection, tmp_path: Path
) -> None:
    write_band(tmp_path / "outside.tif", np.ones((64, 64), np.uint16), pixel=10)
    folder = catalog.parent / "s2" / "day1"
    (folder / "link.tif").symlink_to(tmp_path / "outside.tif")
    file = folder / "day1.json"
    item = json.loads(file.read_text(encoding="utf-8"))
    item["assets"]["B04"]["href"] = href
    file.write_text(json.dumps(item), encoding="utf-8")
    report = index(catalog, collection)
    assert (1, ["s2/day1"]) == (report.scenes, list(reasons(report)))
    assert {"UnsafeReference"} == {refusal.kind for refusal in report.refusals}
    assert "\n" not in reasons(report)["s2/day1"]


def test_a_catalog_that_links_itself_and_its_parents_ends(tmp_path: Path) -> None:
    links = [{"rel": rel, "href": href} for rel in ("child", "item") for href in LOOPS]
    document = {"type": "Catalog", "stac_version": "1.0.0", "id": "a", "links": links}
    (tmp_path / "below").mkdir()
    for name in ("catalog.json", "below/catalog.json"):
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
    found = find_candidates(
        str(tmp_path / "catalog.json"), reach=Reach().and_named(str(tmp_path / "catalog.json"))
    )
    assert len(list(found)) < 10


LOOPS = ("catalog.json", "./catalog.json", "../catalog.json", "below/catalog.json", "")


def test_a_million_links_to_one_item_cost_one_item(catalog: Path) -> None:
    href = "./s2/day1/day1.json"
    links = ", ".join([f'{{"rel": "item", "href": "{href}"}}'] * 1_000_000)
    file = catalog.parent / "loop.json"
    file.write_text(f'{{"type": "Catalog", "id": "a", "links": [{links}]}}', encoding="utf-8")
    found = find_candidates(str(file), reach=Reach().and_named(str(file)))
    assert ["s2/day1"] == [candidate.name for candidate in found]
    assert 1 == found.total


def test_pages_that_lead_in_a_circle_end(server: StacServer) -> None:
    pytest.importorskip("pystac_client", reason="pip install 'satseek[gis]'")
    server.items = served_items(server, count=2)
    server.circle = True
    assert 2 == search_count(server)


def test_a_redirect_is_followed_to_allowed_hosts_alone(
    server: StacServer, tmp_path: Path, collection: Collection
) -> None:
    server.redirects["/moved.json"] = "/files/s2/day1/day1.json"
    server.redirects["/circle.json"] = "/circle.json"
    with stac_server(tmp_path / "catalog") as private:
        server.redirects["/inside.json"] = f"{private.url}/files/s2/day1/day1.json"
        server.redirects["/cloud.json"] = "http://169.254.169.254/latest/meta-data"
        server.redirects["/file.json"] = f"file://{tmp_path}/catalog/catalog.json"
        assert 1 == index(f"{server.url}/moved.json", collection).scenes
        for name, kind in (
            ("inside", UnsafeReference),
            ("cloud", UnsafeReference),
            ("file", UnsafeReference),
            ("circle", UnreadableImage),
        ):
            with pytest.raises(kind):
                index(f"{server.url}/{name}.json", collection)
        assert [] == private.asked


def test_an_asset_that_is_redirected_inside_is_refused(
    server: StacServer, tmp_path: Path, collection: Collection
) -> None:
    with stac_server(tmp_path / "catalog") as private:
        band = "/files/s2/day1/B04.tif"
        server.redirects[band] = f"{private.url}{band}"
        report = index(f"{server.url}/files/catalog.json", collection)
        assert (1, ["s2/day1"]) == (report.scenes, list(reasons(report)))
        assert [] == private.asked


def test_a_host_that_breaks_off_gives_its_reason(
    server: StacServer, collection: Collection
) -> None:
    path = server.folder / "s2/day1/B03.tif"
    path.write_bytes(path.read_bytes()[:200_000])
    report = index(f"{server.url}/files/catalog.json", collection)
    assert (1, ["s2/day1"]) == (report.scenes, list(reasons(report)))
    assert "B03.tif" in reasons(report)["s2/day1"]
    assert CHIPS == len(collection)


def test_names_and_addresses_that_no_terminal_may_see_are_escaped(
    catalog: Path, collection: Collection
) -> None:
    file = catalog.parent / "s2" / "day1" / "day1.json"
    item = json.loads(file.read_text(encoding="utf-8"))
    item["assets"]["B04"]["href"] = "a\x1b[31m\nb.tif"
    file.write_text(json.dumps(item), encoding="utf-8")
    (reason,) = reasons(index(catalog, collection)).values()
    assert reason.isprintable()


def test_bands_are_read_by_windows(tmp_path: Path) -> None:
    """Bands of 4096 x 4096, one of them resampled: never as much as they are in memory."""
    edge = 4096
    folder = tmp_path / "large"
    item = make_item(folder, "large", day=1)
    for name, size, pixel in (("B04", edge, 10), ("B03", edge, 10), ("B02", edge // 2, 20)):
        values = np.random.default_rng(1).integers(1, 3000, (size, size), dtype=np.uint16)
        write_band(folder / f"{name}.tif", values, pixel=pixel)
    file = folder / "large.json"
    item.set_self_href(str(file))
    item.save_object(dest_href=str(file))
    del values
    spec = replace(SPEC, grid=replace(DEFAULT_GRID, chip_px=512, stride_px=512))
    with create_collection(tmp_path / "wide", spec) as made:
        tracemalloc.start()
        try:
            report = index(file, made)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert report.chips_added >= 64
    assert peak < 100e6  # three bands would be 100 MB as they are stored


def test_the_command_line_indexes_a_host_that_is_named(server: StacServer, tmp_path: Path) -> None:
    pytest.importorskip("pystac_client", reason="pip install 'satseek[gis]'")
    server.items = served_items(server, count=2)
    command = [*starting.command(), "--data-dir", str(tmp_path / "data"), "index"]
    asked = ["--stac-api", f"{server.url}/api", "--query", "eo:cloud_cover<15", "--json"]
    done = subprocess.run([*command, *asked, "-c", "api"], check=True, capture_output=True)
    report = json.loads(done.stdout)
    assert (CHIPS, 1) == (report["chips"], report["report"]["scenes"])
    for wrong in (["--stac-api", f"{server.url}/files"], [f"{server.url}/gone.json"]):
        done = subprocess.run([*command, *wrong, "-c", "none"], check=False, capture_output=True)
        assert (4, 1) == (done.returncode, done.stderr.count(b"\n")), done.stderr
    assert ["api"] == [path.name for path in (tmp_path / "data" / "collections").iterdir()]
