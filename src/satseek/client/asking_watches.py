"""Verbs about watches → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from satseek.client.binding import get, post
from satseek.client.jobs import job_of
from satseek.client.watches import watch_expected_of, watch_measured_of, watch_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.client.asking import Ask
    from satseek.client.jobs import Job
    from satseek.client.watches import Watch, WatchExpected, WatchMeasured


def ask_watches() -> Ask[list[Watch]]:
    """List the watches that you see, by name, without what their runs did."""
    return get("/v1/watches", {}, lambda answer: [watch_of(one) for one in answer["watches"]])


def ask_watch(name: str) -> Ask[Watch]:
    """Show a watch and what its latest runs did; raises WatchNotFound."""
    return get(_watch(name), {}, watch_of)


def ask_put_watch(
    name: str,
    *,
    collection: str,
    concept: Mapping[str, Any],
    scenes: Mapping[str, Any] | None = None,
    ground: Mapping[str, Any] | None = None,
    since: str | None = None,
    schedule: Mapping[str, str] | None = None,
    paused: bool = False,
    operating_point: Mapping[str, float] | None = None,
    persistence: Mapping[str, int] | None = None,
    deliver: Sequence[str] = (),
    **more: Any,
) -> Ask[Watch]:
    """Set a watch up, or change it; what it has looked at stays so.

    Args:
        name: Letters, digits and ``-_.``, at most 58.
        collection: Where it looks.
        concept: ``label``, and ``prompts``, ``negatives``, ``liked``, ``disliked``, ``saved``.
        scenes: Where new scenes come from, ``folder`` first of all; None: whatever is indexed.
        ground: ``area``, ``permits``, ``exclusions`` as GeoJSON or WKT, and their ``crs``.
        since: Alerts are of what was not there on this day; None: at the first look.
        schedule: ``cron`` and ``timezone``; None: it is run when somebody does.
        paused: True: the schedule waits to be resumed.
        operating_point: ``background_quantile``, ``precision`` or ``recall``; never a constant.
        persistence: ``seen`` on so many ``of`` the latest looks.
        deliver: Channels that are told of its alerts.
        more: ``neighbours``, ``least_cells``, ``least_area_ha``, ``existing``, ``level``,
            ``least_valid``.
    """
    given = {
        "collection": collection,
        "concept": dict(concept),
        "scenes": scenes,
        "ground": ground,
        "since": since,
        "schedule": schedule,
        "paused": paused,
        "operating_point": operating_point,
        "persistence": persistence,
        "deliver": list(deliver),
        **more,
    }
    return replace(post(_watch(name), given, watch_of), method="PUT")


def ask_run_watch(name: str, *, again: bool = False, key: str | None = None) -> Ask[Job]:
    """Ask for a run of a watch, as a job.

    Args:
        name: Which.
        again: True: all dates are looked at again, as after a change.
        key: Of your making: asked again under it, the same job is given; None: one is made up.
    """
    ask = post(f"{_watch(name)}/run", {"again": again}, job_of)
    return replace(ask, headers={"idempotency-key": key or secrets.token_urlsafe(18)})


def ask_pause_watch(name: str) -> Ask[Watch]:
    """Have nobody ask for a watch by its schedule any more."""
    return post(f"{_watch(name)}/pause", {}, watch_of)


def ask_resume_watch(name: str) -> Ask[Watch]:
    """Have a watch asked for by its schedule again."""
    return post(f"{_watch(name)}/resume", {}, watch_of)


def ask_remove_watch(name: str) -> Ask[None]:
    """Forget a watch and what it has looked at; its findings stay."""
    return replace(post(_watch(name), {}, lambda _: None), method="DELETE", json=None)


def ask_teach_watch(
    name: str, *, liked: Sequence[str] = (), disliked: Sequence[str] = ()
) -> Ask[None]:
    """Show a watch chips, ``COLLECTION/CHIP``, that do or do not show what it looks for."""
    given = {"liked": list(liked), "disliked": list(disliked)}
    return post(f"{_watch(name)}/examples", given, lambda _: None)


def ask_watch_expected(name: str) -> Ask[WatchExpected]:
    """Tell what a watch has learnt, and what is expected of its next run."""
    return get(f"{_watch(name)}/expected", {}, watch_expected_of)


def ask_measure_watch(
    name: str,
    *,
    truth: Mapping[str, Any] | str | None = None,
    truth_crs: str | None = None,
    day: str | None = None,
) -> Ask[WatchMeasured]:
    """Measure a watch on ground held out from it.

    Args:
        name: Which.
        truth: Polygons of what is there, GeoJSON or WKT; None: what people answered.
        truth_crs: Their CRS; None: what they name, or degrees on WGS 84.
        day: Day of which they are true; None: the latest one.
    """
    given = {"truth": truth, "truth_crs": truth_crs, "day": day}
    return post(f"{_watch(name)}/held-out", given, watch_measured_of)


def _watch(name: str) -> str:
    return f"/v1/watches/{quote(name, safe='')}"
