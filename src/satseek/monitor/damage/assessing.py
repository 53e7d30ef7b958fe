"""Parcels and imagery of one or two moments → what became of every parcel.

Does not know files, terminals or where imagery comes from. The same parcels and the same generation
of a collection give the same answer, so that whatever was killed is simply run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.imagery.grid import parse_cell
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.damage.assessment import Assessment, ParcelDamage
from satseek.monitor.damage.cells import chips_of, seen_cells
from satseek.monitor.damage.clouds import hidden_vectors, least_hidden
from satseek.monitor.damage.deciding import Kinds
from satseek.monitor.damage.evidence import shown_chips
from satseek.monitor.damage.grading import USUAL_GRADES, EvidenceRules
from satseek.monitor.damage.joining import join
from satseek.monitor.damage.judging import class_shares, figures, judge, looks
from satseek.monitor.damage.labels import checked, having
from satseek.monitor.damage.neighbours import Controls, contrasts
from satseek.monitor.damage.overlaps import overlaps
from satseek.monitor.damage.parcels import shapes_of_parcels
from satseek.monitor.labels.labelling import label_vectors
from satseek.search.looking import BACKGROUND_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.monitor.damage.assessment import Contrast, Moment, OnProgress
    from satseek.monitor.damage.cells import SeenCells
    from satseek.monitor.damage.grading import GradeTable
    from satseek.monitor.damage.joining import Joined
    from satseek.monitor.damage.judging import Figures
    from satseek.monitor.damage.overlaps import Overlaps
    from satseek.monitor.damage.parcels import Parcel, ParcelList
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.labels.labelling import LabelSet, LabelVectors
    from satseek.search.glossary import Glossary
    from satseek.types import BBox, GeoJSON

    Floats = NDArray[np.float64]

USUAL_RULES: Final = EvidenceRules()


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
        labels: Labels of which some are affected; see `labels`.
        embedder: Of the model that both collections were made with.
        glossary: Chinese words; None: the shipped ones.
        grades: Table of losses.
        rules: What evidence is asked for.
        event: Date of the event; None: not told.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: no label is affected, or no imagery lies on the parcels.
        GridMismatch: before and after have no cell in common.
        ModelMismatch: they were made by another model.
    """
    hidden = hidden_vectors(
        checked(labels), embedder=embedder, background=after.index.sample(BACKGROUND_SAMPLE)
    )
    vectors = label_vectors(labels, embedder=embedder, glossary=glossary, known=hidden)
    shapes = shapes_of_parcels(parcels.parcels)
    box = _box(shapes)
    kinds = _kinds(labels, vectors, embedder=embedder if hidden else None)

    def seen(moment: Moment, side: Side) -> SeenCells:
        found = seen_cells(
            moment,
            side=side,
            box=box,
            labels=vectors,
            kinds=kinds,
            event=event,
            on_progress=on_progress,
        )
        if not len(found):
            raise _nothing(moment, side)
        return found

    last = seen(after, "after")
    first = None if before is None else seen(before, "before")
    both = None if before is None else (before.index.vectors, after.index.vectors)
    joined = join(last, first, kinds, quantile=rules.step_quantile, vectors=both)
    squares = _outlines(joined, after, before)
    on_progress("parcels", 0, len(parcels))
    pieces = overlaps(shapes, squares)
    if not pieces.hectares.size:
        raise _nothing(after, "after")
    judging = _Judging(
        parcels=parcels.parcels,
        shapes=shapes,
        joined=joined,
        pieces=pieces,
        square_ha=_median_ha(squares),
        grades=grades,
        rules=rules,
        event=event,
    )
    damages = judging.judged(after, before, last, first, vectors.names)
    on_progress("parcels", len(parcels), len(parcels))
    return Assessment(
        name=name,
        mode="mono" if before is None else "paired",
        labels=labels,
        grades=grades,
        rules=rules,
        event=event,
        collections=tuple(
            dict.fromkeys(one.collection for one in (before, after) if one is not None)
        ),
        model=vectors.card.ref,
        square_ha=judging.square_ha,
        shift=joined.decided.shift,
        damages=damages,
        problems=parcels.problems,
        source=parcels.source,
    )


