"""A flipped bit in any file is named or refused, or it lies where nothing is read."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import flipping

from satseek.index import open_collection


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "mortal"
    flipping.lived(folder).close()
    return folder


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a killed writer leaves it: nearly everything lies in the log."""
    root = tmp_path_factory.mktemp("killed")
    with flipping.lived(root / "alive") as collection:
        flipping.copy_as_killed(collection.folder, root / "mortal")
    return root / "mortal"


def test_in_a_closed_collection(closed: Path, tmp_path: Path) -> None:
    found = list(flipping.flips(closed, tmp_path / "mortal", each=797))
    noticed = Counter(one.file for one in found if one.outcome != "harmless")
    harmless = Counter(one.file for one in found if one.outcome == "harmless")
    assert harmless.keys() <= {"collection.sqlite", "writer.lock"}
    assert noticed.keys() == {"collection.sqlite", "acknowledged", "segments/000000.f16"}


def test_in_what_a_killed_writer_leaves(killed: Path, tmp_path: Path) -> None:
    assert (killed / "collection.sqlite-wal").stat().st_size > 50_000
    found = list(flipping.flips(killed, tmp_path / "mortal", each=2_003))
    log = [one for one in found if one.file == "collection.sqlite-wal"]
    assert {one.outcome for one in log} == {"refused"}
    assert all("acknowledged" in one.told for one in log)


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [("closed", {"mended", "lost", "refused"}), ("killed", {"mended", "lost"})],
)
def test_what_is_named_is_mended_or_refused(
    kind: str, outcomes: set[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pristine: Path = request.getfixturevalue(kind)
    work = tmp_path / "mortal"
    flipping.laid(pristine, work)
    with open_collection(work, mode="read") as collection:
        expected = flipping.chips_of(collection)
    became: Counter[str] = Counter()
    for one in flipping.flips(pristine, work, each=5_003, seed=1):
        if one.outcome != "harmless":
            became[flipping.mended(work, expected).split(":")[0]] += 1
    assert became.keys() == outcomes


def test_every_value_of_every_table_counts(closed: Path, tmp_path: Path) -> None:
    work = tmp_path / "mortal"
    expected = flipping.told_by(closed, work)
    text = "SELECT name FROM sqlite_master WHERE type = 'table'"
    with closing(sqlite3.connect(work / "collection.sqlite")) as db:
        tables = {table for (table,) in db.execute(text)}
        columns = [
            (table, column)
            for table in sorted(tables)
            for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))
            if column != "only"
        ]
    altered = set()
    for table, column in columns:
        flipping.laid(closed, work)
        with closing(sqlite3.connect(work / "collection.sqlite")) as db:
            value = f"coalesce(\"{column}\", 0) || '1'"
            last = f'(SELECT max(rowid) FROM "{table}")'  # noqa: S608 - ours
            text = f'UPDATE "{table}" SET "{column}" = {value} WHERE rowid = {last}'  # noqa: S608
            db.execute(text)
            changed = db.total_changes
            db.commit()
        if changed:
            altered.add(table)
            outcome, told = flipping.examined(work, expected)
            assert outcome in {"named", "refused"}, (table, column)
            assert table in told or table in {"collection", "ledger", "chips"}, told
    assert tables - altered == {"pending_blocks", "pending_losses"}


def test_text_that_sqlite_cannot_quote_is_named(closed: Path, tmp_path: Path) -> None:
    flipping.laid(closed, tmp_path / "mortal")
    path = tmp_path / "mortal" / "collection.sqlite"
    content = path.read_bytes()
    at = content.index(b"CREATE TABLE scenes")
    path.write_bytes(content[: at + 8] + b"\xa9" + content[at + 9 :])
    outcome, told = flipping.examined(tmp_path / "mortal", ())
    assert (outcome, "UTF-8" in told) == ("refused", True)
    assert flipping.mended(tmp_path / "mortal", {}).startswith("refused: ")
