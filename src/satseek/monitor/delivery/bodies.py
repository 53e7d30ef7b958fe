"""A finding that has changed → what an alert says of it, as UTF-8 JSON.

Does not know who is told. The same change gives the same bytes, so that a receiver who gets an
alert twice may compare them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from satseek.monitor.delivery.channels import Form, Reason
    from satseek.monitor.findings.finding import Change, Evidence, Finding

MAX_CELLS = 1000
"""Cells that are named: a receiver has the footprint, and may be limited to some 100 kB."""


def body_of(change: Change, key: str, reason: Reason | Literal["test"], *, form: Form) -> bytes:
    """Write what is told of a change.

    Args:
        change: What happened to a finding.
        key: The alert's.
        reason: Why it is told; ``test``: to see whether it arrives.
        form: ``json``: an envelope with the finding in it as a GeoJSON Feature; ``geojson``: the
            Feature, with the envelope in its ``alert``.
    """
    step = change.step
    envelope: dict[str, Any] = {
        "key": key,
        "type": f"alert.{reason}",
        "at": moment(step.at),
        "step": {
            "deed": step.deed,
            "who": step.who,
            "before": step.before,
            "after": step.after,
            "comment": step.comment,
        },
    }
    feature = feature_of(change.finding)
    if form == "geojson":
        return written({**feature, "alert": envelope})
    return written({**envelope, "finding": feature})


def feature_of(finding: Finding) -> dict[str, Any]:
    """Tell of a finding as a GeoJSON Feature (RFC 7946)."""
    return {
        "type": "Feature",
        "id": finding.id,
        "geometry": finding.footprint,
        "properties": {
            "kind": finding.kind,
            "source": finding.source,
            "collection": finding.collection,
            "label": finding.label,
            "before": finding.before,
            "after": finding.after,
            "state": finding.state,
            "assignee": finding.assignee,
            "revision": finding.revision,
            "flags": list(finding.flags),
            "first_seen": moment(finding.first_seen),
            "last_seen": moment(finding.last_seen),
            "seen": finding.seen,
            "area_m2": finding.area_m2,
            "urgency": finding.urgency,
            "scores": dict(finding.scores),
            "cell_count": len(finding.cells),
            "cells": list(finding.cells[:MAX_CELLS]),
            "evidence": [_shown(one) for one in finding.evidence],
            "properties": dict(finding.properties),
        },
    }


def joined(bodies: Sequence[bytes]) -> bytes:
    """Write what several alerts say as one list."""
    return b"[" + b",".join(bodies) + b"]"


def written(value: Mapping[str, Any]) -> bytes:
    """Write JSON, the same bytes for the same value."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def moment(when: datetime | None) -> str | None:
    """Write a moment as RFC 3339 has it; None where there is none."""
    return None if when is None else when.isoformat().replace("+00:00", "Z")


def _shown(one: Evidence) -> dict[str, Any]:
    return {
        "side": one.side,
        "chip_id": one.chip_id,
        "scene": one.scene,
        "datetime": moment(one.datetime),
        "picture": one.picture,
    }
