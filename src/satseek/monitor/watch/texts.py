"""A watch ↔ the text that a database holds.

Does not know files, nor what can be wrong with a watch: what was checked once is written and read.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from satseek.errors import DamagedData
from satseek.monitor.watch.watch import (
    OperatingPoint,
    SightingRule,
    Watch,
    WatchedConcept,
    WatchedHours,
    WatchedScenes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def watch_text(watch: Watch) -> str:
    """Write a watch as a database holds it."""
    return json.dumps(asdict(watch), default=_plain, ensure_ascii=False)


def watch_of(text: str) -> Watch:
    """Read a watch back.

    Raises:
        DamagedData: it is not what was written.
    """
    try:
        read = json.loads(text)
        fields = {
            "concept": WatchedConcept(**_tuples(read.pop("concept"))),
            "scenes": _made(WatchedScenes, read.pop("scenes")),
            "hours": _made(WatchedHours, read.pop("hours")),
            "operating_point": OperatingPoint(**read.pop("operating_point")),
            "persistence": SightingRule(**read.pop("persistence")),
            "deliver": tuple(read.pop("deliver")),
            "since": None if read["since"] is None else date.fromisoformat(read.pop("since")),
            "created": None
            if read["created"] is None
            else datetime.fromisoformat(read.pop("created")),
        }
        return Watch(**(read | fields))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"expected a watch as it was written, came {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _made(kind: type[T], content: Mapping[str, Any] | None) -> T | None:
    return None if content is None else kind(**_tuples(content))


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give lists back as the tuples that they were."""
    return {name: tuple(one) if isinstance(one, list) else one for name, one in content.items()}
