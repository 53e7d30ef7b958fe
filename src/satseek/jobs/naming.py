"""Places as somebody at this machine names them → the same, as a worker finds them from anywhere.

Does not know whether they are there. A relative path starts where the person stands; a worker may
have been started elsewhere. Links stay links: what a schedule names may be laid anew each night.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Naming: TypeAlias = "Callable[[str], str]"


def absolute(named: str) -> str:
    """Name a file or folder; addresses and buckets are the same everywhere."""
    from satseek.imagery.reach import is_bucket, is_remote  # noqa: PLC0415 - slow to load

    return named if is_remote(named) or is_bucket(named) else str(Path(named).absolute())


def _sent(named: str) -> str:
    """Name a file, or one that was sent."""
    from satseek.jobs.sources import UPLOAD  # noqa: PLC0415 - slow to load

    return named if named.startswith(UPLOAD) else absolute(named)


def _imagery(named: str) -> str:
    """Name scenes; a period of the collection stays one, unless a folder here is called so."""
    from satseek.monitor.damage.imagery import is_period  # noqa: PLC0415 - slow to load

    return named if is_period(named) else absolute(named)


def _recipe(named: str) -> str:
    """Name a file of a recipe, see ``find_recipe``; one that is shipped goes by its name."""
    return absolute(named) if named.lower().endswith(".json") else named


def _labels(named: str) -> str:
    """Name a file of labels, see ``find_labels``; a set that is shipped goes by its name."""
    return absolute(named) if named.endswith((".json", ".toml")) else named


def _reach(named: str) -> str:
    """Name a folder that a STAC document may lead to; hosts and buckets stay."""
    return absolute(named) if named.startswith(("/", ".")) else named


def _model(named: str) -> str:
    """Name a folder of a model; one of the store goes by its name."""
    return absolute(named) if Path(named).is_dir() else named


_ANY: Final[Mapping[str, _Naming]] = {"allow": _reach}
_SCENES: Final[Mapping[str, _Naming]] = {**_ANY, "folder": absolute, "recipe": _recipe}

PLACES: Final[Mapping[str, Mapping[str, _Naming]]] = {
    "index": _SCENES,
    "classify": {**_SCENES, "more": absolute, "out": absolute},
    "quantize": {**_ANY, "model": _model, "folder": absolute},
    "evaluate": {**_ANY, "folder": absolute, "images": absolute, "report": absolute},
    "export": {**_ANY, "out": absolute},
    "landuse": {**_SCENES, "labels": _labels, "districts": _sent, "out": absolute},
    "assess": {
        **_ANY,
        "parcels": _sent,
        "after": _imagery,
        "before": _imagery,
        "hazard": _labels,
        "grades": absolute,
        "out": absolute,
    },
    "report": {**_ANY, "fonts": absolute, "out": absolute},
}
"""Fields of tasks that name places, and how each is named from anywhere."""


def placed(task: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Name all places that a task names so that a worker finds them, wherever that was started.

    Args:
        task: Its name; of others than those above nothing is changed.
        fields: As somebody at this machine gives them; what is no text, nor a path, stays.

    Raises:
        InvalidFilter: what looks like a period is none.
    """
    naming = PLACES.get(task, {})
    return {
        name: _named(value, naming[name]) if name in naming else value
        for name, value in fields.items()
    }


def _named(value: object, naming: _Naming) -> object:
    if isinstance(value, list | tuple):
        return [_named(one, naming) for one in value]
    if isinstance(value, str | Path) and str(value):
        return naming(str(value))
    return value
