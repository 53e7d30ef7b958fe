"""The real command looks through findings, decides, writes files, and refuses in one line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import starting
from findingmaking import AUGUST, JULY, make_finding
from typer.testing import CliRunner

from satseek.cli import findings as listing
from satseek.cli import findings_deciding
from satseek.cli.application import app
from satseek.errors import (
    Conflict,
    DamagedData,
    FindingNotFound,
    InvalidRequest,
    SatseekError,
)
from satseek.monitor.findings.finding import Evidence
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.tables import DATABASE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.testing import Result

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
SECONDS = 60

assert findings_deciding  # its commands are there once it is imported


def real(data: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        [*starting.command(), "--data-dir", str(data), "findings", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=environment,
        cwd=data.parent,
    )


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), "findings", *map(str, words)])


def told(data: Path, *words: object) -> Any:
    done = run(data, *words, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three mines and a flooded parcel, with a picture of the first one."""
    home = tmp_path / "data"
    digest = Pictures(home / FOLDER).keep(np.zeros((8, 8, 3), np.uint8))
    shown = Evidence(side="after", chip_id="july/0_0", scene="july", datetime=JULY, picture=digest)
    made = [
        make_finding(0, evidence=(make_finding().evidence[0], shown)),
        make_finding(1, flags=("outside-permit",)),
        make_finding(2, last_seen=AUGUST, seen=2),
        make_finding(
            3, kind="damage", source="flood", label="flooded", properties={"policy": "P7"}
        ),
    ]
    with closing(Findings(home / FOLDER)) as findings:
        findings.keep(made)
    return home


def ids(*numbers: int) -> list[str]:
    names = {3: make_finding(3, kind="damage", source="flood", label="flooded").id}
    return [names.get(at) or make_finding(at).id for at in numbers]


def test_findings_are_listed_and_counted(data: Path) -> None:
    done = run(data, "list", "--kind", "watch", "--order", "urgent")
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        *("id", "kind", "source", "label", "state", "assignee", "area", "ha"),
        *("first", "seen", "seen"),
    ]
    assert [line.split()[0] for line in lines[1:]] == [one[:8] for one in ids(2, 1, 0)]
    assert "mine [outside-permit]" in lines[2]
    assert "123.00" in lines[2]
    assert done.stderr == "3 new\n"


def test_a_list_goes_on_where_the_one_before_ended(data: Path) -> None:
    first = told(data, "list", "-n", 3)
    second = told(data, "list", "-n", 3, "--after", first["next"])
    found = [one["id"] for page in (first, second) for one in page["findings"]]
    assert (found, second["next"]) == (ids(3, 2, 1, 0), "")
    assert first["counts"] == {
        "new": 4, "assigned": 0, "confirmed": 0, "rejected": 0, "closed": 0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--bbox=0.9,-1,2.1,1",), (2, 1)),
        (("--flag", "outside-permit"), (1,)),
        (("--source", "flood", "--source", "mines", "--label", "mine"), (2, 1, 0)),
        (("--start", "2024-07-05"), (2,)),
        (("--state", "confirmed"), ()),
    ],
)
def test_a_list_keeps_to_its_filter(
    data: Path, words: Sequence[str], expected: Sequence[int]
) -> None:
    assert [one["id"] for one in told(data, "list", *words)["findings"]] == ids(*expected)


def test_a_finding_goes_its_way_and_its_history_says_so(data: Path) -> None:
    first = told(data, "next", "--kind", "watch")
    assert (first["id"], first["state"]) == (ids(2)[0], "assigned")
    done = run(data, "confirm", first["id"][:6], "-m", "seen on site", "--revision", 2)
    assert done.stderr.startswith(f"finding {first['id']}: confirmed, local:")
    told(data, "comment", first["id"], "fenced by now")
    told(data, "close", first["id"])
    shown = told(data, "show", first["id"])
    assert [one["deed"] for one in shown["history"]] == [
        "found", "assign", "confirm", "comment", "close"
    ]  # fmt: skip
    assert shown["history"][2]["comment"] == "seen on site"
    assert told(data, "list")["counts"]["closed"] == 1
    audit = (data / "audit").rglob("*")
    written = "".join(path.read_text() for path in audit if path.is_file())
    assert "finding.confirm" in written
    assert first["id"] in written


