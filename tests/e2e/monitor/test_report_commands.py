"""The real command writes findings into one file, and refuses in a line."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import starting
from findingmaking import JULY, JUNE, make_finding
from typer.testing import CliRunner

from satseek.cli import reporting
from satseek.cli.application import app
from satseek.monitor.findings.finding import Evidence
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.testing import Result

DOCS = Path(__file__).parents[3] / "docs"
SECONDS = 60


def satseek(data: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        [*starting.command(), "--data-dir", str(data), "report", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=environment,
        cwd=data.parent,
    )


def run(data: Path, *words: object, code: int = 0) -> Result:
    """The same within this process, which is quicker."""
    done = CliRunner().invoke(app, ["--data-dir", str(data), "report", *map(str, words)])
    assert code == getattr(done.exception, "exit_code", done.exit_code), done.output
    return done


def told(data: Path, *words: object) -> Any:
    return json.loads(run(data, *words, "--json").stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two mines with pictures and a flooded parcel without."""
    home = tmp_path_factory.mktemp("report") / "data"
    pictures = Pictures(home / FOLDER)
    evidence = tuple(
        Evidence(
            side=side,
            chip_id=f"{side}/0_0",
            scene=side,
            datetime=moment,
            picture=pictures.keep(np.full((16, 16, 3), shade, np.uint8)),
        )
        for side, moment, shade in (("before", JUNE, 30), ("after", JULY, 220))
    )
    made = [
        make_finding(0, evidence=evidence),
        make_finding(1, evidence=evidence, flags=("outside-permit",)),
        make_finding(3, kind="damage", source="flood", label="flooded", evidence=()),
    ]
    with closing(Findings(home / FOLDER)) as findings:
        findings.keep(made)
    return home


def test_findings_become_a_page(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.html"

    done = satseek(data, "findings", "--out", out, "--title", "To do this week")

    assert (0, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"wrote {out}, 4 images, ")
    page = out.read_text(encoding="utf-8")
    assert "<h1>To do this week</h1>" in page
    assert "Waiting for a decision: 3 of 3 findings, 1 of them outside any permit" in page
    assert "satseek --data-dir" in page


def test_one_kind_and_source_become_paper(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("fpdf", reason="fpdf2 is not on this machine: pip install 'satseek[pdf]'")
    out = tmp_path / "mines.pdf"

    written = told(data, "watch", "mines", "--state", "new", "--out", out)

    assert out.read_bytes().startswith(b"%PDF-1.")
    assert (4, 0, str(out)) == (written["images"], written["missing_images"], written["path"])
    assert written["pages"] >= 3


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("landuse",), 0),
        (("assess", "flood"), 1),
        (("watch", "mines"), 2),
        (("findings", "--flag", "outside-permit"), 1),
        (("findings", "--bbox=2.5,-1,4,1"), 1),
        (("findings", "--collection", "elsewhere"), 0),
    ],
)
def test_only_what_is_asked_for_is_reported(
    data: Path, tmp_path: Path, words: Sequence[str], count: int
) -> None:
    out = tmp_path / "some.html"

    told(data, *words, "--out", out)

    page = out.read_text(encoding="utf-8")
    assert count == page.count('<article class="pair">')
    assert ("There is nothing to do" in page) == (count == 0)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("findings", "--out", "all.docx"), 2, "all.docx: expected a file that ends in .html"),
        (("findings", "--out", "no/all.html"), 3, "no: no such folder"),
        (("findings", "--out", "all.html", "--state", "lost"), 2, "state: expected one of new"),
        (("watch", "--out", "all.html", "--language", "de"), 2, "--language: expected en or zh"),
    ],
)
def test_refusals_are_one_line(data: Path, words: Sequence[str], code: int, says: str) -> None:
    done = run(data, *words, code=code)

    assert "" == done.stdout
    assert str(done.exception).startswith(says)
    assert "\n" not in str(done.exception)


def test_every_command_is_in_the_reference_and_the_guide() -> None:
    for page in (DOCS / "reference" / "cli.md", DOCS / "guides" / "reports.md"):
        text = page.read_text(encoding="utf-8")
        for one in reporting.group.registered_commands:
            assert one.callback is not None
            assert f"report {one.callback.__name__}" in text
