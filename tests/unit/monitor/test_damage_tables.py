from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from damagemaking import assessment, damage, mixed, parcel

from satseek.errors import InvalidRequest
from satseek.monitor.damage.finishing import file_names
from satseek.monitor.damage.tables import (
    by_district,
    by_policy,
    in_all,
    origin_of,
    parcel_features,
    problem_features,
    roll_up_features,
)
from satseek.monitor.damage.writing import LIST, write_assessment
from satseek.monitor.runs.folders import OutFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_sums_leave_out_what_imagery_cannot_tell() -> None:
    total = in_all(mixed())
    assert (6, 60.0, 60.0) == (total.parcels, total.area_ha, total.insured_ha)
    assert 50.0 == total.judged_ha
    assert pytest.approx(9 + 4 + 1.5 + 0 + 0.5) == total.affected_ha
    assert pytest.approx(15 / 50) == total.affected_share
    lights = {"red": 2, "amber": 1, "insufficient evidence": 1, "green": 2}
    assert lights == dict(total.lights)


def test_parcels_are_added_up_by_policy_and_by_district() -> None:
    policies, districts = by_policy(mixed()), by_district(mixed())
    assert ["P-0", "P-1", "P-2"] == [one.name for one in policies]
    assert pytest.approx([13.0, 1.5, 0.5]) == [one.affected_ha for one in policies]
    assert [("North", 3), ("South", 3)] == [(one.name, one.parcels) for one in districts]


def test_nothing_judged_has_no_share_and_nothing_insured_no_area() -> None:
    grey = damage(0, 0.5, "insufficient evidence", parcel=parcel(0, insured_ha=None))
    (one,) = by_policy(assessment(grey))
    assert one.affected_share is None
    assert one.insured_ha is None


def test_a_parcel_is_one_row_with_all_that_is_said_of_it() -> None:
    rows = {one.id: one.properties for one in parcel_features(mixed())}
    red, grey = rows["F-0"], rows["F-3"]
    assert ("red", "total", 0.9, 9.0) == tuple(
        red[name] for name in ("light", "grade", "affected_share", "affected_ha")
    )
    assert ("insufficient evidence", "", "not seen", 0.8) == tuple(
        grey[name] for name in ("light", "grade", "lacks", "clouded_after")
    )
    assert "after: 20% of the parcel seen, expected 70% (80% under cloud" in str(grey["reasons"])
    assert (0.9, 0.02, 0.88, 6) == tuple(
        red[name] for name in ("change", "neighbours_change", "difference", "neighbours")
    )
    assert (0.9, 0.1, 0.0) == tuple(red[f"share_{name}"] for name in ("flooded", "dry", "cloud"))
    assert ("after.tif/c0", "before.tif/c0") == (red["chips_after"], red["chips_before"])


def test_mono_temporal_rows_have_nothing_of_before() -> None:
    one = damage(0, 0.9, "red")
    alone = replace(one, looks=one.looks[:1], contrast=None, shown=one.shown[:1])
    (row,) = parcel_features(assessment(alone, mode="mono"))
    assert [None] * 4 == [
        row.properties[name] for name in ("seen_before", "date_before", "change", "difference")
    ]


def test_every_table_says_where_it_comes_from() -> None:
    told = origin_of(mixed(), layer="parcels").told()
    assert "toy@1" == told["model"]
    assert "none from 0%; slight from 10%; moderate from 30%" in told["grades"]
    assert "2024-07-01" == told["event"]


def test_sums_and_oddities_are_rows_without_a_place() -> None:
    (sum_, *_), (odd,) = (
        roll_up_features(by_policy(mixed()), name="policy"),
        problem_features(mixed()),
    )
    assert ("P-0", None, 2) == (sum_.id, sum_.geometry, sum_.properties["red"])
    assert ("F-9", "left out") == (odd.properties["parcel"], odd.properties["kind"])


def test_a_folder_of_tables_is_written_and_written_again(tmp_path: Path) -> None:
    out = OutFolder(tmp_path / "out", LIST)
    found = write_assessment(mixed(), out, formats=["csv", "geojson"])
    expected = {
        "parcels.csv": 6,
        "parcels.geojson": 6,
        "policies.csv": 3,
        "districts.csv": 2,
        "problems.csv": 1,
    }
    assert expected == found
    before = {name: (out.folder / name).read_bytes() for name in found}
    write_assessment(mixed(), OutFolder(out.folder, LIST), formats=["csv", "geojson"])
    assert before == {name: (out.folder / name).read_bytes() for name in found}


def test_a_format_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="came docx"):
        write_assessment(mixed(), OutFolder(tmp_path, LIST), formats=["docx"])


def test_two_formats_of_one_kind_of_file_are_refused_and_each_is_whole(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"both write parcels\.csv"):
        write_assessment(mixed(), OutFolder(tmp_path, LIST), formats=["csv", "csv-excel"])
    assert [] == list(tmp_path.glob("*.csv"))
    ours, offices = (
        write_assessment(mixed(), OutFolder(tmp_path / name, LIST), formats=[name, name])
        for name in ("csv", "csv-excel")
    )
    assert ours == offices


def test_no_sheet_of_a_policy_takes_the_name_of_another() -> None:
    names = file_names(["P-1", "P/2", "P_2", "a", "A", "保单 7", ""])
    assert ("P-1", "P_2") == (names["P-1"], names["P_2"])
    assert re.fullmatch(r"P_2-[0-9a-f]{8}", names["P/2"])
    assert re.fullmatch(r"policy-[0-9a-f]{8}", names[""])
    assert len(names) == len({one.casefold() for one in names.values()})
    assert names["P/2"] == file_names(["P/2"])["P/2"]  # whoever is beside it
