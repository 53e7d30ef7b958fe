"""A watch, what it has learnt, how well it does → the same as JSON, for every door.

Does not know doors. Where imagery of this machine lies is told by its name alone.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from satseek.monitor.findings.finding import State
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.learning import Learnt
    from satseek.monitor.watch.watch import Watch, WatchedScenes


def described_watch(
    watch: Watch,
    *,
    paused: bool,
    following: Sequence[datetime],
    counts: Mapping[State, int],
    looked_at: int,
    runs: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Describe a watch.

    Args:
        watch: Which.
        paused: Whether it has hours, and nobody asks for it by them.
        following: The next moments at which the queue asks for it.
        counts: Its alerts by state.
        looked_at: Scenes that it has looked at.
        runs: What its latest runs did, the newest first.
    """
    point = watch.operating_point
    same = ("name", "version", "collection", "neighbours", "least_cells", "least_area_ha")
    told = {name: getattr(watch, name) for name in (*same, "existing", "level", "least_valid")}
    return told | {
        "created": None if watch.created is None else watch.created.isoformat(),
        "concept": _plain(asdict(watch.concept)),
        "scenes": _scenes(watch),
        "ground": {name: getattr(watch, name) for name in ("area", "permits", "exclusions")},
        "since": None if watch.since is None else watch.since.isoformat(),
        "schedule": None if watch.hours is None else asdict(watch.hours),
        "paused": paused,
        "next": [one.isoformat() for one in following],
        "operating_point": {point.aim: point.value, "grow_quantile": point.grow_quantile},
        "persistence": asdict(watch.persistence),
        "deliver": list(watch.deliver),
        "scenes_looked_at": looked_at,
        "findings": {str(state): count for state, count in counts.items()},
        "last_run": dict(runs[0]) if runs else None,
        "runs": [dict(one) for one in runs],
    }


def described_learnt(watch: str, learnt: Learnt) -> dict[str, Any]:
    """Describe what a watch has learnt, and what is expected at its cut."""
    cut = learnt.cut
    return {
        "watch": watch,
        "confirmed": learnt.right,
        "rejected": learnt.wrong,
        "missed": list(learnt.missed),
        "aim": cut.aim,
        "value": cut.value,
        "seed_quantile": cut.seed_quantile,
        "grow_quantile": cut.grow_quantile,
        "background": cut.background,
        "expected": None if cut.expected is None else _plain(asdict(cut.expected)),
    }


def described_held_out(watch: str, held: HeldOut) -> dict[str, Any]:
    """Describe how well a watch does on ground that it has not learnt from."""
    return {"watch": watch, **_plain(asdict(held))}


def scenes_as_told(told: Mapping[str, Any], former: Watch | None) -> WatchedScenes:
    """Give the scenes that a person at this machine's terminal named, as they come back.

    Args:
        told: As ``described_watch`` told them; nothing else may be said of them.
        former: The watch as it is; None: there is none of that name.

    Raises:
        InvalidRequest: they are others than those of the watch.
    """
    if former is not None and former.scenes is not None and _scenes(former) == dict(told):
        return former.scenes
    raise InvalidRequest(
        "scenes: here: only scenes that a watch has from this machine's terminal stay so, as they "
        "were told; name a folder below the server's reference_roots, without here"
    )


def _scenes(watch: Watch) -> dict[str, Any] | None:
    """Tell where scenes come from; ``here``: a person at this machine's terminal named it."""
    if watch.scenes is None:
        return None
    told = _plain(asdict(watch.scenes))
    del told["allow"]
    if not told["here"]:
        del told["here"]
    elif "://" not in watch.scenes.folder:
        told["folder"] = PurePath(watch.scenes.folder).name
    return {name: value for name, value in told.items() if value is not None}


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in told.items()}
