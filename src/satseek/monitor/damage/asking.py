"""What somebody says of an assessment, in plain values → an order and what to write, or a refusal.

Does not know terminals or queues: whoever asks, asks here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from satseek.errors import InvalidRequest
from satseek.imagery.ground import parse_crs
from satseek.index.checks import check_name
from satseek.monitor.damage.assessing import USUAL_RULES
from satseek.monitor.damage.finishing import REPORTS, Wanted
from satseek.monitor.damage.grading import USUAL_GRADES, EvidenceRules, read_grades
from satseek.monitor.damage.imagery import read_period
from satseek.monitor.damage.labels import hazard_labels, own_damage_labels
from satseek.monitor.damage.parcels_reading import Reading
from satseek.monitor.damage.running import AssessmentOrder, check_moments
from satseek.monitor.damage.writing import check_formats

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.damage.grading import GradeTable
    from satseek.monitor.damage.imagery import Period
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.reports.report import Language

USUAL_HAZARD: Final = "flood"
"""Labels that are taken where none are named."""

NAME: Final = "assessment"
"""Of an assessment, and of the collection of its imagery, where neither is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody says of an assessment; what is left out is as usual."""

    parcels: str
    """File of parcels."""
    parcels_name: str = ""
    """What it is called where that is not the file's own name; empty: it is."""
    after: str
    """Imagery after the event: a period of the collection, or a folder, scene or STAC document; of
    a folder that is called like a period its whole path."""
    before: str | None = None
    """Imagery before it; None: mono-temporal."""
    name: str = NAME
    """Of the assessment."""
    collection: str | None = None
    """Where imagery is indexed, or lies already; None: that of the assessment's name."""
    hazard: str = USUAL_HAZARD
    """One of `labels.hazards`, or a file of labels."""
    affected: tuple[str, ...] = ()
    """Labels of one's own instead, ``name=prompt;prompt``, that are damage."""
    sound: tuple[str, ...] = ()
    """Likewise, that are none."""
    hidden: tuple[str, ...] = ()
    """Likewise, that hide the ground; empty: clouds."""
    grades: str | None = None
    """TOML file of the table of losses; None: `losses`."""
    losses: GradeTable | None = None
    """The table of losses itself; None: `grading.USUAL_GRADES`."""
    event: str | None = None
    """Date of the event, ``2025-08-20``; None: not told."""
    least_seen: float = USUAL_RULES.least_seen
    """Share of a parcel that must be seen, 0–1."""
    least_cells: float = USUAL_RULES.least_cells
    """Cells that a parcel must be as large as."""
    most_days_between: int | None = USUAL_RULES.most_days_between
    """Days between before and after at most; None: any."""
    most_days_after: int | None = USUAL_RULES.most_days_after
    """Days from the event to the imagery at most; None: any."""
    neighbours: int = USUAL_RULES.neighbours
    """Unaffected neighbours that a comparison takes."""
    step_quantile: float = USUAL_RULES.step_quantile
    """Of the steps of sound cells, 0.5–1: an affected cell's step is larger."""
    policy_column: str | None = None
    """Column of the policy id; None: one of the usual names, likewise the others."""
    parcel_column: str | None = None
    """Column of the parcel id."""
    crop_column: str | None = None
    """Column of the crop."""
    insured_column: str | None = None
    """Column of the insured area."""
    district_column: str | None = None
    """Column of the village or district."""
    insured_unit: str = "ha"
    """Of the insured area: a key of `parcels_reading.UNITS_HA`."""
    parcels_crs: str | None = None
    """CRS of the parcels; None: the one that their file names."""
    layer: str | None = None
    """Of a file of several layers; None: its first."""
    chip_px: int | None = None
    """Edge of chips of a new collection; None: by the parcels' sizes."""
    stride_px: int | None = None
    """Step from chip to chip; None: half a chip."""
    pixel_size: float | None = None
    """Metres per pixel of its grid; None: the coarsest of the scenes'."""
    crs: str | None = None
    """CRS of its grid; None: that of all scenes, or a zone of UTM."""
    visits: int = 20
    """Parcels that are drawn for surveyors at most; 0: none."""
    seed: int = 0
    """By which they are drawn."""
    formats: tuple[str, ...] = ()
    """Of the tables; empty: the usual ones that are at hand."""
    reports: tuple[str, ...] = ("html",)
    """As what the report is written: ``html``, ``pdf``."""
    sheets: tuple[str, ...] = ()
    """As what each policy's claim sheet is written besides, a file each: ``html``, ``pdf``."""
    language: Language = "en"
    """Of the report."""
    attribution: str = ""
    """Whose imagery it is, as its licence wants it."""
    operator: str = ""
    """Who asks."""
    command: str = ""
    """What was typed or asked."""

    def into(self) -> str:
        """Name the collection."""
        return self.collection or self.name


