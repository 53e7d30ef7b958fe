"""A land-use run and the name of a collection → the run, with the model, findings and pictures.

Knows no door: commands and jobs ask alike.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from satseek.assemble.asking import labels_known
from satseek.search.labelling import SIGN

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from satseek.assemble.assembling import Assembly, Matched
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.monitor.landuse.finishing import Done
    from satseek.monitor.landuse.running import Asked
    from satseek.types import Vectors


def land_use_of(
    collection: str,
    asked: Asked,
    *,
    parts: Assembly,
    out: Path,
    made_at: datetime,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Done:
    """Run land use on a collection; takes and raises what ``run_land_use`` does.

    Raises:
        CollectionNotFound, ModelMismatch: the collection or its model cannot be had.
        ConceptNotFound: a prompt names a concept that is not there.
        InvalidName, Conflict: no run of this collection may have the name.
        CollectionLocked: another process runs it at this moment.
    """
    from satseek.monitor.landuse.keeping import keep_land_use  # noqa: PLC0415 - slow to load
    from satseek.monitor.opening import opened_runs  # noqa: PLC0415

    runs = opened_runs(parts.settings)
    with runs.held("landuse", asked.name):
        runs.check_free("landuse", asked.name, collection)
        done = _run(
            collection, asked, parts=parts, out=out, made_at=made_at, on_progress=on_progress
        )
        keep_land_use(done, asked, runs=runs, collection=collection, made_at=made_at)
    return done


def _run(
    collection: str,
    asked: Asked,
    *,
    parts: Assembly,
    out: Path,
    made_at: datetime,
    on_progress: OnProgress,
) -> Done:
    from satseek.monitor.landuse.finishing import Stores  # noqa: PLC0415
    from satseek.monitor.landuse.running import run_land_use  # noqa: PLC0415 - slow to load
    from satseek.monitor.opening import opened_findings, opened_pictures  # noqa: PLC0415
    from satseek.monitor.samples.keeping import Samples  # noqa: PLC0415
    from satseek.monitor.tables import FOLDER  # noqa: PLC0415

    matched = parts.matched(collection)
    known = concepts_among(asked.labels, matched, parts)
    with (
        matched.pinned() as index,
        closing(opened_findings(parts.settings)) as findings,
        closing(Samples(parts.settings.data_dir / FOLDER)) as samples,
    ):
        stores = Stores(
            findings=findings, pictures=opened_pictures(parts.settings), samples=samples
        )
        return run_land_use(
            asked,
            collection=matched.collection,
            index=index,
            embedder=matched.model.embedder,
            stores=stores,
            out=out,
            made_at=made_at,
            glossary=parts.glossary,
            known=known,
            on_progress=on_progress,
        )


def concepts_among(labels: LabelSet, matched: Matched, parts: Assembly) -> dict[str, Vectors]:
    """Find the vectors of prompts that are saved concepts (``@mines``).

    Raises:
        ConceptNotFound: there is no such concept.
        InvalidRequest: it has no words, by which alone labels compare.
    """
    named = [prompt for prompt in labels.prompts if prompt.startswith(SIGN)]
    if not named:
        return {}
    known = labels_known(named, model=matched.model, templates=labels.templates, parts=parts)
    return dict(known.vectors)
