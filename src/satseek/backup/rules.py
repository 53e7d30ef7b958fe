"""What may lie in a data folder → how it is kept, or why it is not.

Does not know the rooms that write there: they lie above. A test holds this table against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Kind = Literal["database", "file", "lines", "unit", "units", "pictures", "results", "collections"]
"""How something is held still:

``database``: an SQLite file, as of one moment · ``file``: one that is only ever replaced ·
``lines``: files that are only added to, under a lock · ``unit``: a folder that belongs together ·
``units``: a folder of such folders · ``pictures``: files that never change, named in the database
that comes next · ``results``: folders of tries, likewise · ``collections``: see ``index.freezing``.
"""

DRAFT = ".restoring"
"""Folder in the data folder of what is being restored."""

WASTE = ".restoring.waste"
"""What is left of the former once all of it has its place; a restore that was killed leaves it."""

RESTORED = ".restored"
"""File in the data folder that tells what it was restored from, until somebody uses it."""

NOTE = "backup.json"
"""File in the data folder that tells of the last backup."""

LOST = "lost+found"
"""Folder that a file system makes on each disk of its own, for itself and for root alone."""

COLLECTIONS = "collections"

_PRIVATE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How something in a data folder is kept."""

    path: str
    """In the data folder, with ``/``."""
    kind: Kind
    """How it is held still."""
    folder_mode: int = 0o755
    """Of the folder, where it is one."""
    depth: int = 1
    """Of ``units``: how many folders lead to one of them."""
    skipped: tuple[str, ...] = ()
    """Patterns of names of locks and drafts inside of it."""
    follows: bool = False
    """Whether links to files inside of it are kept as the files that they lead to; no other is."""


RULES: tuple[Rule, ...] = (
    Rule(path="access.db", kind="database"),
    Rule(path="glossary.tsv", kind="file"),
    Rule(path="engines.json", kind="file"),
    # What names comes before what it names, so that nothing that is named can be missing; of files
    # that come first and are named later, both what is there before and after is kept.
    Rule(path="results", kind="results", skipped=(".*",)),
    Rule(path="jobs/answers.sqlite", kind="database"),
    Rule(path="jobs/jobs.sqlite", kind="database"),
    Rule(path="results", kind="results", skipped=(".*",)),
    Rule(path="monitor/pictures", kind="pictures", skipped=(".*", "*.swept")),
    Rule(path="monitor/findings.sqlite", kind="database"),
    Rule(path="monitor/pictures", kind="pictures", skipped=(".*", "*.swept")),
    Rule(path="monitor/runs", kind="units", depth=2, skipped=(".*", "draft-*")),
    Rule(path="monitor/uploads", kind="units", skipped=(".*", "draft-*")),
    Rule(path="concepts", kind="unit", skipped=(".*", "*.new")),
    Rule(path=COLLECTIONS, kind="collections"),
    Rule(path="models", kind="unit", skipped=(".lock", ".staging"), follows=True),
    Rule(path="audit", kind="lines", folder_mode=_PRIVATE, skipped=("lock", ".*")),
)
"""In the order in which they are kept."""

LEFT_OUT: tuple[tuple[str, str], ...] = (
    ("logins", "people log in again; a login that was ended must not come back"),
    ("work", "what workers have done for a collection and it does not hold yet: they do it again"),
    ("exports", "files on their way to whoever asked for them"),
    ("objects", "files on their way to an object store"),
    (".object-*", "files on their way to or from an object store"),
    ("jobs/workers", "a lock"),
    ("jobs/worker.log", "a log"),
    ("monitor/.tidied", "a lock, and when it was tidied last"),
    ("monitor/*.lock", "a lock"),
    (NOTE, "tells of the last backup"),
    (DRAFT, "what a restore was killed at"),
    (WASTE, "what a restore has emptied"),
    (RESTORED, "tells of the last restore"),
    (f".{NOTE}.*", "half written"),
    (".engines.json.*", "half written"),
    (LOST, "the file system's own"),
    (f"*/{LOST}", "the file system's own"),
    ("*-wal", "of a database: its copy has it"),
    ("*-shm", "of a database"),
    ("*-journal", "of a database: its copy has it"),
)
"""What is not kept, and why: patterns of paths in the data folder, or of their last part."""


def is_skipped(name: str, rule: Rule) -> bool:
    """Tell whether a name inside a folder that is kept is a lock's, a draft's or the disk's own."""
    return name == LOST or any(fnmatchcase(name, one) for one in rule.skipped)


def why_left_out(path: str) -> str | None:
    """Tell why a path is not kept; None: no rule leaves it out."""
    last = path.rpartition("/")[2]
    for pattern, reason in LEFT_OUT:
        whole = "/" in pattern or not pattern.startswith("*")
        if fnmatchcase(path if whole else last, pattern):
            return reason
    return None


def strangers(data_dir: Path) -> Iterator[str]:
    """Find what no rule knows, as paths in the data folder: files, or whole folders."""
    kept = {rule.path for rule in RULES}
    above = {path.rpartition("/")[0] for path in kept if "/" in path}
    yield from _strangers(data_dir, "", kept, above)


def _strangers(folder: Path, below: str, kept: set[str], above: set[str]) -> Iterator[str]:
    for one in sorted(folder.iterdir()):
        path = f"{below}{one.name}"
        if path in above:
            yield from _strangers(one, f"{path}/", kept, above)
        elif path not in kept and why_left_out(path) is None:
            yield path
