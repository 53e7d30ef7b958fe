"""Labelled or captioned images → figures of a model and a report: the use-case, here and now.

Does not know queues or processes.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from satseek.assemble import Assembly
from satseek.errors import UnsafeReference
from satseek.jobs.asking import ByHand, Task
from satseek.jobs.results import FILES, new_try, told

if TYPE_CHECKING:
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.search.evaluating import Evaluation
    from satseek.search.evaluating_sets import EvaluationSet
    from satseek.settings import Settings

REPORT = "report.html"
FIGURES = "figures.json"


class EvaluateTask(Task):
    """Measure the model on images with labels or captions."""

    folder: str = Field(
        min_length=1,
        max_length=1000,
        description="Folder with `labels.csv` or a folder for each class, a CSV, or a JSON of "
        "captions, below one of the server's `reference_roots`.",
    )
    split: str | None = Field(None, max_length=200, description="Only this split; unset: all.")
    form: Literal["folders", "csv", "coco", "karpathy"] | None = Field(
        None, description="What the set looks like; unset: found by looking."
    )
    images: str | None = Field(
        None, max_length=1000, description="Folder of the images that a CSV or JSON file lists."
    )
    templates: tuple[Annotated[str, Field(min_length=2, max_length=1000)], ...] | None = Field(
        None, min_length=1, max_length=100, description="Prompts with one `{}`; unset: the usual."
    )
    limit: int | None = Field(
        None, ge=1, description="So many images, drawn by chance but always the same; unset: all."
    )


class EvaluateHere(EvaluateTask, ByHand):
    """The same, asked by a person at this machine's terminal."""

    report: str | None = None
    """HTML report to write, an absolute path; None: among the job's files."""


def check_evaluate(asked: EvaluateTask, parts: Parts) -> None:
    """Refuse a set that may not be read or is not there, and templates that cannot be.

    Raises:
        UnsafeReference, FolderNotFound, InvalidRequest: as said.
    """
    from satseek.jobs.sources import path_of  # noqa: PLC0415 - slow to load
    from satseek.model.prompts import prompts  # noqa: PLC0415

    path_of(asked, asked.folder, parts.settings)
    if asked.images is not None:
        path_of(asked, asked.images, parts.settings)
    if asked.templates is not None:
        prompts("label", templates=asked.templates)


def evaluate(
    asked: EvaluateTask, settings: Settings, on_progress: OnProgress, results: Path
) -> Result:
    """Measure the model in force; figures in full and a report are the job's files.

    Raises:
        UnreadableImage: not one image can be used.
        InvalidConfig, EmptyText: the set cannot be.
        UnsafeReference: it lists an image that may not be read.
    """
    from satseek.model.prompts import TEMPLATES  # noqa: PLC0415 - slow to load
    from satseek.search.evaluating import evaluate_set  # noqa: PLC0415

    listed = _listed(asked, settings)
    with closing(Assembly(settings)) as parts:
        model = parts.model()
        found = evaluate_set(
            listed,
            embedder=model.bulk_embedder,
            workers=model.streams,
            templates=asked.templates or TEMPLATES,
            batch=model.batch,
            max_pixels=settings.max_image_pixels,
            on_progress=lambda note, done, total: on_progress(done, total, note),
        )
        with new_try(results) as folder:
            text = json.dumps(asdict(found), default=str, ensure_ascii=False, indent=1)
            (folder / FIGURES).write_text(text, encoding="utf-8")
            by_hand = isinstance(asked, EvaluateHere) and asked.report
            _report(Path(by_hand or folder / REPORT), found, asked, parts)
            files = told(folder)
        return {"model": model.ref, **_figures(found), FILES: files}


def _listed(asked: EvaluateTask, settings: Settings) -> EvaluationSet:
    from satseek.jobs.sources import is_by_hand, path_of  # noqa: PLC0415 - slow to load
    from satseek.search.evaluating_sets import read_set  # noqa: PLC0415

    images = None if asked.images is None else path_of(asked, asked.images, settings)
    path = path_of(asked, asked.folder, settings)
    listed = read_set(path, split=asked.split, form=asked.form, images=images)
    if not is_by_hand(asked):
        roots = [root.resolve() for root in settings.reference_roots]
        for row in listed.images:
            real = row.path.resolve()
            if not any(real.is_relative_to(root) for root in roots):
                raise UnsafeReference(
                    f"{row.place}: expected an image below the server's `reference_roots`, "
                    f"came {row.name[:200]!r}"
                )
    return listed.limited(asked.limit)


def _report(path: Path, found: Evaluation, asked: EvaluateTask, parts: Assembly) -> None:
    from satseek.search.reporting import write_report  # noqa: PLC0415 - slow to load

    said = asked.model_dump(exclude_defaults=True, exclude={"here", "allow", "report"})
    command = f"evaluate {json.dumps(said, ensure_ascii=False)}"
    write_report(path, [found], card=parts.bundle.card, command=command, date=datetime.now(UTC))


def _figures(found: Evaluation) -> dict[str, Any]:
    """Give the figures that fit into a line each; all the others lie in the files."""
    zero_shot, calibration = found.zero_shot, found.calibration
    return {
        "set": found.folder,
        "split": found.split,
        "digest": found.digest,
        "images": found.images,
        "refused": len(found.refused),
        "labels": found.labels,
        "captions": found.captions,
        "top_1": found.top_1,
        "top_1_interval": None if zero_shot is None else list(zero_shot.top_1_interval),
        "mean_average_precision": None if zero_shot is None else zero_shot.mean_average_precision,
        "recall_at_10": found.recall_at_10,
        "ece": None if calibration is None else calibration.share.ece,
    }
