"""A process that classifies a folder, to be killed and starved of disk.

Run as ``python classifying_process.py <verb> <folder>``; prints what the test compares.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork takes no threads along
sys.path.insert(0, str(Path(__file__).parents[1]))

from serving import make_scenes
from towers import ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import SatseekError
from satseek.imagery.candidates import FolderScenes
from satseek.imagery.recipes import recipe_named
from satseek.search import classifying_plan
from satseek.search.classifying_bulk import BulkChoices, classify_candidates, work_folder
from satseek.search.classifying_plan import Cutting
from satseek.search.classifying_rows import LabelsAsked
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.types import Features, Tensor

KILLS = 6
ATTEMPTS = 100
LIMITS = (100, 2_000)
"""Bytes that a file may grow to: not the question, not a part."""

classifying_plan.PART_IMAGES = 4  # parts, where a kill may hurt, come often
classifying_plan.ALONE_CELLS = 16
classifying_plan.RANGE_CELLS = 16


class SlowEngine(ColourEngine):
    """Gives kills the time to land."""

    def image_features(self, tensor: Tensor) -> Features:
        time.sleep(0.004)
        return super().image_features(tensor)


EMBEDDER = Embedder(SlowEngine(), make_tokenizer())
LABELS = LabelsAsked(
    labels=("harbour", "river", "bridge"), templates=("{}",), distractors=("a forest",)
)
CUTTING = Cutting(
    recipe=recipe_named("auto"),
    grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
    min_valid=0.5,
)


def classify(scenes: Path, table: Path) -> int:
    report = classify_candidates(
        FolderScenes(scenes),
        table,
        asked=LABELS,
        cutting=CUTTING,
        embedder=EMBEDDER,
        choices=BulkChoices(batch=4),
    )
    return report.resumed


def in_child(work: Callable[[], object]) -> int:
    """Fork a child that works; returns its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must see it
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    return child


def done(work: Callable[[], object]) -> None:
    """Let a child work to its end."""
    assert os.waitpid(in_child(work), 0)[1] == 0


def undisturbed(home: Path) -> tuple[Path, bytes, float]:
    """Classify once; gives the folder, the table, and how long that took."""
    scenes = make_scenes(home / "scenes")
    started = time.monotonic()
    done(lambda: classify(scenes, home / "calm.csv"))
    return scenes, (home / "calm.csv").read_bytes(), time.monotonic() - started


def die_often(home: Path) -> None:
    """Classify until there were enough kills; prints kills, and how many found something done."""
    scenes, expected, seconds = undisturbed(home)
    dice = random.Random(11)
    killed = found = 0
    table = home / "killed.csv"
    for _ in range(ATTEMPTS):
        if killed >= KILLS and found:
            break
        child = in_child(lambda: classify(scenes, table))
        time.sleep(dice.uniform(0.02, seconds / 2))
        os.kill(child, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            killed += 1
            found += any(work_folder(table).glob("*.jsonl"))
            assert not table.exists()
        else:
            assert table.read_bytes() == expected
            table.unlink()
    done(lambda: classify(scenes, table))
    assert table.read_bytes() == expected, "another table than undisturbed"
    assert not work_folder(table).exists()
    sys.stdout.write(f"{killed} {found}\n")


def starve(home: Path) -> None:
    """Classify while files may not grow; prints the refusals, then whether it ended well."""
    scenes, expected, _ = undisturbed(home)
    table = home / "starved.csv"
    table.write_bytes(b"as it was")
    for limit in LIMITS:

        def starved(limit: int = limit) -> None:
            unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
            try:
                classify(scenes, table)
            except SatseekError as error:
                sys.stdout.write(f"{type(error).__name__}\n")
                sys.stdout.flush()
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

        done(starved)
        assert table.read_bytes() == b"as it was"
    done(lambda: classify(scenes, table))
    assert table.read_bytes() == expected


VERBS = {"die_often": die_often, "starve": starve}

if __name__ == "__main__":
    VERBS[sys.argv[1]](Path(sys.argv[2]))
