"""No room writes into a data folder what the backup has no rule for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from satseek.backup.rules import LEFT_OUT, NOTE, RULES, strangers, why_left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parents[3] / "src"

HANDED = {
    "Audit": ("audit",),
    "KeyStore": ("access.db",),
    "Presence": ("jobs/workers",),
    "_anew": (),  # the folder of a collection
    "assembly": (),  # settings
    "choose_engines": ("engines.json",),
    "fetched": (".object-abc",),
    "files_of": ("results",),
    "folder_of": ("results",),
    "glossary_in": ("glossary.tsv",),
    "open_file": ("results",),
    "remember": ("engines.json",),
    "remembered": ("engines.json",),
    "standing_in": ("objects",),
    "sweep": ("results",),
    "written": (".object-abc",),
}
"""Who is handed a data folder as a whole, and what they write into it; () : nothing by itself."""

READ_ONLY = {
    *("Path", "_Place", "_room", "check_data_dir", "check_place", "disks", "look", "make_backup"),
    *("read_backup", "restore_backup", "restore_collections", "result_file", "str", "_record"),
}
"""Who is handed one and writes nothing of their own, or is the backup itself."""

LOOKED_AT = {"satseek.service.machine: name"}
"""Folders whose room on the disk is looked at."""

CALLS = HANDED.keys() | READ_ONLY


def kept(path: str) -> bool:
    """Whether a rule keeps a path, or what lies above or below it, or says why not."""
    rules = [rule.path for rule in RULES]
    near = any(
        f"{rule}/".startswith(f"{path}/") or f"{path}/".startswith(f"{rule}/") for rule in rules
    )
    return near or why_left_out(path) is not None


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((SOURCES / "satseek").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        if "data_dir" in text and not name.startswith("satseek.backup."):
            yield name, ast.parse(text)


def assigned(tree: ast.Module, name: str) -> str | None:
    """Find what a name stands for: a text of the module, or of the one that it comes from."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            return str(ast.literal_eval(node.value))  # type: ignore[attr-defined]
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if (alias.asname or alias.name) == name:
                path = SOURCES.joinpath(*str(node.module).split("."))  # type: ignore[attr-defined]
                file = path.with_suffix(".py")
                return assigned(ast.parse(file.read_text(encoding="utf-8")), alias.name)
    return None


def is_data_dir(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="data_dir" | "_data_dir") | ast.Name(id="data_dir"):
            return True
        case ast.Call(func=ast.Attribute(value=inner)):  # .resolve(), .absolute()
            return is_data_dir(inner)
    return False


def test_each_folder_that_is_named_below_a_data_folder_has_a_rule() -> None:
    named: dict[str, str] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and is_data_dir(node.left):
                below = node.right
                if isinstance(below, ast.Constant):
                    named[str(below.value)] = name
                else:
                    assert isinstance(below, ast.Name), f"{name}: {ast.unparse(node)}"
                    named[assigned(tree, below.id) or f"{name}: {below.id}"] = name
    assert {"collections", "concepts", "models", "monitor", "jobs", "results"} <= named.keys()
    assert [] == sorted(one for one in named.keys() - LOOKED_AT if not kept(one)), named


def test_whoever_is_handed_a_data_folder_is_known() -> None:
    unknown = {
        f"{name}: {ast.unparse(node.func)}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(is_data_dir(one) for one in [*node.args, *(word.value for word in node.keywords)])
        and ast.unparse(node.func).rpartition(".")[2] not in CALLS
    }
    assert set() == unknown, "say here what they write, and give it a rule in backup/rules.py"


@pytest.mark.parametrize("path", sorted({path for paths in HANDED.values() for path in paths}))
def test_what_they_write_has_a_rule(path: str) -> None:
    assert kept(path)


def test_names_of_files_are_those_of_the_rooms_that_write_them() -> None:
    from satseek.engines.remembering import FILE as ENGINES  # noqa: PLC0415
    from satseek.jobs.presence import NAME as WORKERS  # noqa: PLC0415
    from satseek.jobs.queues import FILE as JOBS  # noqa: PLC0415
    from satseek.jobs.working import FOLDER as QUEUE  # noqa: PLC0415
    from satseek.model.activation import HISTORY  # noqa: PLC0415
    from satseek.monitor.damage.uploads import Uploads  # noqa: PLC0415
    from satseek.monitor.findings.pictures import FOLDER as PICTURES  # noqa: PLC0415
    from satseek.monitor.runs.keeping import FOLDER as RUNS  # noqa: PLC0415
    from satseek.monitor.tables import DATABASE, FOLDER  # noqa: PLC0415
    from satseek.search.glossary import FILE_NAME as GLOSSARY  # noqa: PLC0415
    from satseek.service.access.audit import FOLDER as AUDIT  # noqa: PLC0415
    from satseek.service.access.keys import FILE_NAME as KEYS  # noqa: PLC0415
    from satseek.service.access.sessions import FOLDER as LOGINS  # noqa: PLC0415

    uploads = Uploads(Path(FOLDER)).folder.as_posix()
    theirs = {
        *(KEYS, GLOSSARY, ENGINES, AUDIT, f"{QUEUE}/{JOBS}", f"{FOLDER}/{DATABASE}"),
        *(f"{FOLDER}/{PICTURES}", f"{FOLDER}/{RUNS}", uploads),
        *("results", "concepts", "collections", "models"),
    }
    assert theirs == {rule.path for rule in RULES}
    assert {LOGINS, f"{QUEUE}/{WORKERS}"} <= {pattern for pattern, _ in LEFT_OUT}
    models = next(rule for rule in RULES if rule.path == "models")
    assert HISTORY not in models.skipped


def test_what_nobody_knows_is_told(tmp_path: Path) -> None:
    for path in ("scenes", "jobs", "monitor/pictures", "monitor/new", "logins", "work/county"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("notes.txt", "access.db", "access.db-wal", NOTE, "jobs/worker.log", "jobs/other"):
        (tmp_path / path).write_text("x")
    assert ["jobs/other", "monitor/new", "notes.txt", "scenes"] == list(strangers(tmp_path))
