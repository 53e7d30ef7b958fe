"""A file is there whole or not at all, whatever goes wrong, and a full disk is told as one."""

from __future__ import annotations

import errno
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from satseek.errors import DiskFull, FolderNotFound, InvalidRequest, SatseekError
from satseek.export.formats import FORMATS
from satseek.export.replacing import replaced

if TYPE_CHECKING:
    from pathlib import Path


def test_a_draft_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before", encoding="utf-8")
    with replaced(path) as draft:
        assert "a.txt" == draft.name
        draft.write_text("after", encoding="utf-8")
        assert "before" == path.read_text(encoding="utf-8")
    assert "after" == path.read_text(encoding="utf-8")
    assert ["a.txt"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize(("name", "draft"), [("a", "a.gpkg"), ("A.GPKG", "A.GPKG")])
def test_a_draft_ends_as_libraries_expect(name: str, draft: str, tmp_path: Path) -> None:
    with replaced(tmp_path / name, suffixes=(".gpkg",)) as found:
        assert draft == found.name
        found.touch()
    assert [name] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskFull),
        (SatseekError("sqlite3_step() failed: database or disk is full"), DiskFull),
        (OSError(errno.EROFS, "Read-only file system"), SatseekError),
        (InvalidRequest("no"), InvalidRequest),
        (ZeroDivisionError("no"), ZeroDivisionError),
    ],
)
def test_whatever_fails_the_file_stays(
    raised: Exception, told: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before", encoding="utf-8")

    def fail() -> None:
        with replaced(path) as draft:
            draft.write_text("half", encoding="utf-8")
            raise raised

    with pytest.raises(told) as caught:
        fail()
    assert told is caught.type
    assert "before" == path.read_text(encoding="utf-8")
    assert ["a.txt"] == [one.name for one in tmp_path.iterdir()]


def test_a_folder_is_no_file_and_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="came a folder"), replaced(tmp_path):
        pass
    with pytest.raises(FolderNotFound, match="make it first"), replaced(tmp_path / "no" / "a"):
        pass


FULL = """
import resource, sys
from pathlib import Path
from satseek.errors import SatseekError
from satseek.export.feature import Feature
from satseek.export.formats import write
LIMIT = 200_000
resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
features = [
    Feature(
        id=f"{at:06}",
        geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1 + at / 7], [0, 0]]]},
        properties={"a": f"{hash(at * at):x}" * 9},
    )
    for at in range(20_000)
]
try:
    write(features, Path(sys.argv[1]), format=sys.argv[2])
except SatseekError as error:
    print(type(error).__name__, *[one.name for one in Path(sys.argv[1]).parent.iterdir()])
"""


@pytest.mark.parametrize("name", [one for one in FORMATS if one != "xlsx"])
def test_a_file_that_may_not_grow_is_not_left_in_half(name: str, tmp_path: Path) -> None:
    if not FORMATS[name].is_at_hand:
        pytest.skip("pyarrow or pyogrio is not on this machine: pip install satseek[gis]")
    command = [sys.executable, "-c", FULL, str(tmp_path / "kept"), name]
    (tmp_path / "kept").write_text("before", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # GDAL tells of no reason there: "disk I/O error"; of a disk that is full it does
    told = "SatseekError" if name in {"gpkg", "flatgeobuf"} else "DiskFull"
    assert [told, "kept"] == done.stdout.split(), done.stderr[-2000:]
    assert "before" == (tmp_path / "kept").read_text(encoding="utf-8")
