"""Parcels and imagery of one or two moments → what became of every parcel.

Does not know files, terminals or where imagery comes from. The same parcels and the same generation
of a collection give the same answer, so that whatever was killed is simply run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.grading import USUAL_GRADES, EvidenceRules

if TYPE_CHECKING:
    from datetime import date

    from satseek.embed.embedder import Embedder
    from satseek.monitor.damage import Assessment, Moment, OnProgress
    from satseek.monitor.grading import GradeTable
    from satseek.monitor.labelling import LabelSet
    from satseek.monitor.parcels import ParcelList
    from satseek.search.glossary import Glossary

USUAL_RULES = EvidenceRules()


def assess(
    parcels: ParcelList,
    *,
    name: str,
    after: Moment,
    before: Moment | None = None,
    labels: LabelSet,
    embedder: Embedder,
    glossary: Glossary | None = None,
    grades: GradeTable = USUAL_GRADES,
    rules: EvidenceRules = USUAL_RULES,
    event: date | None = None,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Assessment:
    """Say of every parcel how much of it is affected, or why that cannot be said.

    Args:
        parcels: Of `check_parcels`.
        name: Of the assessment: findings of the same name and parcel are the same.
        after: Imagery after the event.
        before: Imagery before it, of a collection with the same cells; None: mono-temporal.
        labels: Labels of which some are affected; see `damage_labels`.
        embedder: Of the model that both collections were made with.
        glossary: Chinese words; None: the shipped ones.
        grades: Table of losses.
        rules: What evidence is asked for.
        event: Date of the event; None: not told.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: no label is affected, or no chip lies on the parcels.
        GridMismatch: before and after have no cell in common.
        ModelMismatch: they were made by another model.
    """
