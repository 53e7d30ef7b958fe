"""Turns a version and its proof into leave to be used, or to be taken for what was offered.

Does not know where versions are kept, nor which one is in use.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, GateNotPassed
from satseek.model.naming import STARTER
from satseek.model.reports import REPORT, read_report
from satseek.model.verifying import check_gate, problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle

logger = logging.getLogger(__name__)


def check_kept(kept: Path, *, offered: Path) -> None:
    """Refuse to pass off a damaged version as stored; log where the offered one had better proof.

    Raises:
        DamagedData: what is kept is not what was stored.
    """
    problems = problems_of(kept)
    if problems:
        raise DamagedData(f"{problems[0]}; remove the stored version, then add it again")
    there, here = read_report(kept), read_report(offered)
    if here is not None and here.passed and not (there is not None and there.passed):
        logger.warning(
            "%s is stored without this passing report: remove it, then add it again", here.model
        )


def gate_override(name: str, bundle: Bundle, *, force: bool) -> str:
    """Why the gate had to be overridden; empty: it passed.

    Args:
        name: In the store; the shipped model is checked before it is shipped, and needs no report.
        bundle: The version.
        force: Say why, instead of refusing.

    Raises:
        GateNotPassed: it did not, and nothing was forced.
    """
    if name == STARTER and not (bundle.folder / REPORT).is_file():
        return ""
    try:
        check_gate(bundle)
    except GateNotPassed as error:
        if force:
            return str(error)
        raise GateNotPassed(f"{error}; see `satseek model show`, or say --force") from error
    return ""
