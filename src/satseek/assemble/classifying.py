"""Labels as they are written, and how scenes are cut → what a bulk classification is asked.

Knows no door. Concepts and Chinese words are looked up once, before the first image is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.assemble.asking import concept_named, labels_known
from satseek.assemble.laying_out import DEFAULT_GRID, DEFAULT_MIN_VALID
from satseek.search.labelling import SIGN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.assemble.assembling import Assembly
    from satseek.assemble.laying_out import Layout
    from satseek.assemble.served import ServedModel
    from satseek.search.classifying_plan import Cut, Cutting
    from satseek.search.classifying_rows import LabelsAsked


def labels_asked(
    labels: Sequence[str],
    *,
    parts: Assembly,
    model: ServedModel,
    templates: Sequence[str] | None = None,
    with_distractors: bool = True,
) -> LabelsAsked:
    """Look labels up.

    Args:
        labels: Words, in English or Chinese, or ``@CONCEPT``.
        parts: The working parts.
        model: Which is asked.
        templates: Prompt templates; None: the usual ones.
        with_distractors: Whether other land cover takes its share as “none of these”.

    Raises:
        EmptyText, InvalidRequest: labels that cannot be.
        ConceptNotFound, Untranslatable: what is named cannot be had.
    """
    from satseek.model.prompts import DISTRACTORS, TEMPLATES  # noqa: PLC0415
    from satseek.search.classifying import check_labels  # noqa: PLC0415
    from satseek.search.classifying_rows import LabelsAsked  # noqa: PLC0415

    asked, worded = check_labels(labels), tuple(templates or TEMPLATES)
    known = labels_known(
        asked, model=model, templates=worded, parts=parts, embedder=model.bulk_embedder
    )
    told = {label: str(words) for label, words in known.translated.items()}
    for label in asked:
        if label.startswith(SIGN):
            concept = concept_named(label.removeprefix(SIGN), parts)
            told[label] = f"{concept.name}@{concept.version}"
    return LabelsAsked(
        labels=tuple(asked),
        templates=worded,
        distractors=(*DISTRACTORS, *known.negatives) if with_distractors else (),
        vectors=known.vectors,
        told=told,
    )


def cutting_of(layout: Layout, *, cut: Cut = "auto") -> Cutting:
    """Cut as it was asked; what was left open is as for a new collection."""
    from satseek.imagery.grid import check_grid  # noqa: PLC0415 - slow to load
    from satseek.imagery.recipes import recipe_named  # noqa: PLC0415
    from satseek.search.classifying_plan import Cutting  # noqa: PLC0415

    grid = layout.grid or DEFAULT_GRID
    check_grid(grid)
    return Cutting(
        recipe=layout.recipe or recipe_named("auto"),
        grid=grid,
        min_valid=DEFAULT_MIN_VALID if layout.min_valid is None else layout.min_valid,
        cut=cut,
    )
