"""No room writes into a data folder what the backup has no rule for."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from satseek.backup.rules import LEFT_OUT, NOTE, RULES, strangers, why_left_out

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
    *("Path", "_Place", "_room", "check_data_dir", "check_place", "disks", "look", "back_up"),
    *("_check_whole", "begin_use", "check_whole", "read_backup", "restore_backup"),
    *("restore_collections", "result_file", "str", "_record", "_below", "_databases"),
    *("_documents", "_marked", "_place", "_plan", "refuse_in_use"),
    *("relative_to", "stores_of", "upgrade"),
}
"""Who is handed one and writes nothing of their own, or is the backup itself."""

LOOKED_AT = {"satseek.service.machine"}
"""Who names folders by variables: it looks at the room on their disks."""

CALLS = HANDED.keys() | READ_ONLY


def kept(path: str) -> bool:
    """Whether a rule keeps a path, or what lies above or below it, or says why not."""
    rules = [rule.path for rule in RULES]
    near = any(
        f"{rule}/".startswith(f"{path}/") or f"{path}/".startswith(f"{rule}/") for rule in rules
    )
    return near or why_left_out(path) is not None


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """All that know of data folders, but for the backup itself."""
    found = []
    for path in sorted((SOURCES / "satseek").rglob("*.py")):
        name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        if "data_dir" in text and not name.startswith("satseek.backup."):
            found.append((name, ast.parse(text)))
    return tuple(found)


@cache
def tree_of(module: str) -> ast.Module:
    path = SOURCES.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    return ast.parse((file if file.is_file() else path / "__init__.py").read_text(encoding="utf-8"))


def is_data_dir(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="data_dir" | "_data_dir") | ast.Name(id="data_dir"):
            return True
        case ast.Call(func=ast.Attribute(value=inner)):  # .resolve(), .absolute()
            return is_data_dir(inner)
    return False


def imported(name: str, tree: ast.Module) -> str | None:
    """Tell what a name was imported as: ``module.name``."""
    for one in ast.walk(tree):
        for alias in one.names if isinstance(one, ast.ImportFrom) else ():
            if (alias.asname or alias.name) == name:
                return f"{one.module}.{alias.name}"  # type: ignore[attr-defined]
    return None


def assigned(name: str, tree: ast.Module) -> str | None:
    """Find the text that a name of a module stands for, there or where it comes from."""
    for one in ast.walk(tree):
        targets = one.targets if isinstance(one, ast.Assign) else ()
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = one.value  # type: ignore[attr-defined]
            return str(value.value) if isinstance(value, ast.Constant) else None
    module, _, own = (imported(name, tree) or "").rpartition(".")
    return assigned(own, tree_of(module)) if module else None


def text_of(node: ast.expr, tree: ast.Module) -> str | None:
    """Find what a text of a module is; None: a variable."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.Name(id=name):
            return assigned(name, tree)
        case ast.Attribute(value=ast.Name(id=module), attr=name):  # audit.FOLDER
            found = imported(module, tree)
            return assigned(name, tree_of(found)) if found else None
    return None


def paths_of(node: ast.expr, tree: ast.Module) -> str | None:
    """Give ``a/b`` for ``data_dir / "a" / "b"``, as far as it is known; None: it is none."""
    if is_data_dir(node):
        return ""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return None
    above = paths_of(node.left, tree)
    below = text_of(node.right, tree)
    return above if above is None or below is None else f"{above}/{below}".lstrip("/")


def test_each_path_that_is_named_below_a_data_folder_has_a_rule() -> None:
    named = {
        (path, name)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and (path := paths_of(node, tree)) is not None
    }
    paths = {path for path, _ in named}
    assert {"collections", "concepts", "models", "monitor", "jobs", "results"} <= paths
    assert {"jobs/jobs.sqlite", "jobs/answers.sqlite", "monitor/pictures"} <= paths
    unknown = {name for path, name in named if not path}
    assert unknown == LOOKED_AT, "a folder whose name is not in the source"
    assert [] == sorted({path for path in paths if path and not kept(path)}), named


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
        f"{QUEUE}/answers.sqlite",
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
