"""What somebody says of a land-use run, in plain values → what it is to do, or a refusal.

Does not know terminals or queues: whoever asks, asks here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.model.prompts import DISTRACTORS
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.labels.files import find_labels
from satseek.monitor.labels.jointly import OVERLAPPING, STICKINESS
from satseek.monitor.labels.labelling import own_labels
from satseek.monitor.landuse.choices import PATCHES, Choices
from satseek.monitor.landuse.districts import read_districts
from satseek.monitor.landuse.running import Asked
from satseek.types import Filter

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.change.series import By
    from satseek.monitor.change.shift import Shift
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.reports.report import Language

USUAL_LABELS = "planning"
"""The label set that is taken where none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody says of a land-use run; what is left out is as usual."""

    name: str
    """Of the run."""
    labels: str = USUAL_LABELS
    """A shipped label set, or a file of one."""
    own: tuple[str, ...] = ()
    """Labels as they are written at a terminal, ``name=prompt;prompt``, instead of a set."""
    distractors: bool = True
    """Of such labels: whether other land cover takes its share as “none of these”."""
    where: Filter = field(default_factory=Filter)
    """Which chips count."""
    by: By = "month"
    """What is one date."""
    least_valid: float = 0.5
    """Least share of a cell that must have been measured, 0–1."""
    change: float = STICKINESS.change
    """Chance of another label between two dates where nothing else is known."""
    shift: Shift = "fitted"
    """What of the step between two dates is season, light and sensor."""
    persist: int = 1
    """Dates on which a new class must have been seen."""
    seed: float = PATCHES.seed
    """Percentile of change that begins a patch."""
    grow: float = PATCHES.grow
    """Percentile of change that continues a patch."""
    least_cells: int = 1
    """Minimum mapping unit in cells."""
    least_ha: float = 0.0
    """Minimum mapping unit in hectares."""
    districts: str | None = None
    """File of districts; None: none."""
    district_column: str | None = None
    """Column with their names; None: one of the usual ones."""
    districts_crs: str | None = None
    """CRS of the file; None: the one that it names."""
    districts_layer: str | None = None
    """Layer of a file that has several; None: its first."""
    reports: tuple[str, ...] = ("html",)
    """As what the report is written: ``html``, ``pdf``."""
    language: Language = "en"
    """Of the report."""
    operator: str = ""
    """Who asks."""
    command: str = ""
    """What was typed or asked."""


def asked_of(said: Said, *, folder: Path) -> Asked:
    """Read label set and districts, and put everything together.

    Args:
        said: What somebody says.
        folder: What relative paths start from.

    Raises:
        InvalidRequest, EmptyText, InvalidConfig: something that cannot be.
        FolderNotFound: a file that is not there.
        DependencyMissing: reading the districts takes a package that is not installed.
    """
    districts, notes = (
        ((), ())
        if said.districts is None
        else read_districts(
            folder / said.districts,
            column=said.district_column,
            crs=said.districts_crs,
            layer=said.districts_layer,
        )
    )
    rule = PatchRule(
        seed=said.seed, grow=said.grow, least_cells=said.least_cells, least_ha=said.least_ha
    )
    choices = Choices(
        where=said.where,
        by=said.by,
        least_valid=said.least_valid,
        stickiness=replace(STICKINESS, change=said.change),
        overlapping=replace(OVERLAPPING, change=said.change),
        shift=said.shift,
        patches=rule,
        persist=said.persist,
    )
    return Asked(
        name=said.name,
        labels=labels_of(said, folder=folder),
        choices=choices,
        districts=districts,
        notes=notes,
        reports=said.reports,
        language=said.language,
        operator=said.operator,
        command=said.command,
    )


def labels_of(said: Said, *, folder: Path) -> LabelSet:
    """Find the labels alone; raises as ``asked_of``."""
    if not said.own:
        return find_labels(said.labels, folder=folder)
    if said.labels != USUAL_LABELS:
        raise InvalidRequest("labels: give a label set, or labels of your own, not both")
    return own_labels(said.own, distractors=DISTRACTORS if said.distractors else ())
