"""Turns a store's folder into the versions that lie in it.

Does not know which of them is in use, and changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from satseek.errors import SatseekError
from satseek.model.bundle import starter_bundle
from satseek.model.card import CARD, read_card
from satseek.model.naming import ACTIVE, STARTER, is_model_name, is_version
from satseek.model.reports import read_report

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.naming import Reference
    from satseek.model.reports import GateReport
    from satseek.types import ModelCard

    Key = tuple[str, str]
    """Name and version."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of a model in the store."""

    name: str
    """The model's name: that of its folder."""
    version: str
    """12 hex digits."""
    folder: Path
    """Where its files lie."""
    card: ModelCard
    """What it is."""
    bytes: int
    """Size of its files."""
    report: GateReport | None
    """What it was checked for; None: it never was."""

    @property
    def ref(self) -> str:
        """``NAME@VERSION``."""
        return ref_of((self.name, self.version))

    @property
    def gate(self) -> Literal["passed", "failed", "none"]:
        """Whether it has a report of exactly this version, and whether that passed."""
        if self.report is None or self.report.model != self.card.ref:
            return "none"
        return "passed" if self.report.passed else "failed"


def ref_of(key: Key) -> str:
    """``NAME@VERSION``; the shipped model's version goes without saying."""
    name, version = key
    return name if name == STARTER or not version else f"{name}@{version}"


def stored_version(key: Key, folder: Path) -> StoredVersion:
    """Read what is known of one version.

    Raises:
        ModelNotFound, DamagedData: its card or its report is not readable.
    """
    return StoredVersion(
        name=key[0],
        version=key[1],
        folder=folder,
        card=read_card(folder),
        bytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        report=read_report(folder),
    )


def version_folders(store: Path) -> dict[Key, Path]:
    """Folder of every version, sorted: ``NAME/VERSION/``, and ``NAME/`` that holds a card itself.

    The latter is how models were laid out before there were versions.
    """
    found = {}
    for named in _entries(store):
        if named.name in (STARTER, ACTIVE) or not is_model_name(named.name) or not named.is_dir():
            continue
        for folder in _entries(named):
            if is_version(folder.name) and folder.is_dir():
                found[named.name, folder.name] = folder
        if (named / CARD).is_file():
            found.setdefault((named.name, _version_on_card(named)), named)
    return found


def fitting(reference: Reference, store: Path) -> dict[Key, Path]:
    """The versions that a reference may mean."""
    return {
        (name, version): folder
        for (name, version), folder in version_folders(store).items()
        if name == reference.name and version.startswith(reference.version or "")
    }


def is_shipped(reference: Reference) -> bool:
    """Whether a reference fits the shipped model, as ``starter`` or by the name on its card."""
    if reference.name == STARTER and reference.version is None:
        return True
    try:
        card = starter_bundle().card
    except SatseekError:
        return False
    named = reference.name in (STARTER, card.name)
    return named and card.version.startswith(reference.version or "")


def name_on_card(folder: Path) -> str:
    """``name@version`` as the card has it; empty where it is not readable."""
    try:
        card = read_card(folder)
    except SatseekError:
        return ""
    return card.ref


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted; nothing where it is not there, or not any more."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _version_on_card(folder: Path) -> str:
    try:
        return read_card(folder).version
    except SatseekError as error:
        logger.warning("model store: %s", error)
        return ""
