"""A partition → text for a worker elsewhere; what it answers → what came of it, or its error.

Does not know how text travels. Nothing else does: a worker runs the code that is installed there.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from satseek.errors import Conflict, SatseekError, kind_named
from satseek.jobs.partitions import do_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 600.0
"""How long a cluster may have no room for a worker at all: a new machine takes minutes to come."""

TRIES = 5
"""How often a partition is begun on a cluster, where workers die of more than what they do. Of
machines that are taken away once an hour, one in twenty meets it within three minutes: of 100,000
partitions three in a row happen to twelve, five in a row in one run of thirty."""

SAME = ("satseek", "numpy", "onnxruntime", "pillow", "rasterio")
"""Packages that must be the same everywhere for vectors to be the same to the bit."""


def ask(partition: Mapping[str, Any]) -> str:
    """Write down what a worker is asked, and with which packages it has to answer."""
    return json.dumps({"versions": _versions(), "partition": dict(partition)})


def answer(text: str, wanted: Callable[[], bool] = lambda: True) -> str:
    """Do what was asked, on a worker, and write down what came of it; raises nothing.

    Args:
        text: As ``ask`` wrote it.
        wanted: Says whether anybody still waits.
    """
    try:
        asked = json.loads(text)
        _check_versions(asked["versions"])
        told: dict[str, Any] = {"told": do_partition(asked["partition"], wanted)}
    except SatseekError as error:
        told = {"error": str(error), "kind": type(error).__name__}
    except Exception as error:
        logger.exception("a partition failed")
        told = {"error": f"{type(error).__name__}: {error}", "kind": SatseekError.__name__}
    return json.dumps(told)


def read_answer(text: str) -> Mapping[str, Any]:
    """Give what came of a partition.

    Raises:
        SatseekError: as the worker met it.
    """
    told = json.loads(text)
    if "told" in told:
        return dict(told["told"])
    raise kind_named(told["kind"])(told["error"])


def gave_up(
    index: int, partitions: Sequence[Mapping[str, Any]], *, tries: int, how: str
) -> SatseekError:
    """Say which partition workers died of, and what the cluster said of the last one."""
    return SatseekError(
        f"partition {index + 1} of {len(partitions)} ({partitions[index].get('name', 'unnamed')}): "
        f"its worker died {tries} times, the last time: {how}; see the logs there, and run again: "
        "what is done is kept"
    )


def one_line(error: BaseException, *, letters: int = 300) -> str:
    """Say on one line what a cluster's library said on many."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= letters else f"{said[:letters]}…"


def _check_versions(expected: Mapping[str, str]) -> None:
    for name, came in _versions().items():
        if expected.get(name) != came:
            raise Conflict(
                f"expected {name} {expected.get(name)} on every worker, found {came}; install the "
                "same everywhere, as vectors would differ"
            )


@cache
def _versions() -> Mapping[str, str]:
    found = {}
    for name in SAME:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # such as onnxruntime-gpu in its place
            found[name] = "none"
    return found
