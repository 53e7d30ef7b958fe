"""A folder of images, or scenes, and labels → a table: the use-case, run here and now.

Does not know queues or processes. What is done is written down part by part: run again, it goes on.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from satseek.assemble import Assembly
from satseek.buckets import deliver, file_of, standing_in
from satseek.errors import CollectionLocked, UnreadableImage
from satseek.jobs.asking import ByHand, Elsewhere, ScenesAsked, Task
from satseek.jobs.indexing import executor_of, layout_of
from satseek.jobs.results import FILES, new_try, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.assemble.served import ServedModel
    from satseek.imagery.candidates import Candidates
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.search.classifying_bulk import Apart, BulkChoices, BulkReport
    from satseek.settings import Settings

USUAL = "csv"
"""Format of a job's table where none is asked for."""

WORK = ".classify-"
"""Beginning of the folders of what jobs have done meanwhile, in the work folder; behind it stands
a digest of all that was asked, so that the same job asked again goes on."""

KEEP_SECONDS = 7 * 24 * 3600.0
"""What a job has done and none goes on with is thrown away after so long."""

MAX_READERS = 8
"""Images decoded at once: each is some megabytes, and no engine here takes more."""


class ClassifyTask(ScenesAsked, Elsewhere, Task):
    """Classify a folder of images, or the chips of scenes, by labels of your own; one table."""

    labels: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = Field(
        min_length=1,
        max_length=1000,
        description="Words, in English or Chinese, or `@CONCEPT`; each different.",
    )
    templates: tuple[Annotated[str, Field(min_length=2, max_length=1000)], ...] | None = Field(
        None, min_length=1, max_length=100, description="Prompts with one `{}`; unset: the usual."
    )
    distractors: bool = Field(
        default=True, description="Let other land cover take its share as 'none of these'."
    )
    all_labels: bool = Field(
        default=False, description="A row for each label of an image, not for the best alone."
    )
    format: str | None = Field(
        None, max_length=20, description="Format, as `/v1/formats` lists them; unset: CSV."
    )
    cut: Literal["auto", "always", "never"] = Field(
        "auto",
        description="What is cut into chips; `auto`: what is georeferenced and larger than a chip.",
    )


class ClassifyHere(ClassifyTask, ByHand):
    """The same, asked by a person at this machine's terminal."""

    recipe: str | None = Field(None, max_length=4096, description="Recipe, or a file of one.")
    more: tuple[str, ...] = ()
    """Sources besides `folder`, of the same kinds."""
    out: str | None = None
    """Table to write, an absolute path or s3://BUCKET/KEY whose name tells the format; None: a file
    of the job."""


def check_classify(asked: ClassifyTask, parts: Parts) -> None:
    """Refuse labels, templates, a format or a source that cannot be.

    Raises:
        InvalidRequest, EmptyText, DependencyMissing, UnsafeReference, FolderNotFound: as said.
    """
    from satseek.jobs.sources import source_for  # noqa: PLC0415 - slow to load
    from satseek.model.prompts import prompts  # noqa: PLC0415
    from satseek.search.classifying import check_labels  # noqa: PLC0415
    from satseek.search.classifying_bulk import BulkChoices  # noqa: PLC0415

    for label in check_labels(asked.labels):
        if asked.templates is not None:
            prompts(label, templates=asked.templates)
    BulkChoices(format=asked.format).checked(Path(_file_name(asked)))
    layout_of(asked)
    executor_of(asked, parts.settings)
    source_for(asked, parts.settings)


def classify(
    asked: ClassifyTask, settings: Settings, on_progress: OnProgress, results: Path
) -> Result:
    """Classify images; the table is one of the job's files, or where it was asked for.

    Raises:
        UnreadableImage: not one of them can be used.
    """
    if isinstance(asked, ClassifyHere) and asked.out is not None:
        table = standing_in(asked.out, folder=settings.data_dir)
        report = classify_into(table, asked, settings, on_progress)
        deliver(table, asked.out)
        return _told(report) | {"file": asked.out}
    from satseek.search.classifying_bulk import BulkChoices  # noqa: PLC0415 - slow to load

    name = _name(asked)
    with new_try(results) as folder:
        report = classify_into(folder / name, asked, settings, on_progress, work=_work(settings))
        kind = BulkChoices(format=asked.format).checked(folder / name)
        files = told(folder, media_types={name: kind.media_type})
    return _told(report) | {"file": name, FILES: files}


