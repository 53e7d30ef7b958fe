"""The flood of a small made-up county, assessed by the shipped model from imagery to files."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from counties import seen_county
from rasterio.transform import Affine
from rasterio.windows import Window
from typer.testing import CliRunner

from satseek.assemble import Assembly
from satseek.assemble.assessing import assessment_of
from satseek.cli import assessing
from satseek.cli.application import app
from satseek.errors import InvalidRequest, SatseekError
from satseek.imagery.county.inventory import CODES
from satseek.imagery.county.writing import ORIGIN_M
from satseek.monitor.damage.asking import Said
from satseek.monitor.findings.reviewing import confirm
from satseek.monitor.opening import opened_findings
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from counties import Box
    from typer.testing import Result

    from satseek.monitor.damage.finishing import Done

assert assessing  # its command is there once it is imported

EDGE = 64
"""Of a parcel and of a chip, in metres: as wide as the flood beside the river."""

ACROSS = 5
"""Parcels side by side, the river in their middle."""

MADE_AT = datetime(2024, 7, 6, tzinfo=UTC)


@cache
def boxes() -> tuple[Box, ...]:
    """Parcels side by side over the flood and the land around it, on no cell's edge."""
    left, top, right, bottom = seen_county().box_around("flooded_fields")
    first = (left + right) // 2 - ACROSS * EDGE // 2 + 7
    columns = range(first, first + ACROSS * EDGE, EDGE)
    rows = range(top + 11, min(bottom, top + 4 * EDGE), EDGE)
    return tuple((x, y, x + EDGE, y + EDGE) for y in rows for x in columns)


@cache
def ground() -> Box:
    """What is imaged: parcels and some land around them."""
    lefts, tops, rights, bottoms = zip(*boxes(), strict=True)
    edge = EDGE // 2
    return min(lefts) - edge, max(min(tops) - edge, 0), max(rights) + edge, max(bottoms) + edge


@cache
def cloud() -> Box:
    """A cloud over the first row of parcels and a little of the next."""
    left, top, right, _ = ground()
    return left, top, right, boxes()[0][3] + EDGE // 8


def true_share(box: Box) -> float:
    left, top, right, bottom = box
    part = seen_county().cover_at("2024-07-04")[top:bottom, left:right]
    return float((part == CODES["flooded_fields"]).mean())


def covered(box: Box) -> float:
    """Share of a parcel under the cloud."""
    left, top, right, bottom = box
    size = seen_county().size
    hidden = np.zeros((size, size), dtype=bool)
    hidden[cloud()[1] : cloud()[3], cloud()[0] : cloud()[2]] = True
    return float(hidden[top:bottom, left:right].mean())


