"""A command loads itself alone, and is the same as where all are loaded."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from satseek import cli
from satseek.cli.application import app
from satseek.cli.commands import MODULES

LOOK = """
import json, sys
from typer.main import get_command
from satseek.cli.application import app

def paths(command, name):
    below = getattr(command, "commands", {})
    return sorted(path for part in below for path in paths(below[part], f"{name} {part}")) or [name]

root = get_command(app)
context = root.make_context("satseek", ["config"], resilient_parsing=True)
found = {name: paths(root.get_command(context, name), name) for name in sys.argv[1:]}
print(json.dumps([found, sorted(name for name in sys.modules if name.startswith("satseek.cli."))]))
"""


def alone(*names: str) -> tuple[dict[str, list[str]], list[str]]:
    """Look these commands up in a process of their own: their paths, and what was loaded."""
    run = [sys.executable, "-c", LOOK, *names]
    found, loaded = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    return found, loaded


def paths(command: Any, name: str) -> list[str]:
    """Give a command's own path or, of a group, those of all in it."""
    below = getattr(command, "commands", {})
    return sorted(p for part in below for p in paths(below[part], f"{name} {part}")) or [name]


@pytest.fixture(scope="module")
def root() -> Any:
    """The root with whatever any module of the package registers, told in the table or not."""
    for module in pkgutil.iter_modules(cli.__path__, "satseek.cli."):
        importlib.import_module(module.name)
    return get_command(app)


def test_every_command_is_told_with_its_modules(root: Any) -> None:
    assert sorted(root.commands) == sorted(MODULES)
    in_full = {name: paths(root.commands[name], name) for name in MODULES}
    # What one brings, as a part of another's group, hides nothing of the next.
    assert alone(*sorted(MODULES, reverse=True))[0] == in_full


@pytest.mark.parametrize("name", [name for name in MODULES if len(MODULES[name]) > 1])
def test_a_group_of_several_modules_is_whole_at_once(root: Any, name: str) -> None:
    assert alone(name)[0] == {name: paths(root.commands[name], name)}


def test_others_are_not_loaded() -> None:
    _, loaded = alone("config")
    assert "satseek.cli.configuring" in loaded
    assert not {"satseek.cli.searching", "satseek.cli.watching", "satseek.cli.serving"} & set(
        loaded
    )


def test_a_name_that_is_none_is_answered_with_those_that_are_like_it() -> None:
    answer = CliRunner().invoke(app, ["serch"])
    assert answer.exit_code == 2
    assert "Did you mean 'search'" in answer.output
