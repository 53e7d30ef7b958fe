from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from satseek.errors import DamagedData
from satseek.index import ledger
from satseek.index.ledger import Entry, Ledger, Sum

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = "CREATE TABLE later (id INTEGER PRIMARY KEY, said TEXT)"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name UNIQUE, much REAL)")
    connection.execute("INSERT INTO things VALUES (1, 'one', 1.5)")
    ledger.found(connection)
    yield connection
    connection.close()


def changed(db: sqlite3.Connection, follower: Ledger, *statements: str) -> Entry:
    """Commit statements as one change."""
    db.execute("BEGIN")
    follower.begin()
    for statement in statements:
        db.execute(statement)
    entry = follower.settle()
    db.execute("COMMIT")
    return entry


def reckoned(db: sqlite3.Connection) -> dict[str, Sum]:
    return {name: ledger.add_up(db, name) for name in ledger.names(db)}


@pytest.mark.parametrize(
    "statements",
    [
        ("INSERT INTO things VALUES (2, 'two', 2), (3, x'00ff', NULL)",),
        ("UPDATE things SET much = 7",),
        ("UPDATE things SET id = 9",),
        ("INSERT OR REPLACE INTO things VALUES (5, 'one', 0.1)",),
        ("DELETE FROM things",),
        ("INSERT INTO things VALUES (2, 'two', 2)", "DELETE FROM things WHERE id = 1"),
        (NEW, "INSERT INTO later VALUES (1, 'x')"),
        ("ALTER TABLE things ADD COLUMN more DEFAULT 3", "UPDATE things SET more = 4"),
        ("DROP TABLE things", NEW),
        ("CREATE INDEX by_much ON things (much)",),
        ("ALTER TABLE things RENAME TO others", "INSERT INTO others VALUES (2, 'two', 2)"),
    ],
)
def test_sums_follow_every_kind_of_change(
    db: sqlite3.Connection, statements: tuple[str, ...]
) -> None:
    follower = Ledger(db)
    before = ledger.read(db)
    entry = changed(db, follower, *statements)
    assert entry.changes == before.changes + 1
    assert reckoned(db) == entry.sums == ledger.read(db).sums
    assert entry.proof != before.proof
    if "things" in entry.sums:
        again = changed(db, follower, "INSERT INTO things (id, name) VALUES (77, 'late')")
        assert reckoned(db) == again.sums
        assert again.sums["things"].rows == entry.sums["things"].rows + 1


def test_the_order_of_rows_does_not_count(db: sqlite3.Connection) -> None:
    follower = Ledger(db)
    first = changed(db, follower, "INSERT INTO things VALUES (2, 'two', 2), (3, 'three', 3)")
    changed(db, follower, "DELETE FROM things")
    again = changed(
        db,
        follower,
        "INSERT INTO things VALUES (3, 'three', 3)",
        "INSERT INTO things VALUES (1, 'one', 1.5), (2, 'two', 2)",
    )
    assert first.sums == again.sums


def test_what_came_to_nothing_leaves_no_trace(db: sqlite3.Connection) -> None:
    follower = Ledger(db)
    expected = ledger.read(db)
    for _ in range(2):
        db.execute("BEGIN")
        follower.begin()
        db.execute("DELETE FROM things")
        db.execute(NEW)
        follower.settle()
        db.execute("ROLLBACK")
    assert ledger.read(db) == expected
    entry = changed(db, follower, NEW, "INSERT INTO later VALUES (1, 'x')")
    assert reckoned(db) == entry.sums
    entry = changed(db, follower, "INSERT INTO later VALUES (2, 'y')")
    assert reckoned(db) == entry.sums


def test_the_kind_of_a_value_counts(db: sqlite3.Connection) -> None:
    found = set()
    for value in (1, 1.0, "1", b"1", None, "None", "ä"):
        db.execute("UPDATE things SET name = ?", (value,))
        found.add(ledger.add_up(db, "things").total)
    assert len(found) == 7


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger SET changes = changes + 1",
        "UPDATE ledger SET sums = replace(sums, '1 ', '2 ')",
        "UPDATE ledger SET proof = 'x'",
        "DELETE FROM ledger",
    ],
)
def test_a_ledger_that_was_altered_is_refused(db: sqlite3.Connection, damage: str) -> None:
    db.execute(damage)
    with pytest.raises(DamagedData, match="ledger"):
        ledger.read(db)


def test_a_sum_written_and_read_again_is_the_same() -> None:
    for one in (Sum(), Sum(rows=3, total=2**128 - 1), Sum().moved(-1, -5)):
        assert Sum.from_text(one.to_text()) == one
    assert Sum().moved(2, 9).moved(-2, -9) == Sum()
