"""How a run's map was made → JSON that is kept with the run, and back: the same map, made again.

Does not know runs' folders. Labels are kept whole: the file that they were read from may change.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from satseek.errors import Conflict, DamagedData
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.labels.files import label_set_of
from satseek.monitor.labels.jointly import Stickiness
from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.running import Asked
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.labels.labelling import Label, LabelSet
    from satseek.monitor.runs.run import KeptRun

MADE_OF: Final = "made_of"
"""Among the facts of a run."""


def told_again(asked: Asked) -> dict[str, Any]:
    """Tell labels and choices of a run, as JSON."""
    return {"labels": _told_set(asked.labels), "choices": _told_choices(asked.choices)}


def asked_again(run: KeptRun) -> Asked:
    """Ask for the map of a run once more, without districts and reports.

    Raises:
        Conflict: an earlier release has kept the run, and did not keep this.
        DamagedData: it is not what was written.
    """
    made_of = run.facts.get(MADE_OF)
    if made_of is None:
        raise Conflict(
            f"run {run.name!r} was kept by a release that did not keep how its map was made: run "
            "it again, then go on"
        )
    try:
        return Asked(
            name=run.name,
            labels=label_set_of(made_of["labels"], source=f"run {run.name}"),
            choices=_choices_of(made_of["choices"]),
            reports=(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"run {run.name}: expected how its map was made, came {error}") from error


def _told_set(labels: LabelSet) -> dict[str, Any]:
    return {
        "name": labels.name,
        "names": dict(labels.names),
        "labels": [_told_label(one) for one in labels.labels],
        "distractors": list(labels.distractors),
        "templates": list(labels.templates),
    }


def _told_label(label: Label) -> dict[str, Any]:
    colour = {} if label.colour is None else {"colour": list(label.colour)}
    return {
        "name": label.name,
        "prompts": list(label.prompts),
        "names": dict(label.names),
        "properties": dict(label.properties),
        **colour,
    }


def _told_choices(choices: Choices) -> dict[str, Any]:
    told = asdict(choices)
    where = told["where"]
    for name in ("start", "end"):
        where[name] = None if where[name] is None else where[name].isoformat()
    return told


def _choices_of(told: Mapping[str, Any]) -> Choices:
    made = {
        "where": _filter_of(told["where"]),
        "stickiness": Stickiness(**told["stickiness"]),
        "overlapping": Stickiness(**told["overlapping"]),
        "patches": PatchRule(**told["patches"]),
    }
    return Choices(**{**told, **made})


def _filter_of(told: Mapping[str, Any]) -> Filter:
    start, end = (
        None if told[name] is None else datetime.fromisoformat(told[name])
        for name in ("start", "end")
    )
    rows = {name: tuple(told[name]) for name in ("scene_ids", "levels")}
    return Filter(**{**told, **rows, "start": start, "end": end})