def classify_into(
    table: Path,
    asked: ClassifyTask,
    settings: Settings,
    on_progress: OnProgress,
    *,
    work: Callable[[str], Path] | None = None,
) -> BulkReport:
    """Classify images into a table; as ``search.classifying_bulk.classify_candidates``.

    Raises:
        UnreadableImage: not one of them can be used; the table says why.
    """
    from satseek.assemble.classifying import cutting_of, labels_asked  # noqa: PLC0415 - slow
    from satseek.imagery.candidates import BegunCandidates  # noqa: PLC0415
    from satseek.jobs.classifying_apart import asked_apart, run_apart  # noqa: PLC0415
    from satseek.search.classifying_bulk import classify_candidates  # noqa: PLC0415

    candidates = BegunCandidates(_candidates(asked, settings))
    cutting = cutting_of(layout_of(asked), cut=asked.cut)
    executor = executor_of(asked, settings)
    with closing(Assembly(settings)) as parts:
        model = parts.model()
        labels = labels_asked(
            asked.labels,
            parts=parts,
            model=model,
            templates=asked.templates,
            with_distractors=asked.distractors,
        )
        choices = _choices(asked, settings, model)
        apart: Apart | None = None
        if executor is not None:
            same = asked_apart(labels, cutting, parts, choices)
            apart = partial(run_apart, asked=same, executor=executor, on_progress=on_progress)
        report = classify_candidates(
            candidates,
            table,
            asked=labels,
            cutting=cutting,
            embedder=model.bulk_embedder,
            choices=choices,
            work=work,
            apart=apart,
            on_progress=on_progress,
        )
    if not report.images:
        first = f": {report.refusals[0].reason}" if report.refusals else ""
        raise UnreadableImage(f"none of {report.refused} files can be used{first}")
    return report


def _choices(asked: ClassifyTask, settings: Settings, model: ServedModel) -> BulkChoices:
    from satseek.jobs.sources import is_by_hand  # noqa: PLC0415 - slow to load
    from satseek.search.classifying_bulk import BulkChoices  # noqa: PLC0415

    return BulkChoices(
        format=asked.format,
        all_labels=asked.all_labels,
        batch=model.batch,
        workers=model.streams,
        readers=min(MAX_READERS, os.cpu_count() or 1),
        max_pixels=settings.max_image_pixels,
        paths="whole" if is_by_hand(asked) else "below",
    )


def _work(settings: Settings) -> Callable[[str], Path]:
    """Say where jobs keep what is done meanwhile; clears away what none goes on with."""
    from satseek.search.classifying_parts import forget  # noqa: PLC0415 - slow to load

    home = (settings.work_dir or settings.data_dir / "work").absolute()
    for left in home.glob(f"{WORK}*"):
        if time.time() - left.stat().st_mtime > KEEP_SECONDS:
            with suppress(CollectionLocked, OSError):
                forget(left)
    return lambda digest: home / f"{WORK}{digest}"


def _candidates(asked: ClassifyTask, settings: Settings) -> Candidates:
    from satseek.imagery.candidates import SeveralCandidates  # noqa: PLC0415 - slow to load
    from satseek.jobs.sources import candidates_for  # noqa: PLC0415

    more = asked.more if isinstance(asked, ClassifyHere) else ()
    if not more:
        return candidates_for(asked, settings)
    sources = [asked, *(asked.model_copy(update={"folder": one}) for one in more)]
    return SeveralCandidates([candidates_for(one, settings) for one in sources])


def _name(asked: ClassifyTask) -> str:
    """Name the table among the job's files, so that it tells the format."""
    from satseek.export.formats import format_named  # noqa: PLC0415 - slow to load

    return f"labels{format_named(asked.format or USUAL).suffixes[0]}"


def _file_name(asked: ClassifyTask) -> str:
    out = asked.out if isinstance(asked, ClassifyHere) else None
    return file_of(out) if out else _name(asked)


def _told(report: BulkReport) -> Result:
    return {**asdict(report), "refusals": [one.reason for one in report.refusals]}
