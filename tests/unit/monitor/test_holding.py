"""One process at a time runs what has a name: the run that ends last is the newer one."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.assemble import Assembly
from satseek.assemble.assessing import assessment_of
from satseek.assemble.landuse import land_use_of
from satseek.errors import CollectionLocked, CollectionNotFound, FolderNotFound, InvalidName
from satseek.monitor.damage.asking import Said
from satseek.monitor.holding import held
from satseek.monitor.labels.files import preset
from satseek.monitor.landuse.running import Asked
from satseek.monitor.opening import opened_runs
from satseek.monitor.runs.keeping import Runs
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2025, 8, 20, 12, tzinfo=UTC)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Assembly]:
    with closing(Assembly(Settings(data_dir=tmp_path, model="starter"))) as opened:
        yield opened


def test_a_name_is_held_once_and_let_go_of_however_it_ends(tmp_path: Path) -> None:
    runs, others = Runs(tmp_path), Runs(tmp_path)
    locked = pytest.raises(CollectionLocked, match="landuse county: another process runs it")
    with runs.held("landuse", "county"):
        with locked, others.held("landuse", "county"):
            pass
        with others.held("damage", "county"), others.held("landuse", "valley"):
            pass
    with pytest.raises(KeyError), runs.held("landuse", "county"):
        raise KeyError
    with others.held("landuse", "county"):
        pass
    assert [] == runs.all("landuse")


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    for name in ("../county", "", ".hidden"):
        with pytest.raises(InvalidName), held(tmp_path / "monitor", "landuse", name):
            pass
    assert [] == [*tmp_path.iterdir()]


def test_land_use_is_run_by_one_process_at_a_time(parts: Assembly, tmp_path: Path) -> None:
    def run() -> None:
        asked = Asked(name="county", labels=preset("planning"))
        land_use_of("county", asked, parts=parts, out=tmp_path / "out", made_at=NOON)

    with opened_runs(parts.settings).held("landuse", "county"), pytest.raises(CollectionLocked):
        run()
    with pytest.raises(CollectionNotFound):
        run()


def test_an_assessment_is_run_by_one_process_at_a_time(parts: Assembly, tmp_path: Path) -> None:
    def run() -> None:
        said = Said(parcels=str(tmp_path / "none.geojson"), after="2025-08", name="flood")
        assessment_of(said, parts=parts, folder=tmp_path, out=tmp_path / "out", made_at=NOON)

    with opened_runs(parts.settings).held("damage", "flood"), pytest.raises(CollectionLocked):
        run()
    with pytest.raises(FolderNotFound):
        run()
