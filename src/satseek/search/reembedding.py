"""A collection and another model → the same chips with that model's vectors, switched in one step.

Knows neither the terminal that shows its progress nor the runtime that embeds. The old vectors
answer until the new ones are complete and were compared with them; a kill costs seconds.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from satseek.embed.streaming import embed_stream
from satseek.errors import Conflict, ModelMismatch
from satseek.logs import log_line
from satseek.search.overlapping import Overlap, image_overlap, text_overlap
from satseek.search.rereading import Reread, Unread, look_at, reread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.rewriting import Rewriting
    from satseek.index.spec import Loss
    from satseek.types import ModelCard, Pixels, Vectors

logger = logging.getLogger(__name__)

COMMIT_CHIPS = 1024
"""Chips between two durable commits, at most about."""

COMMIT_SECONDS = 5.0
"""Seconds between two durable commits, about: what a kill costs at most."""

Outcome = Literal["switched", "same model", "scenes lost", "below overlap"]
"""``switched``; or the old vectors stay: nothing was to be done, scenes could not be read again, or
the new vectors find too few of the same chips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembedChoices:
    """What is left to whoever asks."""

    k: int = 10
    """Hits compared for each query."""
    sample: int = 256
    """Chips whose neighbours are compared; at least 1."""
    min_overlap: float | None = None
    """Mean overlap, 0–1, below which the old vectors stay; None: any will do."""
    begun: Literal["resume", "restart"] = "resume"
    """What becomes of new vectors that lie there already."""
    lost: Literal["refuse", "drop"] = "refuse"
    """Whether scenes that cannot be read again forbid the switch, or go."""
    old: Literal["drop", "keep"] = "drop"
    """What becomes of the old vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembedReport:
    """What embedding a collection again did."""

    outcome: Outcome
    """What came of it."""
    old_model: str
    """``NAME@VERSION`` before."""
    new_model: str
    """``NAME@VERSION`` asked for."""
    dim: int
    """Numbers in a vector of the new model."""
    chips: int
    """Chips that answer now."""
    embedded: int = 0
    """Chips embedded by this run."""
    seconds: float = 0.0
    """Wall time of embedding them."""
    images: Overlap | None = None
    """Over chips as queries; None where it was not compared."""
    texts: Overlap | None = None
    """Over built-in texts; None where it was not compared or the old model is not there."""
    losses: tuple[Loss, ...] = ()
    """Scenes that could not be read again."""


@dataclass(slots=True)
class ReembedProgress:
    """How far the work is; the same object is passed at every call."""

    scene: str = ""
    """Scene at work."""
    chips_done: int = 0
    """Chips with a new vector or lost, those of earlier runs included."""
    chips_total: int = 0
    """Chips of the collection."""
    embedded: int = 0
    """Chips embedded by this run."""
    started: float = field(default_factory=time.perf_counter)
    """When this run began to embed."""

    @property
    def seconds(self) -> float:
        """Wall time of this run so far."""
        return time.perf_counter() - self.started


def reembed_collection(
    collection: Collection,
    *,
    embedder: Embedder,
    former: Embedder | None,
    choices: ReembedChoices,
    batch: int = 32,
    workers: int = 1,
    on_progress: Callable[[ReembedProgress], None] = lambda _: None,
) -> ReembedReport:
    """Embed every chip again and put the new vectors into the place of the old ones.

    Go on where an earlier run stopped. Whatever happens before the switch, the old vectors answer.

    Args:
        collection: Opened for writing.
        embedder: Of the new model.
        former: Of the model in use, to compare texts; None where that model is not there any more.
        choices: What to compare, and when to refuse.
        batch: Chips in one call of the engine.
        workers: Calls of the engine at once; see ``embed_stream``.
        on_progress: Called after every batch.

    Raises:
        Conflict: New vectors of another model are begun already, and are to be gone on with.
        DamagedData: The new vectors are not what was written.
        ModelMismatch: ``former`` is not of the model in use.
    """
    card = embedder.card
    progress = ReembedProgress(chips_total=len(collection))
    made_by = collection.model
    report = ReembedReport(
        outcome="same model",
        old_model="@".join(made_by),
        new_model=card.ref,
        dim=card.dim,
        chips=progress.chips_total,
    )
    if made_by == (card.name, card.version):
        return report
    _check_former(former, made_by)
    rewriting = collection.rewriting()
    _begin(rewriting, card, choices=choices)
    _look_at_scenes(collection, rewriting)
    if choices.lost == "refuse" and rewriting.losses():
        return replace(report, outcome="scenes lost", losses=tuple(rewriting.losses()))
    build = _Build(rewriting, progress, on_progress)
    build.run(collection, embedder=embedder, batch=batch, workers=workers)
    seconds = progress.seconds
    progress.scene = "comparing old and new"
    on_progress(progress)
    report = replace(
        report,
        embedded=progress.embedded,
        seconds=seconds,
        images=image_overlap(rewriting, k=choices.k, sample=choices.sample),
        texts=text_overlap(rewriting, k=choices.k, former=former, embedder=embedder),
        losses=tuple(rewriting.losses()),
    )
    report = replace(report, outcome=_outcome(report, choices))
    if report.outcome == "switched":
        rewriting.switch(lost=choices.lost, old=choices.old)
        collection.prepare()
        report = replace(report, chips=len(collection))
    _log(rewriting.name, report)
    return report


def _check_former(former: Embedder | None, made_by: tuple[str, str]) -> None:
    if former is not None and (former.card.name, former.card.version) != made_by:
        came = former.card.ref
        raise ModelMismatch(
            f"expected to compare with {'@'.join(made_by)}, which made the vectors in use, came "
            f"{came}"
        )


def _begin(rewriting: Rewriting, card: ModelCard, *, choices: ReembedChoices) -> None:
    if choices.begun == "restart":
        rewriting.discard()
    pending = rewriting.find()
    if pending is None:
        rewriting.begin(model_name=card.name, model_version=card.version, dim=card.dim)
        return
    asked = (card.name, card.version, card.dim)
    if (pending.model_name, pending.model_version, pending.dim) != asked:
        what = "kept vectors" if pending.kept else f"vectors of {pending.next_row} rows"
        raise Conflict(
            f"{rewriting.name}: expected to begin vectors of {card.ref}, but there "
            f"are {what} of {pending.model} beside those in use; go on with --to {pending.model}, "
            "or throw them away with --restart"
        )
    rewriting.check()


def _look_at_scenes(collection: Collection, rewriting: Rewriting) -> None:
    """Find out before hours of work which scenes are not what they were; retry those lost before.

    A scene whose pixels could not be read is tried again only once its file is another one.
    """
    lost = rewriting.losses()
    again = [loss.scene_id for loss in lost if _is_back(collection, loss)]
    rewriting.retry(again)
    known = {loss.scene_id for loss in lost}
    for scene_id in rewriting.waiting()[1]:
        if scene_id not in known and (reason := look_at(collection.find_scene(scene_id))):
            rewriting.lose(scene_id, state="", reason=reason)


def _is_back(collection: Collection, loss: Loss) -> bool:
    scene = collection.find_scene(loss.scene_id)
    return scene is not None and not look_at(scene) and scene.digest != loss.state


class _Build:
    """Takes chips in order and commits their vectors in blocks."""

    def __init__(
        self,
        rewriting: Rewriting,
        progress: ReembedProgress,
        on_progress: Callable[[ReembedProgress], None],
    ) -> None:
        self._rewriting = rewriting
        self._progress = progress
        self._on_progress = on_progress
        self._rows: list[int] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._next_row = rewriting.pending.next_row
        self._last: Reread | None = None
        self._committed_at = time.monotonic()

    def run(self, collection: Collection, *, embedder: Embedder, batch: int, workers: int) -> None:
        """Embed what has no vector yet; commits only whole batches.

        So a resumed run cuts batches as an undisturbed one does, and vectors are the same to the
        bit even where an engine's depend on their batch.
        """
        waiting, _ = self._rewriting.waiting()
        self._progress.chips_done = self._progress.chips_total - waiting
        self._progress.started = time.perf_counter()
        stream = embed_stream(
            reread(collection, self._rewriting),
            pixels=_pixels,
            embedder=embedder,
            batch=batch,
            workers=workers,
        )
        for items, vectors in stream:
            self._take(items, vectors)
        self._commit(self._rewriting.pending.rows)

    def _take(self, items: Sequence[Reread | Unread], vectors: Vectors) -> None:
        rows = iter(vectors)
        for item in items:
            self._progress.scene = item.scene_id
            self._next_row = max(self._next_row, item.row + 1)
            if isinstance(item, Unread):
                self._last = None
                self._rewriting.lose(item.scene_id, state=item.state, reason=item.reason)
                self._progress.chips_done += item.chips
            else:
                self._last = item
                self._rows.append(item.row)
                self._vectors.append(next(rows))
                self._progress.chips_done += 1
                self._progress.embedded += 1
        waited = time.monotonic() - self._committed_at
        if len(self._rows) >= COMMIT_CHIPS or waited >= COMMIT_SECONDS:
            self._commit(self._next_row)
        self._on_progress(self._progress)

    def _commit(self, next_row: int) -> None:
        """Make everything taken so far durable, in one transaction."""
        dim = self._rewriting.pending.dim
        last = self._last
        self._rewriting.add(
            np.array(self._rows, dtype=np.int64),
            np.stack(self._vectors) if self._vectors else np.empty((0, dim), np.float32),
            next_row=next_row,
            scene_id=last.scene_id if last else "",
            next_position=last.next_position if last else 0,
        )
        self._rows, self._vectors = [], []
        self._committed_at = time.monotonic()


def _outcome(report: ReembedReport, choices: ReembedChoices) -> Outcome:
    """Tell whether the new vectors may take the place of the old ones."""
    if report.losses and choices.lost == "refuse":
        return "scenes lost"
    if (
        choices.min_overlap is not None
        and _least(report.images, report.texts) < choices.min_overlap
    ):
        return "below overlap"
    return "switched"


def _log(name: str, report: ReembedReport) -> None:
    log_line(
        logger,
        "reembedded",
        collection=name,
        outcome=report.outcome.replace(" ", "_"),
        old_model=report.old_model,
        new_model=report.new_model,
        embedded=report.embedded,
        seconds=round(report.seconds, 2),
    )


def _least(*overlaps: Overlap | None) -> float:
    return min((one.mean for one in overlaps if one is not None), default=1.0)


def _pixels(item: Reread | Unread) -> Pixels | None:
    return item.pixels if isinstance(item, Reread) else None