def crop(scene: Path, to: Path, hidden: Box | None) -> None:
    """Cut the ground out of a scene, as indexing the rest would only take time; hide a part."""
    left, top, right, bottom = ground()
    with rasterio.open(scene) as source:
        first = round(source.bounds.left - ORIGIN_M[0]), round(ORIGIN_M[1] - source.bounds.top)
        west, north = max(left, first[0]), max(top, first[1])
        width = min(right, first[0] + source.width) - west
        height = min(bottom, first[1] + source.height) - north
        if min(width, height) <= 0:
            return
        window = Window(west - first[0], north - first[1], width, height)
        place = Affine(1, 0, ORIGIN_M[0] + west, 0, -1, ORIGIN_M[1] - north)
        profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": source.crs}
        profile |= {"width": width, "height": height, "transform": place}
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(to, "w", **profile) as target,
        ):
            pixels, valid = source.read(window=window), source.dataset_mask(window=window)
            if hidden is not None:
                left, top, right, bottom = hidden
                rows = slice(max(top - north, 0), max(bottom - north, 0))
                columns = slice(max(left - west, 0), max(right - west, 0))
                pixels[:, rows, columns], valid[rows, columns] = 0, 0
            target.write(pixels)
            target.write_mask(valid)
            target.update_tags(TIFFTAG_DATETIME=source.tags()["TIFFTAG_DATETIME"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Before and after in folders of their own, under the same names, and the list of parcels."""
    folder = tmp_path_factory.mktemp("claims")
    for day, name in (("2024-06-02", "before"), ("2024-07-04", "after")):
        (folder / name).mkdir()
        for scene in seen_county().scenes.glob(f"*{day}.tif"):
            hidden = cloud() if name == "after" else None
            crop(scene, folder / name / scene.name.replace(f"_{day}", ""), hidden)
    features = [
        {
            "type": "Feature",
            "properties": {
                "policy_id": f"P-{at // ACROSS // 2}",
                "parcel": f"F-{at}",
                "village": "Au",
            },
            "geometry": seen_county().polygon(box),
        }
        for at, box in enumerate(boxes())
    ]
    content = {"type": "FeatureCollection", "features": features}
    (folder / "parcels.geojson").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def said(files: Path, **fields: Any) -> Said:
    usual: dict[str, Any] = {
        "parcels": str(files / "parcels.geojson"),
        "before": str(files / "before"),
        "after": str(files / "after"),
        "chip_px": EDGE,
        "stride_px": EDGE // 2,
        "event": "2024-07-01",
        "formats": ("csv", "geojson"),
    }
    return Said(**usual | fields)


def run(asked: Said, *, home: Path, out: Path) -> Done:
    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        return assessment_of(asked, parts=parts, folder=out, out=out / "out", made_at=MADE_AT)


@pytest.fixture(scope="module")
def done(files: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run(said(files), home=home, out=tmp_path_factory.mktemp("first"))


def test_affected_shares_are_near_the_truth(done: Done) -> None:
    pairs = [
        (one.affected_share, true_share(box))
        for one, box in zip(done.assessment.damages, boxes(), strict=True)
        if one.light != "insufficient evidence" and one.affected_share is not None
    ]
    assert len(pairs) >= 10
    assert max(truth for _, truth in pairs) > 0.5
    assert np.mean([abs(share - truth) for share, truth in pairs]) <= 0.12


def test_a_cloud_over_a_parcel_gives_insufficient_evidence(done: Done) -> None:
    by_cover = list(zip(done.assessment.damages, map(covered, boxes()), strict=True))
    hidden = [one for one, share in by_cover if share > 0.7]
    clear = [one for one, share in by_cover if share == 0]
    assert hidden
    assert {"insufficient evidence"} == {one.light for one in hidden}
    assert {("not seen",)} == {one.lacks for one in hidden}
    assert all("not seen" not in one.lacks for one in clear)


def test_both_folders_lie_on_one_grid_in_one_collection(done: Done) -> None:
    shown = [one for damage in done.assessment.damages for one in damage.shown]
    assert {"before", "after"} == {one.side for one in shown}
    assert {datetime(2024, 6, 2).date(), datetime(2024, 7, 4).date()} == {  # noqa: DTZ001
        one.datetime.date() for one in shown if one.datetime
    }
    assert ("assessment",) == done.assessment.collections


def test_files_hold_what_was_found(done: Done) -> None:
    names = {path.name for path in done.files}
    assert {"parcels.csv", "parcels.geojson", "policies.csv", "visits.csv", "report.html"} <= names
    with (done.folder / "parcels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one.light for one in done.assessment.damages] == [row["light"] for row in rows]
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert "Claim sheets" in page
    assert f"{len(boxes())} parcels" in page


def test_red_and_amber_parcels_are_findings_with_pictures(done: Done, home: Path) -> None:
    wanted = {one.parcel.id for one in done.assessment.damages if one.light in ("red", "amber")}
    assert wanted
    with closing(opened_findings(Settings(data_dir=home))) as findings:
        found = list(findings.all())
    assert wanted == {one.properties["parcel"] for one in found}
    assert {("before", "after")} == {tuple(piece.side for piece in one.evidence) for one in found}
    assert all(piece.picture for one in found for piece in one.evidence)


def test_run_again_nothing_is_news_and_what_people_decided_stays(
    done: Done, files: Path, home: Path, tmp_path: Path
) -> None:
    with closing(opened_findings(Settings(data_dir=home))) as findings:
        confirm(done.findings[0], findings, who="adjuster", comment="seen on the spot")
    again = run(said(files, reports=()), home=home, out=tmp_path)
    assert 0 == again.news
    assert done.findings == again.findings
    assert done.assessment == again.assessment
    for name in ("parcels.csv", "visits.csv", "parcels.geojson"):
        assert (done.folder / name).read_bytes() == (again.folder / name).read_bytes()
    with closing(opened_findings(Settings(data_dir=home))) as findings:
        assert "confirmed" == findings.get(done.findings[0]).state


def test_periods_of_the_collection_give_the_same(
    done: Done, files: Path, home: Path, tmp_path: Path
) -> None:
    asked = said(files, before="2024-06", after="2024-07/2024-08", reports=())
    again = run(asked, home=home, out=tmp_path)
    assert done.assessment.damages == again.assessment.damages


def test_after_alone_gives_claim_sheets_of_the_policies_that_are_not_all_green(
    files: Path, home: Path, tmp_path: Path
) -> None:
    alone = {"name": "alone", "collection": "assessment", "before": None, "reports": ()}
    asked = said(files, **alone, sheets=("html",), language="zh")
    done = run(asked, home=home, out=tmp_path)
    found = done.assessment
    assert "mono" == found.mode
    assert {("after",)} == {tuple(look.when for look in one.looks) for one in found.damages}
    assert {None} == {one.contrast for one in found.damages}
    policies = {one.parcel.policy for one in found.damages if one.light != "green"}
    written = {path.stem for path in done.files if path.parent.name == "claims"}
    assert policies == written
    page = (tmp_path / "out" / "claims" / f"{min(written)}.html").read_text(encoding="utf-8")
    assert "理赔单" in page
    own = sum(one.parcel.policy == min(written) for one in found.damages)
    assert f"共 {own} 个地块" in page
    (tmp_path / "out" / "mine.txt").write_text("of nobody's")
    again = run(said(files, **alone, formats=("csv",)), home=home, out=tmp_path)
    left = {one.relative_to(again.folder).as_posix() for one in again.folder.rglob("*")}
    assert left == {*(one.name for one in again.files), "mine.txt"}
    assert not {"claims", "parcels.geojson"} & left


def test_periods_without_a_collection_and_places_without_imagery_are_refused(
    files: Path, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="which is not there"):
        run(
            said(files, name="other", collection="gone", before=None, after="2024-07"),
            home=home,
            out=tmp_path,
        )
    far = json.loads((files / "parcels.geojson").read_text(encoding="utf-8"))
    far["features"] = far["features"][:1]
    ring = far["features"][0]["geometry"]["coordinates"][0]
    far["features"][0]["geometry"]["coordinates"] = [[[x + 1, y] for x, y in ring]]
    (tmp_path / "far.geojson").write_text(json.dumps(far), encoding="utf-8")
    asked = replace(said(files), parcels=str(tmp_path / "far.geojson"))
    with pytest.raises(
        InvalidRequest,
        match="no imagery after lies on the parcels in assessment, which has imagery",
    ):
        run(asked, home=home, out=tmp_path)


def satseek(home: Path, *words: str | Path) -> Result:
    command = ["--data-dir", str(home), "--model", "starter", "assess"]
    return CliRunner().invoke(app, [*command, *map(str, words)])


def test_the_command_does_the_same(done: Done, files: Path, home: Path, tmp_path: Path) -> None:
    content = json.loads((files / "parcels.geojson").read_text(encoding="utf-8"))
    few = tmp_path / "few.geojson"
    few.write_text(json.dumps(content | {"features": content["features"][:2]}), encoding="utf-8")
    words = (few, "--before", files / "before", "--after", files / "after", "--name", "few")
    more = (
        "-c",
        "assessment",
        "--event",
        "2024-07-01",
        "--out",
        tmp_path / "out",
        "--format",
        "csv",
        "--json",
    )
    found = satseek(home, *words, *more)
    assert (0, "") == (found.exit_code, found.stderr)
    told = json.loads(found.stdout)
    assert [one.light for one in done.assessment.damages[:2]] == [
        one["light"] for one in told["parcels"]
    ]
    assert str(tmp_path / "out" / "report.html") in told["files"]
    assert 0 == told["news"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("--after", "2024-07", "-c", "gone", "--name", "other"),
            2,
            "a period of the collection 'gone'",
        ),
        (("--after", "./nowhere"), 3, "no folder or file"),
        (("--after", "2024-07", "--event", "2024-13-01"), 2, "expected a day such as"),
        (("--after", "2024-07", "--before", "2024-07"), 2, "different imagery before and after"),
        (("--after", "2024-07", "--hazard", "locusts"), 2, "expected a hazard of drought"),
        (
            ("--after", "2024-07", "--policy-column", "nr"),
            2,
            "no column 'nr'; there are: policy_id",
        ),
    ],
)
def test_the_command_refuses_on_one_line(
    files: Path, home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = satseek(home, files / "parcels.geojson", *words).exception
    assert isinstance(refused, SatseekError)
    assert (code, 1) == (refused.exit_code, len(str(refused).splitlines()))
    assert said in str(refused)
