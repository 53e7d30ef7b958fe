"""What workers have done for a collection lies where the settings say, and goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.errors import InvalidName
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_removed_collection_takes_what_was_done_for_it_along(tmp_path: Path) -> None:
    parts = Assembly(Settings(data_dir=tmp_path))
    for name in ("county", "other"):
        make_collection(parts, name)
        parts.work_folder(name).mkdir(parents=True)
        (parts.work_folder(name) / "0123.partition").write_bytes(b"done")
    parts.remove("county")
    assert ["other"] == [path.name for path in (tmp_path / "work").iterdir()]


def test_it_lies_where_all_machines_see_it(tmp_path: Path) -> None:
    parts = Assembly(Settings(data_dir=tmp_path, work_dir=tmp_path / "shared"))
    assert tmp_path / "shared" / "county" == parts.work_folder("county")
    with pytest.raises(InvalidName):
        parts.work_folder("../elsewhere")