def order_of(said: Said, *, folder: Path) -> AssessmentOrder:
    """Read parcels, labels and grades, and put everything together.

    Args:
        said: What somebody says.
        folder: What relative paths start from.

    Raises:
        InvalidRequest, InvalidConfig, InvalidFilter, InvalidName, EmptyText: something that cannot
            be.
        FolderNotFound: a file that is not there.
        DependencyMissing: reading the parcels takes a package that is not installed.
    """
    check_said(said, folder=folder)
    parcels = _reading(said).read(folder / said.parcels)
    return AssessmentOrder(
        name=said.name,
        parcels=replace(parcels, source=said.parcels_name or parcels.source),
        labels=labels_of(said, folder=folder),
        after=_moment(said.after),
        before=None if said.before is None else _moment(said.before),
        collection=said.into(),
        grades=grades_of(said, folder=folder),
        rules=_rules(said),
        event=_event(said.event),
        chip_px=said.chip_px,
        stride_px=said.stride_px,
        pixel_size=said.pixel_size,
        crs=said.crs,
    )


def check_said(said: Said, *, folder: Path) -> None:
    """Refuse what would certainly fail, before parcels are read and imagery is indexed.

    Args:
        said: What somebody says.
        folder: What relative paths start from.

    Raises:
        As `order_of`, but for what parcels and imagery themselves are, and `wanted_of`.
    """
    check_name(said.name)
    wanted_of(said)
    labels_of(said, folder=folder)
    grades_of(said, folder=folder)
    _rules(said)
    _event(said.event)
    _reading(said)
    check_moments(_moment(said.after), None if said.before is None else _moment(said.before))
    for crs in (said.crs, said.parcels_crs):
        if crs is not None:
            parse_crs(crs)
    if said.chip_px is not None and (said.stride_px or 0) > said.chip_px:
        raise InvalidRequest(
            f"stride: expected at most the chip's edge {said.chip_px}, came {said.stride_px}"
        )


def wanted_of(said: Said) -> Wanted:
    """Say what is to be written.

    Raises:
        InvalidRequest: a format or a report that there is not.
    """
    odd = [one for one in (*said.reports, *said.sheets) if one not in REPORTS]
    if odd:
        raise InvalidRequest(f"report: expected {' or '.join(REPORTS)}, came {odd[0][:20]!r}")
    if said.visits < 0 or said.seed < 0:
        raise InvalidRequest(f"visits, seed: expected 0 or more, came {said.visits}, {said.seed}")
    return Wanted(
        visits=said.visits,
        seed=said.seed,
        formats=check_formats(said.formats) if said.formats else None,
        reports=said.reports,
        sheets=said.sheets,
        language=said.language,
        attribution=said.attribution,
        operator=said.operator,
        command=said.command,
    )


def labels_of(said: Said, *, folder: Path) -> LabelSet:
    """Find the labels alone; raises as `order_of`."""
    if not (said.affected or said.sound or said.hidden):
        return hazard_labels(said.hazard, folder=folder)
    if said.hazard != USUAL_HAZARD:
        raise InvalidRequest("hazard: give a hazard, or labels of your own, not both")
    return own_damage_labels(affected=said.affected, sound=said.sound, hidden=said.hidden)


def grades_of(said: Said, *, folder: Path) -> GradeTable:
    """Find the table of losses alone; raises as `order_of`."""
    if said.grades is None:
        return said.losses or USUAL_GRADES
    if said.losses is not None:
        raise InvalidRequest("grades: give a file of the table of losses, or the table, not both")
    return read_grades(folder / said.grades)


def _moment(named: str) -> Period | str:
    named = named.strip()
    return read_period(named) or named


def _rules(said: Said) -> EvidenceRules:
    return EvidenceRules(
        least_seen=said.least_seen,
        least_cells=said.least_cells,
        most_days_between=said.most_days_between,
        most_days_after=said.most_days_after,
        neighbours=said.neighbours,
        step_quantile=said.step_quantile,
    )


def _event(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(f"event: expected a day such as 2025-08-20, came {text!r}") from error


def _reading(said: Said) -> Reading:
    return Reading(
        policy_column=said.policy_column,
        parcel_column=said.parcel_column,
        crop_column=said.crop_column,
        insured_column=said.insured_column,
        district_column=said.district_column,
        insured_unit=said.insured_unit,
        crs=said.parcels_crs,
        layer=said.layer,
    )
