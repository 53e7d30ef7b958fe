"""A command's name → the modules that make it, so that no command waits for the others' code.

Knows no options and no words of help.
"""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer.models import CommandInfo

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "alerts": ("delivering",),
    "assess": ("assessing",),
    "audit": ("auditing",),
    "backup": ("backing_up",),
    "backups": ("backing_up",),
    "bundle": ("bundling",),
    "classify": ("classifying",),
    "collection": ("collections", "keeping", "milvus", "tuning"),
    "concept": ("concepts",),
    "config": ("configuring",),
    "demo": ("demonstrating",),
    "doctor": ("examining",),
    "downgrade": ("upgrading",),
    "embed": ("embedding",),
    "evaluate": ("evaluating",),
    "export": ("exporting",),
    "findings": ("findings", "findings_deciding"),
    "formats": ("exporting",),
    "glossary": ("glossary",),
    "index": ("indexing",),
    "jobs": ("jobs", "scheduling"),
    "key": ("keys",),
    "landuse": ("landuse", "areas", "sampling"),
    "map": ("mapping",),
    "model": ("modelling", "benching", "importing", "quantizing", "storing"),
    "recipe": ("recipes",),
    "report": ("reporting",),
    "restore": ("backing_up",),
    "search": ("searching",),
    "serve": ("serving",),
    "similar": ("searching",),
    "train": ("training",),
    "upgrade": ("upgrading",),
    "watch": ("watching", "watching_judging"),
    "worker": ("working",),
}
"""Modules of this package by the command that they make."""


class Commands(TyperGroup):
    """The root's commands; each registers itself when its modules are imported, when it is named.

    What lists them, as help and the completion of a shell do, imports all; so does a name that
    is none, for whom meant another.
    """

    def __init__(self, **given: Any) -> None:
        """Begin with what is registered by now, which may be a part of a group alone."""
        super().__init__(**given)
        self._whole: set[str] = set()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command by its name; None where there is none."""
        self._load([cmd_name] if cmd_name in MODULES else MODULES)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Give every command's name."""
        self._load(MODULES)
        return sorted(super().list_commands(ctx))

    def _load(self, names: Iterable[str]) -> None:
        from satseek.cli.application import app  # noqa: PLC0415 (which is made of this)

        if missing := [name for name in names if name not in self._whole]:
            for module in chain.from_iterable(MODULES[name] for name in missing):
                import_module(f"satseek.cli.{module}")
            named = typer.Typer(rich_markup_mode=app.rich_markup_mode)
            named.registered_commands = [c for c in app.registered_commands if _name(c) in missing]
            named.registered_groups = [g for g in app.registered_groups if g.name in missing]
            self.commands.update(typer.main.get_group(named).commands)
            self._whole.update(missing)


def _name(command: CommandInfo) -> str:
    return command.name or get_command_name(getattr(command.callback, "__name__", ""))
