"""A change made at the terminal → lines of the audit trail around it.

Does not know what changes. Who sits at the terminal is whom this machine takes them for.
"""

from __future__ import annotations

import getpass
import re
import shlex
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from satseek.cli.application import configured
from satseek.errors import SatseekError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.service.access.principals import Principal

_CREDENTIALS = re.compile(r"//[^/@\s]+@")
"""Of an address: ``https://name:secret@host``."""


@contextmanager
def recorded(context: typer.Context, action: str, target: str, **pairs: Any) -> Iterator[None]:
    """Write down what is about to be done, and afterwards what came of it.

    Raises:
        DiskFull, DamagedData: it cannot be written down; nothing was done.
        Conflict: the data folder is being restored.
    """
    from satseek.backup.underway import begin_use  # noqa: PLC0415 (help must not wait for it)
    from satseek.service.access.audit import Audit  # noqa: PLC0415 (help must not wait for it)

    data_dir = configured(context).settings.data_dir
    begin_use(data_dir)
    audit, who = Audit(data_dir), operator()
    audit.append(who, action, target, "begun", **pairs)
    try:
        yield
    except SatseekError as error:
        audit.append(who, action, target, "refused", reason=type(error).__name__)
        raise
    audit.append(who, action, target, "done")


def operator() -> Principal:
    """Return who sits at the terminal, as this machine knows them."""
    from satseek.service.access.principals import LOCAL  # noqa: PLC0415

    try:
        return replace(LOCAL, name=f"local:{getpass.getuser()}")
    except (KeyError, OSError):  # an account without a name, as containers have
        return LOCAL


def command_line() -> str:
    """Give what was typed, for a report; with what secret somebody asks stays between the two."""
    return _CREDENTIALS.sub("//***@", shlex.join(["satseek", *sys.argv[1:]]))
