"""``satseek classify``: the guide's commands, a table, refusals, and the same as a job."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import starting
from serving import make_scenes, png
from typer.testing import CliRunner

from satseek.cli import classifying
from satseek.cli.application import app
from satseek.jobs.protocol import FINAL
from satseek.jobs.queues import open_queue
from satseek.settings import Settings

if TYPE_CHECKING:
    from typer.testing import Result

assert classifying  # its command is there once it is imported

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "classify.md"
DEADLINE_SECONDS = 120


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_scenes(tmp_path / "scenes")
    (tmp_path / "chips").mkdir()
    for at in range(5):
        png(tmp_path / "chips" / f"{at}.png", width=50 + at)
    (tmp_path / "chips" / "cut.jpg").write_bytes(b"\xff\xd8 cut short")
    (tmp_path / "classes.txt").write_text("quarry\nforest\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(home: Path, line: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(home / "data"), *shlex.split(line)])


def commands() -> list[str]:
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    own = [line.removeprefix("satseek ") for line in lines if line.startswith("satseek ")]
    return [line for line in own if "--detach" not in line]


def test_the_guides_commands_run_as_written(home: Path) -> None:
    assert len(commands()) > 4
    for line in commands():
        done = run(home, line)
        assert 0 == done.exit_code, (line, done.output, done.exception)
        if named := re.search(r"--out (\S+)", line):
            assert f"into {named[1]}" in done.stderr
            assert (home / named[1]).stat().st_size > 0


def test_a_table_has_every_file(home: Path) -> None:
    done = run(home, "classify chips -l quarry -l forest --out labels.csv --json")
    report = json.loads(done.stdout)["report"]
    with (home / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [6, 5, 1] == [len(rows), report["images"], report["refused"]]
    assert ["cut.jpg"] == [row["id"] for row in rows if row["refused"]]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("classify chips -l a --all-labels", 2, "give --out"),
        ("classify chips -l a --detach", 2, "give --out"),
        ("classify chips -l a --out labels.docx", 2, "labels.docx"),
        ("classify chips -l a --out nowhere/labels.csv", 3, "no such folder"),
        ("classify chips -l a --out labels.csv --cut often", 2, "cut"),
        ("classify gone -l a --out labels.csv", 3, "gone"),
        ("classify chips --out labels.csv", 2, "label"),
        ("classify chips -l a --out labels.csv --priority 3", 2, "--detach"),
        ("--threads 1 classify chips -l a --out labels.csv --detach", 2, "--threads"),
        ("classify chips/cut.jpg -l a --out labels.csv", 4, "cut.jpg"),
    ],
)
def test_what_cannot_be_is_told(home: Path, line: str, code: int, said: str) -> None:
    done = run(home, line)
    error = done.exception
    assert code == getattr(error, "exit_code", done.exit_code), (done.output, error)
    assert said in f"{error} {done.output}"


def test_what_labels_were_taken_for_is_told(home: Path) -> None:
    done = run(home, "classify chips -l 森林 -l quarry --out labels.csv")
    assert "森林 was taken for: forest" in done.stderr


def test_a_job_writes_the_same_table(home: Path) -> None:
    run(home, "classify chips -l quarry -l forest --out here.csv")
    words = "classify chips -l quarry -l forest --out later.csv --detach --json"
    command = [*starting.command(), "--data-dir", str(home / "data"), *words.split()]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    job_id = json.loads(asked.stdout)["id"]
    deadline = time.monotonic() + DEADLINE_SECONDS
    with closing(open_queue(Settings(data_dir=home / "data"))) as queue:
        while (job := queue.find(job_id)).state not in FINAL:
            assert time.monotonic() < deadline, job
            time.sleep(0.1)
    assert "done" == job.state, (job.error, job.log)
    assert (home / "here.csv").read_bytes() == (home / "later.csv").read_bytes()
