"""An order for an assessment → imagery indexed, parcels assessed; again and again if need be.

Does not know terminals, queues or settings: whoever runs it hands over what opens collections.
Scenes that are indexed stay so: killed anywhere and run again, it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import shapely

from satseek.errors import InvalidRequest
from satseek.monitor.damage.assessing import USUAL_RULES, assess
from satseek.monitor.damage.assessment import Moment
from satseek.monitor.damage.grading import USUAL_GRADES
from satseek.monitor.damage.imagery import (
    Period,
    candidates_of,
    fitting_grid,
    moment_of,
    scenes_of,
)
from satseek.monitor.damage.parcels import shapes_of_parcels
from satseek.monitor.damage.skies import skies_of
from satseek.search.indexing import index_scenes

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import date

    from satseek.embed.embedder import Embedder
    from satseek.imagery.reach import Reach
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.damage.assessment import Assessment, OnProgress
    from satseek.monitor.damage.grading import EvidenceRules, GradeTable
    from satseek.monitor.damage.parcels import ParcelList
    from satseek.monitor.damage.skies import Skies
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.search.glossary import Glossary
    from satseek.search.indexing import IndexProgress, IndexReport
    from satseek.types import Filter, GridSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentOrder:
    """What is to be assessed, by what."""

    name: str
    """Of the assessment; its findings carry it."""
    parcels: ParcelList
    """Which parcels."""
    labels: LabelSet
    """Of `labels`."""
    after: Period | str
    """A folder, scene, STAC document or address; or a period of the collection."""
    before: Period | str | None = None
    """Likewise; None: mono-temporal."""
    collection: str
    """Where imagery is indexed, or lies already."""
    grades: GradeTable = USUAL_GRADES
    """Table of losses."""
    rules: EvidenceRules = USUAL_RULES
    """What evidence is asked for."""
    event: date | None = None
    """Date of the event; None: not told."""
    chip_px: int | None = None
    """Edge of chips of a new collection; None: by the parcels' sizes."""
    stride_px: int | None = None
    """Step from chip to chip of a new collection; None: half a chip."""
    pixel_size: float | None = None
    """Metres per pixel of a new collection; None: the coarsest of the scenes'."""
    crs: str | None = None
    """CRS of the grid of a new collection; None: that of all scenes, or a zone of UTM."""

    def sources(self) -> tuple[str, ...]:
        """Give what is to be indexed, before first: all that is no period."""
        named = (self.before, self.after)
        return tuple(dict.fromkeys(one for one in named if isinstance(one, str)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentTools:
    """What it takes to follow an order."""

    collections: Callable[[], list[str]]
    """Names those that are there."""
    writer: Callable[[str, GridSpec | None], Collection]
    """Opens a collection for writing, or makes it on a grid."""
    reader: Callable[[str], Collection]
    """Opens a collection for reading."""
    pinned: Callable[[str], AbstractContextManager[tuple[Pinned, Embedder]]]
    """Lends a generation of a collection and the embedder of its model."""
    bulk_embedder: Callable[[], Embedder]
    """Gives what embeds many chips."""
    reach: Reach
    """Where sources may lie."""
    batch: int = 32
    """Chips in one call of the engine."""
    workers: int = 1
    """Calls of the engine at once."""
    glossary: Glossary | None = None
    """Chinese words; None: the shipped ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What came of an order."""

    assessment: Assessment
    """What imagery says."""
    indexed: tuple[IndexReport, ...] = field(default_factory=tuple)
    """What was indexed for it, source by source."""
    moments: tuple[tuple[str, Filter], ...] = ()
    """``after`` and ``before``, and which chips of the collection are of them."""


def run_assessment(
    order: AssessmentOrder,
    *,
    tools: AssessmentTools,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Assessed:
    """Index what is to be indexed, and assess.

    Raises:
        InvalidRequest: periods of a collection that is not there, sources without a usable scene,
            or no imagery on the parcels.
        FolderNotFound, UnreadableImage, UnsafeReference: a source that cannot be read at all.
        CollectionLocked: another process writes to the collection.
        ModelMismatch, GridMismatch: the collection was made otherwise.
    """
    indexed = index_sources(order, tools=tools, on_progress=on_progress)
    moments = _moments(order, tools)
    skies = _skies(order, tools.reader(order.collection))
    with tools.pinned(order.collection) as (index, embedder):
        views = {
            side: Moment(index=index, collection=order.collection, where=where, skies=skies)
            for side, where in moments.items()
        }
        assessment = assess(
            order.parcels,
            name=order.name,
            after=views["after"],
            before=views.get("before"),
            labels=order.labels,
            embedder=embedder,
            glossary=tools.glossary,
            grades=order.grades,
            rules=order.rules,
            event=order.event,
            on_progress=on_progress,
        )
    return Assessed(assessment=assessment, indexed=indexed, moments=tuple(moments.items()))


def check_order(order: AssessmentOrder, *, collections: list[str]) -> None:
    """Refuse what would certainly fail.

    Raises:
        InvalidRequest: periods of a collection that is not there; before and after are the same.
        InvalidFilter: a period that cannot be.
    """
    check_moments(order.after, order.before)
    if not order.sources() and order.collection not in collections:
        raise InvalidRequest(
            f"{order.after}: a period of the collection {order.collection!r}, which is not there; "
            f"there are: {', '.join(collections) or 'none'}"
        )


def check_moments(after: Period | str, before: Period | str | None) -> None:
    """Refuse the same imagery as before and after; raises InvalidRequest."""
    if before == after:
        raise InvalidRequest(f"expected different imagery before and after, came '{after}'")


def index_sources(
    order: AssessmentOrder, *, tools: AssessmentTools, on_progress: OnProgress
) -> tuple[IndexReport, ...]:
    """Index before and after into the order's collection; what is there already is passed over."""
    check_order(order, collections=tools.collections())
    sources = order.sources()
    if not sources:
        return ()
    grid = None if order.collection in tools.collections() else _grid(order, tools)
    with tools.writer(order.collection, grid) as collection:
        return tuple(
            index_scenes(
                candidates_of(source, reach=tools.reach),
                collection=collection,
                embedder=tools.bulk_embedder(),
                batch=tools.batch,
                workers=tools.workers,
                on_progress=_told(on_progress),
            )
            for source in sources
        )


def _grid(order: AssessmentOrder, tools: AssessmentTools) -> GridSpec:
    scenes = [one for source in order.sources() for one in scenes_of(source, reach=tools.reach)]
    return fitting_grid(
        scenes,
        order.parcels.parcels,
        chip_px=order.chip_px,
        stride_px=order.stride_px,
        pixel_size=order.pixel_size,
        crs=order.crs,
    )


def _moments(order: AssessmentOrder, tools: AssessmentTools) -> dict[str, Filter]:
    collection = tools.reader(order.collection)
    named = {"after": order.after} | ({} if order.before is None else {"before": order.before})
    return {side: _where(one, collection, tools) for side, one in named.items()}


def _where(source: Period | str, collection: Collection, tools: AssessmentTools) -> Filter:
    if isinstance(source, Period):
        return source.filter()
    return moment_of(source, collection, reach=tools.reach)


def _skies(order: AssessmentOrder, collection: Collection) -> Skies:
    west, south, east, north = shapely.total_bounds(shapes_of_parcels(order.parcels.parcels))
    return skies_of(
        collection.scenes(), recipe=collection.spec.recipe, box=(west, south, east, north)
    )


def _told(on_progress: OnProgress) -> Callable[[IndexProgress], None]:
    def tell(progress: IndexProgress) -> None:
        on_progress(f"indexing {progress.scene}", progress.cells_done, progress.cells_total)

    return tell
