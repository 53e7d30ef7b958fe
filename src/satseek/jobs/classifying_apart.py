"""Parts of a bulk classification → an executor's workers, which write them down in shared storage.

Does not know executors. What a worker writes is what this process would write, to the bit.
"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import Abandoned, FolderNotFound
from satseek.model.durable import room_named
from satseek.search.classifying_carrying import part_from_json, part_to_json
from satseek.search.classifying_parts import PartFiles
from satseek.search.classifying_recording import Recording
from satseek.search.classifying_rows import WIDE, Scorer
from satseek.syncing import sync
from satseek.types import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.assemble import Assembly
    from satseek.assemble.served import ServedModel
    from satseek.jobs.protocol import Executor
    from satseek.search.classifying_bulk import BulkChoices
    from satseek.search.classifying_plan import Cutting, Part
    from satseek.search.classifying_rows import LabelsAsked

KIND = "classify"
"""Tells these partitions from those of indexing, see ``partitions.do_partition``."""

PROMPTS = "prompts.npy"
"""Vectors of labels and distractors, in the work folder: no worker opens the text tower."""


def run_apart(
    parts: Sequence[Part],
    scorer: Scorer,
    folder: Path,
    *,
    asked: Mapping[str, Any],
    executor: Executor,
    on_progress: Callable[[int, int, str], None],
) -> None:
    """Have parts done by an executor's workers.

    Args:
        parts: Which.
        scorer: Of the labels.
        folder: Shared by all workers.
        asked: What is the same for all parts, as ``asked_apart`` says it.
        executor: Where.
        on_progress: Told images and cells done, and of how many.

    Raises:
        As ``Executor.run``.
    """
    with room_named(folder):
        np.save(folder / PROMPTS, scorer.prompts)
        sync(folder / PROMPTS)
    told = [
        {
            "kind": KIND,
            "name": part.name,
            "work": str(folder.absolute()),
            "part": part_to_json(part),
            **asked,
        }
        for part in parts
    ]
    executor.run(told, _Watching(parts, on_progress))


def asked_apart(
    labels: LabelsAsked, cutting: Cutting, parts: Assembly, choices: BulkChoices
) -> dict[str, Any]:
    """Say what is the same for all parts, as JSON."""
    from satseek.jobs.partitions import passed  # noqa: PLC0415 (which knows this file)

    return {
        "model": [parts.model().card.name, parts.model().card.version],
        "settings": passed(parts.settings, parts),
        "labels": list(labels.labels),
        "most": None if choices.all_labels else WIDE,
        "recipe": asdict(cutting.recipe),
        "readers": choices.readers,
        "max_pixels": choices.max_pixels,
    }


def do_part(
    asked: Mapping[str, Any], model: ServedModel, wanted: Callable[[], bool]
) -> dict[str, Any]:
    """Do a part, and write it down; done before, it is done.

    Args:
        asked: As ``run_apart`` writes it.
        model: The one that it names.
        wanted: Says after every batch whether anybody still waits.

    Returns:
        JSON: ``name``, ``images``, ``where``.

    Raises:
        FolderNotFound: this machine does not see the work folder.
        Abandoned: nobody waits.
        DiskFull: there is no room.
    """
    folder = Path(asked["work"])
    if not (folder / PROMPTS).is_file():
        raise FolderNotFound(
            f"{folder}: expected the folder of what is done, which all workers share; "
            f"{platform.node()} does not see it: mount it there, at the same place"
        )
    part = part_from_json(asked["part"])
    scorer = Scorer(asked["labels"], np.load(folder / PROMPTS), card=model.card, most=asked["most"])

    def look(_done: int, _total: int, _note: str) -> None:
        if not wanted():
            raise Abandoned(f"part {part.name}: nobody waits for it any more")

    run = Recording(PartFiles(folder), scorer, total=lambda: 0, on_progress=look)
    run.embed(
        [part],
        model.bulk_embedder,
        recipe=_recipe(asked["recipe"]),
        batch=model.batch,
        workers=model.streams,
        readers=asked["readers"],
        max_pixels=asked["max_pixels"],
    )
    return {
        "name": part.name,
        "images": part.images,
        "where": f"{platform.node()} pid {os.getpid()}",
    }


def _recipe(told: Mapping[str, Any]) -> Recipe:
    """Read a recipe as ``asdict`` writes it."""
    bands, cuts = tuple(told["bands"]), tuple((low, high) for low, high in told["cuts"])
    return Recipe(**{**told, "bands": bands, "cuts": cuts})


class _Watching:
    """Whoever waits for the parts; see ``PartitionProgress``."""

    def __init__(self, parts: Sequence[Part], on_progress: Callable[[int, int, str], None]) -> None:
        self._parts = parts
        self._on_progress = on_progress
        self._total = sum(part.images for part in parts)
        self._done = 0

    def done(self, index: int, told: Mapping[str, Any]) -> None:
        """See ``PartitionProgress.done``."""
        self._done += self._parts[index].images
        self._on_progress(self._done, self._total, str(told["where"]))

    def cancelled(self) -> bool:
        """See ``PartitionProgress.cancelled``; a job is ended by a signal, as a command is."""
        return False
