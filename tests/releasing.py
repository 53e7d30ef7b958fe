"""A data folder as release 0.1.0 left it, what that release said of it, and how to ask again."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).parent / "fixtures" / "release_0_1_0"


def unpacked(folder: Path) -> Path:
    """Unpack the data folder below a folder; gives it."""
    with tarfile.open(FIXTURE / "data.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "data"


def copied(data: Path, to: Path) -> Path:
    """Copy a data folder."""
    return Path(shutil.copytree(data, to))


def recorded() -> dict[str, Any]:
    """Give what 0.1.0 said of the folder."""
    said: dict[str, Any] = json.loads((FIXTURE / "told.json").read_text(encoding="utf-8"))
    return said


def told(data: Path) -> dict[str, Any]:
    """Say the same of a folder by the release at hand, as the program beside the folder does."""
    spec = importlib.util.spec_from_file_location("telling", FIXTURE / "telling.py")
    assert spec
    assert spec.loader
    telling = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(telling)
    known = recorded()
    said = telling.told(data, known["key"], now=known["now"])
    text = json.dumps({"key": known["key"], **said}, default=telling.plain, sort_keys=True)
    return dict(json.loads(text))


def dumped(path: Path) -> list[str]:
    """Give a database as SQL: its tables, rows, indexes and its number."""
    with closing(sqlite3.connect(path)) as db:
        number = db.execute("PRAGMA user_version").fetchone()[0]
        return [f"user_version {number}", *db.iterdump()]


def schema(path: Path) -> list[tuple[str, str]]:
    """Give the definitions of a database, by name."""
    with closing(sqlite3.connect(path)) as db:
        text = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        return [(name, " ".join(sql.split())) for name, sql in db.execute(text)]


def files(data: Path) -> dict[str, bytes]:
    """Give every file of a folder but for SQLite's own."""
    return {
        path.relative_to(data).as_posix(): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }
