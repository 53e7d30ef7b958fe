"""What somebody says of an assessment → the assessment, with collections, model and findings.

Knows no door: commands and jobs ask alike.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from satseek.assemble.laying_out import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from satseek.assemble.assembling import Assembly
    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.damage.asking import Said
    from satseek.monitor.damage.assessment import Assessment, OnProgress
    from satseek.monitor.damage.finishing import Done, Wanted
    from satseek.monitor.damage.running import AssessmentTools
    from satseek.types import GridSpec


def assessment_of(
    said: Said,
    *,
    parts: Assembly,
    folder: Path,
    out: Path,
    made_at: datetime,
    allowed: Sequence[str] = (),
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Done:
    """Index imagery, assess parcels, keep findings and write everything down.

    Args:
        said: What somebody says.
        parts: Collections, model and settings.
        folder: What relative paths start from.
        out: Folder of the results; made where it is missing.
        made_at: When, timezone-aware: stands in the reports.
        allowed: Folders, hosts and buckets that STAC sources may lead to, besides the settings'.
        on_progress: Called as it goes.

    Raises:
        InvalidName, Conflict: no assessment of this collection may have the name.
        CollectionLocked: another process runs it at this moment.
        As `order_of`, `wanted_of`, `run_assessment` and `finish`.
    """
    from satseek.monitor.damage.asking import order_of, wanted_of  # noqa: PLC0415 - slow to load
    from satseek.monitor.damage.keeping import keep_assessment  # noqa: PLC0415
    from satseek.monitor.damage.running import run_assessment  # noqa: PLC0415
    from satseek.monitor.opening import opened_runs  # noqa: PLC0415

    runs = opened_runs(parts.settings)
    with runs.held("damage", said.name):
        runs.check_free("damage", said.name, said.into())
        wanted, order = wanted_of(said), order_of(said, folder=folder)
        assessed = run_assessment(
            order, tools=tools_of(parts, allowed=allowed), on_progress=on_progress
        )
        done = _finished(
            assessed.assessment,
            wanted,
            parts=parts,
            out=out,
            made_at=made_at,
            on_progress=on_progress,
        )
        keep_assessment(done, wanted, runs=runs, collection=said.into(), made_at=made_at)
    return done


def _finished(
    assessment: Assessment,
    wanted: Wanted,
    *,
    parts: Assembly,
    out: Path,
    made_at: datetime,
    on_progress: OnProgress,
) -> Done:
    from satseek.monitor.damage.finishing import finish  # noqa: PLC0415 - slow to load
    from satseek.monitor.opening import opened_findings, opened_pictures  # noqa: PLC0415

    with closing(opened_findings(parts.settings)) as findings:
        return finish(
            assessment,
            wanted,
            out=out,
            collections={name: parts.reader(name) for name in assessment.collections},
            findings=findings,
            pictures=opened_pictures(parts.settings),
            made_at=made_at,
            on_progress=on_progress,
        )


def tools_of(parts: Assembly, *, allowed: Sequence[str] = ()) -> AssessmentTools:
    """Give what it takes to follow an order."""
    from satseek.imagery.reach import Reach  # noqa: PLC0415 - slow to load
    from satseek.monitor.damage.running import AssessmentTools  # noqa: PLC0415

    def writer(name: str, grid: GridSpec | None) -> Collection:
        return parts.writer(name, Layout(grid=grid))

    @contextmanager
    def pinned(name: str) -> Iterator[tuple[Pinned, Embedder]]:
        matched = parts.matched(name)
        with matched.pinned() as index:
            yield index, matched.model.embedder

    settings = parts.settings
    return AssessmentTools(
        collections=parts.collections,
        writer=writer,
        reader=parts.reader,
        pinned=pinned,
        bulk_embedder=lambda: parts.bulk_embedder,
        reach=Reach.of((*settings.reference_roots, *settings.stac_hosts, *allowed)),
        batch=parts.batch,
        workers=parts.workers,
        glossary=parts.glossary,
    )
