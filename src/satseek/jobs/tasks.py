"""A task's name and JSON → the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import ValidationError

from satseek.errors import InvalidRequest
from satseek.jobs import (
    assess,
    classifying,
    evaluating,
    exporting,
    indexing,
    keeping,
    landuse,
    quantizing,
    reembedding,
    report,
    sample,
    tuning,
    watch,
)
from satseek.jobs.asking import ByHand, CollectionTask, StacSearch, Task
from satseek.jobs.assess import AssessHere, AssessTask
from satseek.jobs.classifying import ClassifyHere, ClassifyTask
from satseek.jobs.evaluating import EvaluateHere, EvaluateTask
from satseek.jobs.exporting import ExportHere, ExportTask
from satseek.jobs.indexing import IndexHere, IndexTask, layout_of
from satseek.jobs.keeping import CompactTask, RepairTask, VerifyTask
from satseek.jobs.landuse import LanduseHere, LanduseTask
from satseek.jobs.quantizing import QuantizeHere, QuantizeTask
from satseek.jobs.reembedding import ReembedTask
from satseek.jobs.report import ReportHere, ReportTask
from satseek.jobs.sample import SampleTask
from satseek.jobs.tuning import TuneTask
from satseek.jobs.watch import WatchTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.jobs.protocol import TaskName
    from satseek.settings import Settings

__all__ = [
    "HERE",
    "TASKS",
    "Asked",
    "AssessTask",
    "ByHand",
    "ClassifyTask",
    "CollectionTask",
    "CompactTask",
    "EvaluateTask",
    "ExportTask",
    "IndexTask",
    "LanduseTask",
    "QuantizeTask",
    "ReembedTask",
    "RepairTask",
    "ReportTask",
    "SampleTask",
    "StacSearch",
    "Task",
    "TuneTask",
    "VerifyTask",
    "WatchTask",
    "check_task",
    "layout_of",
    "read_task",
    "run_task",
]

Asked: TypeAlias = (
    IndexTask
    | ClassifyTask
    | ReembedTask
    | QuantizeTask
    | EvaluateTask
    | ExportTask
    | VerifyTask
    | RepairTask
    | CompactTask
    | TuneTask
    | LanduseTask
    | WatchTask
    | AssessTask
    | ReportTask
    | SampleTask
)
"""Parameters of any task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doing:
    """One task."""

    kind: type[Asked]
    """What doors take."""
    here: type[Asked]
    """What a person at this machine's terminal may say; the same, or a kind of it."""
    check: Callable[[Any, Parts], None]
    """Refuses what would certainly fail."""
    run: Callable[[Any, Settings, OnProgress, Path], Result]
    """Does it."""


_DOING: Mapping[TaskName, _Doing] = {
    "index": _Doing(kind=IndexTask, here=IndexHere, check=indexing.check_index, run=indexing.index),
    "classify": _Doing(
        kind=ClassifyTask,
        here=ClassifyHere,
        check=classifying.check_classify,
        run=classifying.classify,
    ),
    "reembed": _Doing(
        kind=ReembedTask,
        here=ReembedTask,
        check=reembedding.check_reembed,
        run=reembedding.reembed,
    ),
    "quantize": _Doing(
        kind=QuantizeTask,
        here=QuantizeHere,
        check=quantizing.check_quantize,
        run=quantizing.quantize,
    ),
    "evaluate": _Doing(
        kind=EvaluateTask,
        here=EvaluateHere,
        check=evaluating.check_evaluate,
        run=evaluating.evaluate,
    ),
    "export": _Doing(
        kind=ExportTask, here=ExportHere, check=exporting.check_export, run=exporting.export
    ),
    "verify": _Doing(
        kind=VerifyTask, here=VerifyTask, check=keeping.check_verify, run=keeping.verify
    ),
    "repair": _Doing(
        kind=RepairTask, here=RepairTask, check=keeping.check_files, run=keeping.repair
    ),
    "compact": _Doing(
        kind=CompactTask, here=CompactTask, check=keeping.check_files, run=keeping.compact
    ),
    "tune": _Doing(kind=TuneTask, here=TuneTask, check=tuning.check_tune, run=tuning.tune),
    "landuse": _Doing(
        kind=LanduseTask, here=LanduseHere, check=landuse.check_landuse, run=landuse.landuse
    ),
    "watch": _Doing(kind=WatchTask, here=WatchTask, check=watch.check_watch, run=watch.watch),
    "assess": _Doing(
        kind=AssessTask, here=AssessHere, check=assess.check_assess, run=assess.assess
    ),
    "report": _Doing(
        kind=ReportTask, here=ReportHere, check=report.check_report, run=report.report
    ),
    "sample": _Doing(
        kind=SampleTask, here=SampleTask, check=sample.check_sample, run=sample.sample
    ),
}

TASKS: Mapping[TaskName, type[Asked]] = {name: one.kind for name, one in _DOING.items()}
"""What each task needs to know, as doors take it."""

HERE: Mapping[TaskName, type[Asked]] = {name: one.here for name, one in _DOING.items()}
"""The same as a person at this machine's terminal says it. No door takes these."""


def read_task(name: str, parameters: Mapping[str, Any]) -> Asked:
    """Read what a door was asked for.

    Raises:
        InvalidRequest: there is no such task, or these are not its parameters; says which.
    """
    if name not in TASKS:
        raise InvalidRequest(f"task: expected one of {', '.join(TASKS)}, came {name[:40]!r}")
    return _read(TASKS, name, parameters)


def check_task(asked: Asked, parts: Parts) -> None:
    """Refuse now what would certainly fail later.

    Args:
        asked: What is asked for.
        parts: The working parts as far as whoever asks sees them.

    Raises:
        SatseekError: why it cannot be done.
    """
    from satseek.index.checks import check_name  # noqa: PLC0415 - slow to load

    if asked.about():
        check_name(asked.about())
    next(one for one in _DOING.values() if isinstance(asked, one.kind)).check(asked, parts)


def run_task(
    name: TaskName,
    parameters: Mapping[str, Any],
    *,
    settings: Settings,
    on_progress: OnProgress,
    results: Path,
) -> Result:
    """Do what a job is for; returns what came of it, as JSON.

    Args:
        name: The task.
        parameters: What it needs to know, as a door or a person at this machine said it.
        settings: Of this machine.
        on_progress: Told how far it is.
        results: Folder of the job's files, see ``jobs.results.folder_of``; made when it is needed.

    Raises:
        SatseekError: it cannot be done; what was committed is kept.
    """
    asked = _read(HERE, name, parameters)
    return _DOING[name].run(asked, settings, on_progress, results)


def _read(kinds: Mapping[TaskName, type[Asked]], name: str, parameters: Mapping[str, Any]) -> Asked:
    try:
        return kinds[cast("TaskName", name)].model_validate(dict(parameters))
    except KeyError as error:
        raise InvalidRequest(f"{name}: expected a task and its parameters, came others") from error
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, wrong["loc"])) or "parameters"
        raise InvalidRequest(
            f"{name}: expected a task and its parameters, came others: {place}: {wrong['msg']}"
        ) from error
