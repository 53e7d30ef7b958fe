"""Numbers of formats: what is read, what is refused, and what every store does with a newer one."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import make_finding

from satseek.errors import DamagedData, FormatTooNew
from satseek.formats import (
    MARK,
    check_folder,
    check_format,
    format_of,
    is_marked,
    mark_folder,
    unmark_folder,
)
from satseek.index.milvus.pointing import Address, attach, read_address
from satseek.index.proving import rows_kept
from satseek.jobs.answers import Answers
from satseek.jobs.embedded import EmbeddedQueue
from satseek.model.activation import here_and_now, read_history, write_history
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.runs.run import run_of
from satseek.search.concepts import ConceptStore
from satseek.service.access.audit import Audit
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import LOCAL
from satseek.types import Concept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_is_known_is_read_and_what_is_newer_is_refused_in_words() -> None:
    check_format("here", 1, 2)
    check_format("here", 2, 2)
    with pytest.raises(FormatTooNew) as refused:
        check_format("here", 3, 2)
    said = r"here: written by a newer satseek \(format 3\); satseek \d+\.\d+\.\d+ reads up to 2: .*"
    assert re.fullmatch(said + "upgrade it, or restore the backup made before", str(refused.value))
    assert 5 == refused.value.exit_code


@pytest.mark.parametrize("found", [None, "2", 1.0, True])
def test_what_is_no_number_is_damage(found: Any) -> None:
    with pytest.raises(DamagedData, match="here: expected the number of a format, came"):
        check_format("here", found, 2)


def test_a_folder_says_its_format_in_a_file_and_the_first_in_none(tmp_path: Path) -> None:
    assert (1, False) == (format_of(tmp_path), is_marked(tmp_path))
    assert 1 == format_of(tmp_path / "none")
    mark_folder(tmp_path, 12)
    mark_folder(tmp_path, 3)
    assert ("3\n", 3) == ((tmp_path / MARK).read_text(), format_of(tmp_path))
    check_folder(tmp_path, 3)
    with pytest.raises(FormatTooNew):
        check_folder(tmp_path, 2)
    unmark_folder(tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_mark_whose_writer_was_killed_says_nothing_and_another_text_is_damage(
    tmp_path: Path,
) -> None:
    (tmp_path / MARK).touch()
    assert (1, False) == (format_of(tmp_path), is_marked(tmp_path))
    (tmp_path / MARK).write_text("two")
    with pytest.raises(DamagedData, match="FORMAT: expected a number, came 'two'"):
        format_of(tmp_path)


def test_a_mark_takes_the_place_of_another_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_folder(tmp_path, 12)
    other = (tmp_path / MARK).open()  # who reads it meanwhile has the whole of one

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with other:
        mark_folder(tmp_path, 3)
        assert "12\n" == other.read()
    with monkeypatch.context() as killed:
        killed.setattr(type(tmp_path), "replace", die)
        with pytest.raises(KeyboardInterrupt):
            mark_folder(tmp_path, 4)
    assert (3, [MARK]) == (format_of(tmp_path), [one.name for one in tmp_path.iterdir()])


def numbered(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {number}")


def number_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def keys(data: Path) -> None:
    KeyStore(data).list()


def answers(data: Path) -> None:
    Answers(data / "answers.sqlite").begin("me", "key", "same")


def jobs(data: Path) -> None:
    with closing(EmbeddedQueue(data / "jobs.sqlite")) as queue:
        queue.submit("verify", {}, collection="county", asked_by="me")


@pytest.mark.parametrize(
    ("use", "name"),
    [(keys, "access.db"), (answers, "answers.sqlite"), (jobs, "jobs.sqlite")],
)
def test_a_database_is_numbered_and_refused_where_the_number_is_newer(
    tmp_path: Path, use: Callable[[Path], None], name: str
) -> None:
    use(tmp_path)
    assert 1 == number_in(tmp_path / name)
    numbered(tmp_path / name, 2)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(FormatTooNew, match="newer satseek"):
        use(tmp_path)
    assert (2, before) == (number_in(tmp_path / name), (tmp_path / name).read_bytes())


def save(data: Path) -> None:
    ConceptStore(data).save(Concept(name="lakes", version=0, prompts=("a lake",)))


def look(data: Path) -> None:
    ConceptStore(data).get("lakes")


def note(data: Path) -> None:
    Audit(data).append(LOCAL, "key.create", "nightly", "done")


@pytest.mark.parametrize(
    ("write", "use", "below"),
    [(save, save, ""), (save, look, ""), (note, note, "audit")],
)
def test_a_folder_is_marked_by_its_first_writer_and_refused_where_it_is_newer(
    tmp_path: Path, write: Callable[[Path], None], use: Callable[[Path], None], below: str
) -> None:
    write(tmp_path)
    assert is_marked(tmp_path / below)
    use(tmp_path)
    mark_folder(tmp_path / below, 2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(FormatTooNew):
        use(tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_document_of_later_is_refused(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    entry = here_and_now(("colours", "0123456789ab"), "activate")
    write_history([entry], history, by_way_of=tmp_path / "new")
    assert (entry,) == read_history(history)
    history.write_text(history.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(FormatTooNew, match=r"history\.json"):
        read_history(history)
    address = Address(uri="http://localhost:19530", collection="county")
    attach(tmp_path / "county", address)
    pointer = tmp_path / "county" / "milvus.json"
    pointer.write_text(pointer.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(FormatTooNew, match=r"milvus\.json"):
        read_address(tmp_path / "county", token="")
    with pytest.raises(FormatTooNew, match="a run"):
        run_of(json.dumps({"format": 2}))


def test_a_part_of_the_findings_of_later_is_refused(tmp_path: Path) -> None:
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding()])
    with closing(sqlite3.connect(tmp_path / "findings.sqlite")) as db:
        db.execute("UPDATE layouts SET layout = layout + 1")
        db.commit()
    with closing(Findings(tmp_path)) as findings, pytest.raises(FormatTooNew, match="findings in"):
        findings.page()


CHANGES = {
    "nothing": (None, "CREATE INDEX by_name ON one (name)"),
    "a new column": (None, "ALTER TABLE one ADD more TEXT DEFAULT ''"),
    "another place": (None, "UPDATE one SET rowid = rowid + 10"),
    "what is to be altered": (None, "UPDATE one SET spec = 'new'"),
    "what is to go": (None, "DROP TABLE gone"),
    "a row lost": ("one", "DELETE FROM one WHERE name = 'a'"),
    "a row added": ("one", "INSERT INTO one VALUES ('c', 1, '')"),
    "a value": ("one", "UPDATE one SET size = 2 WHERE name = 'a'"),
    "its kind": ("one", "UPDATE one SET size = '1' WHERE name = 'a'"),
    "a column lost": ("one", "ALTER TABLE one DROP size"),
    "a table lost": ("other", "DROP TABLE other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_layout_that_loses_or_alters_a_row_is_refused(change: str) -> None:
    wrong, statement = CHANGES[change]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE one (name TEXT, size, spec TEXT)")
        db.execute("CREATE TABLE other (name TEXT)")
        db.execute("CREATE TABLE gone (name TEXT)")
        db.execute("INSERT INTO one VALUES ('a', 1, ''), ('b', 1, '')")
        db.execute("INSERT INTO gone VALUES ('c')")
        kept = rows_kept(db, dropped=("gone",), altered=(("one", "spec"),))
        if wrong is None:
            with kept:
                db.execute(statement)
            return
        with pytest.raises(DamagedData, match=f"table '{wrong}': its rows are not the same"), kept:
            db.execute(statement)