def test_assigned_put_back_rejected_and_opened_again(data: Path) -> None:
    one = ids(0)[0]
    assert told(data, "assign", one, "wang")["assignee"] == "wang"
    refused = run(data, "reject", one)
    assert type(refused.exception) is Conflict
    assert "is assigned to wang" in str(refused.exception)
    assert told(data, "release", one)["state"] == "new"
    assert told(data, "reject", one, "-m", "ploughed")["state"] == "rejected"
    assert told(data, "reopen", one)["state"] == "assigned"


def test_a_finding_is_shown_with_its_pictures_and_its_history(data: Path) -> None:
    done = run(data, "show", ids(0)[0])
    assert "watch: mine" in done.stdout
    assert "forest → mine" in done.stdout
    assert "seen               2024-07-04\n" in done.stdout
    assert "2024-07-04 to 2024-08-05, 2 ×" in run(data, "show", ids(2)[0]).stdout
    assert "june/0_0: no picture was kept" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("after 2024-07-04")]
    path = Path(line.split(": ")[-1])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "watch:mines" in done.stdout.splitlines()[-1]


def test_findings_are_written_into_files(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "mines.csv"
    told(data, "confirm", ids(1)[0], "-m", "seen on site")
    assert told(data, "export", "-o", table, "--source", "mines") == {
        "findings": 3,
        "file": str(table),
    }
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ids(2, 1, 0)
    assert [row["state"] for row in rows] == ["new", "confirmed", "new"]
    assert (rows[1]["last_comment"], rows[1]["area_ha"], rows[1]["district"]) == (
        *("seen on site", "123.0", "north"),
    )
    places = tmp_path / "all.geojson"
    told(data, "export", "-o", places)
    features = json.loads(places.read_text(encoding="utf-8"))["features"]
    assert [one["properties"].get("policy") for one in features] == ["P7", None, None, None]
    assert features[1]["geometry"]["type"] == "Polygon"


@pytest.mark.parametrize("name", ["all.gpkg", "all.parquet", "all.xlsx"])
def test_every_format_takes_findings(data: Path, tmp_path: Path, name: str) -> None:
    assert told(data, "export", "-o", tmp_path / name)["findings"] == 4
    assert (tmp_path / name).stat().st_size > 1_000


@pytest.mark.parametrize(
    ("words", "refusal", "says"),
    [
        (("show", "ffff"), FindingNotFound, "no finding 'ffff'"),
        (("list", "--state", "lost"), InvalidRequest, "state: expected one of new, assigned"),
        (("list", "--order", "best"), InvalidRequest, "order: expected one of newest, urgent"),
        (("list", "-n", "5000"), InvalidRequest, "limit: expected 1 to 1000"),
        (("export", "-o", "findings.doc"), InvalidRequest, "findings.doc: expected a name that"),
        (("confirm", "ffff"), FindingNotFound, "no finding 'ffff'"),
    ],
)
def test_what_cannot_be_is_refused(
    data: Path, words: Sequence[str], refusal: type[SatseekError], says: str
) -> None:
    done = run(data, *words)
    assert (type(done.exception), done.stdout) == (refusal, "")
    assert str(done.exception).startswith(says)


def test_the_real_command_does_as_it_is_told(data: Path) -> None:
    done = real(data, "confirm", ids(0)[0], "-m", "seen on site")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"finding {ids(0)[0]}: confirmed, local:")
    refused = real(data, "reject", ids(0)[0])
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (5, "", 1)
    assert refused.stderr.startswith(f"satseek: finding {ids(0)[0]} is confirmed: to reject it")


def test_damage_is_found(data: Path) -> None:
    assert run(data, "verify").stderr == "4 findings, all as they were written\n"
    for path in (data / FOLDER).rglob("*.png"):
        path.unlink()
    done = run(data, "verify")
    assert type(done.exception) is DamagedData
    assert "no such picture" in done.stderr


def test_an_empty_folder_is_not_touched_by_looking(tmp_path: Path) -> None:
    data = tmp_path / "empty"
    assert told(data, "list")["findings"] == []
    assert not (data / FOLDER / DATABASE).exists()


def test_every_command_is_in_the_reference() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    for one in listing.group.registered_commands:
        assert one.callback is not None
        name = one.name or one.callback.__name__
        assert f"`findings {name}" in reference