class _Judging:
    """Parcels, cells, and what is asked for."""

    def __init__(
        self,
        *,
        parcels: Sequence[Parcel],
        shapes: NDArray[np.object_],
        joined: Joined,
        pieces: Overlaps,
        square_ha: float,
        grades: GradeTable,
        rules: EvidenceRules,
        event: date | None,
    ) -> None:
        self.parcels, self.shapes = parcels, shapes
        self.joined, self.pieces = joined, pieces
        self.square_ha = square_ha
        self._grades, self._rules, self._event = grades, rules, event
        self._hectares = np.array([one.area_ha for one in parcels])
        self._figures: Figures = figures(joined, pieces, self._hectares)

    def judged(
        self,
        after: Moment,
        before: Moment | None,
        last: SeenCells,
        first: SeenCells | None,
        names: Sequence[str],
    ) -> tuple[ParcelDamage, ...]:
        """Judge all parcels, in their order."""
        pieces, hectares = self.pieces, self._hectares
        seen = [
            looks(self.joined.after, last.dates, pieces, hectares, when="after", event=self._event)
        ]
        if first is not None and self.joined.before is not None:
            seen.append(
                looks(
                    self.joined.before,
                    first.dates,
                    pieces,
                    hectares,
                    when="before",
                    event=self._event,
                )
            )
        shown = shown_chips(self.joined, pieces, after=after, before=before)
        beside = self._contrasts()
        found = []
        for place, parcel in enumerate(self.parcels):
            of_it = tuple(one[place] for one in seen)
            share, cells = self._figures.affected[place], parcel.area_ha / self.square_ha
            verdict = judge(
                share,
                seen=of_it,
                cells=cells,
                judged=float(self._figures.judged[place]),
                contrast=beside[place],
                event=self._event,
                grades=self._grades,
                rules=self._rules,
            )
            known = bool(np.isfinite(share))
            found.append(
                ParcelDamage(
                    parcel=parcel,
                    light=verdict.light,
                    grade=verdict.grade,
                    reasons=verdict.reasons,
                    affected_share=float(share) if known else None,
                    affected_ha=float(share * parcel.area_ha) if known else None,
                    cells=cells,
                    cells_touched=self._cells(place),
                    classes=class_shares(self.joined.after, names, pieces, place),
                    looks=of_it,
                    contrast=beside[place],
                    shown=shown[place],
                )
            )
        return tuple(found)

    def _cells(self, place: int) -> tuple[str, ...]:
        cells = self.pieces.cells[self.pieces.of(place)]
        return tuple(self.joined.cells[cell] for cell in cells.tolist())

    def _contrasts(self) -> list[Contrast | None]:
        if self.joined.before is None:
            return [None] * len(self.parcels)
        share, judged = self._figures.affected, self._figures.judged
        green = np.array(
            [np.isfinite(one) and self._grades.grade(one).light == "green" for one in share]
        )
        controls = Controls(
            places=np.flatnonzero(green & (judged >= self._rules.least_seen)),
            changes=self._figures.changes,
            hectares=self._hectares,
        )
        return contrasts(self.parcels, self.shapes, controls, least=self._rules.neighbours)


def _nothing(moment: Moment, side: Side) -> InvalidRequest:
    dates = moment.index.dates()
    told = "" if dates is None else f", which has imagery from {dates[0]:%F} to {dates[1]:%F}"
    return InvalidRequest(
        f"no imagery {side} lies on the parcels in {moment.collection}{told}: look at their place, "
        "their CRS and the dates asked for"
    )


def _kinds(labels: LabelSet, vectors: LabelVectors, *, embedder: Embedder | None) -> Kinds:
    """Say what classes mean; an embedder measures how alike made-up clouds are."""
    affected, new, hidden = (
        having(labels, vectors.names, [state]) for state in ("affected", "new", "hidden")
    )
    least = 0.0 if embedder is None else least_hidden(vectors, hidden, embedder=embedder)
    return Kinds(affected=affected, new=new, hidden=hidden, least_hidden=least)


def _box(shapes: NDArray[np.object_]) -> BBox:
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return west, south, east, north


def _outlines(joined: Joined, after: Moment, before: Moment | None) -> NDArray[np.object_]:
    """Outline the ground that each cell speaks for; images that are one chip as they lie."""
    footprints: dict[str, GeoJSON | None] = {}
    for moment, sight in ((after, joined.after), (before, joined.before)):
        if moment is None or sight is None:
            continue
        loose = [
            row
            for cell, row in zip(joined.cells, sight.rows.tolist(), strict=True)
            if row >= 0 and parse_cell(cell) is None
        ]
        chips = chips_of(moment.index, np.array(loose, dtype=np.int64))
        footprints |= {chip.cell: chip.footprint for chip in chips}
    return outline_cells(joined.cells, footprints=footprints)


def _median_ha(squares: NDArray[np.object_]) -> float:
    sizes = shape_areas_ha(squares)
    return float(np.nanmedian(sizes))
