"""What went wrong → what a client may read of it: files by their names, not where they lie.

Does not know which door the client came through.
"""

from __future__ import annotations

import logging
import re

from satseek.errors import SatseekError

logger = logging.getLogger(__name__)

_FOLDERS = re.compile(
    r"(?<![\w.~/\\-])"  # a path below something named, such as a chip's id, is left as it is
    r"(?:[A-Za-z]:)?[/\\](?![/\\])"
    r"(?:(?:[^/\\'\"\n:;,]|[:;,](?=\S))*[/\\])+"  # spaces may be part of a folder's name
)
"""Folders of an absolute path. Where prose and path cannot be told apart, rather more goes."""


def told(error: SatseekError) -> str:
    """Return an error's message for clients; what is withheld of it is logged."""
    message = str(error)
    shown = without_folders(message)
    if shown != message:
        logger.warning("refused: %s", " ".join(message.split()))
    return shown


def without_folders(text: str) -> str:
    """``/srv/my scenes/north.tif: cut short`` → ``north.tif: cut short``."""
    return _FOLDERS.sub("", text)
