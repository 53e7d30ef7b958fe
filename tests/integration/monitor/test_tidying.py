"""What nobody needs any more goes, and nothing else: old letters, pictures of nothing."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from findingmaking import make_finding
from PIL import Image
from posting import Desk

from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.findings.sweeping import LEAST_AGE_SECONDS
from satseek.monitor.tables import FOLDER
from satseek.monitor.tidying import DAY_SECONDS, Tidied, is_due, tidy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding

NOW = time.time()
OLD = NOW - LEAST_AGE_SECONDS - 60


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "drop").mkdir()
    channels = {"drop": {"to": f"file:{tmp_path}/drop"}, "gone": {"to": f"file:{tmp_path}/gone"}}
    with closing(Desk(tmp_path / "data", channels, alert_keep_days=30)) as made:
        yield made


def test_letters_go_so_long_after_they_arrived_and_others_stay(desk: Desk) -> None:
    desk.keep(make_finding(0))
    desk.deliver()
    assert Tidied(letters=0, pictures=0) == tidy(desk.settings, now=NOW + 29 * DAY_SECONDS)
    assert {"arrived": 1, "waiting": 1, "dead": 0} == desk.outbox.counts()
    with desk.outbox.store.transaction() as db:
        db.execute("UPDATE outbox_letters SET state = 'dead', settled = 0 WHERE state = 'waiting'")
    assert Tidied(letters=1, pictures=0) == tidy(desk.settings, now=NOW + 31 * DAY_SECONDS)
    assert {"arrived": 0, "waiting": 0, "dead": 1} == desk.outbox.counts()
    assert ["gone"] == [one.channel for one in desk.outbox.alerts()]
    assert 1 == len(list(desk.findings.all()))


def test_it_is_due_once_a_day_where_there_is_anything(desk: Desk, tmp_path: Path) -> None:
    empty = desk.settings.model_copy(update={"data_dir": tmp_path / "empty"})
    assert not is_due(empty, now=NOW)
    assert tidy(empty, now=NOW) is None
    assert is_due(desk.settings, now=NOW)
    assert tidy(desk.settings, now=NOW) is not None
    assert not is_due(desk.settings, now=NOW + DAY_SECONDS - 60)
    assert is_due(desk.settings, now=NOW + DAY_SECONDS + 60)


def picture(pictures: Pictures, seed: int, *, at: float = OLD) -> str:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    digest = pictures.keep(pixels)
    os.utime(pictures.path(digest), (at, at))
    return digest


def showing(finding: Finding, digest: str) -> Finding:
    before, after = finding.evidence
    return replace(finding, evidence=(before, replace(after, chip_id=digest, picture=digest)))


def test_pictures_of_nothing_go_once_they_are_old(desk: Desk) -> None:
    pictures = Pictures(desk.settings.data_dir / FOLDER)
    told, shown, young, gone = (picture(pictures, seed) for seed in range(4))
    os.utime(pictures.path(young), (NOW - 60, NOW - 60))
    desk.keep(showing(make_finding(), told))  # its letter waits, and names it
    desk.keep(showing(make_finding(), shown))
    half = pictures.path(gone).with_name(f".{gone}-0123abcd")
    other = half.with_name("notes.txt")
    for file in (half, other):
        file.write_bytes(b"half")
        os.utime(file, (OLD, OLD))
    assert Tidied(letters=0, pictures=2) == tidy(desk.settings, now=NOW)
    assert [True, True, True, False] == [
        pictures.path(digest).is_file() for digest in (told, shown, young, gone)
    ]
    assert (False, True) == (half.exists(), other.exists())
    assert [] == desk.findings.verify()


def test_what_is_drawn_again_is_young(desk: Desk) -> None:
    desk.keep(make_finding())
    pictures = Pictures(desk.settings.data_dir / FOLDER)
    digest = picture(pictures, 1)
    assert digest == pictures.keep(np.asarray(Image.open(pictures.path(digest))))
    tidy(desk.settings, now=NOW)
    assert pictures.read(digest)
