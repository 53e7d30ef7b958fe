"""A finding and its history → lines of tables on a terminal.

Knows no store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.cli.printing import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from satseek.monitor.findings.finding import Finding, Step

SQUARE_METRES = 10_000.0
"""In a hectare."""

SHORT = 8
"""Digits of an id that a table shows: two of 10,000 findings share them once in 86 tables."""

HEAD = ("id", "kind", "source", "label", "state", "assignee", "area ha", "first seen", "seen")
"""What a list of findings says of each."""


def shown(finding: Finding) -> dict[str, Any]:
    """Give a finding for JSON."""
    from satseek.monitor.findings.describing import described  # noqa: PLC0415 (help must not wait for it)

    return described(finding)


def table(findings: Sequence[Finding]) -> None:
    """Print findings, a line each."""
    short = _short(findings)
    print_table(HEAD, [_row(one, short) for one in findings])


def rows(finding: Finding, paths: Mapping[str, str]) -> list[list[str]]:
    """Give what is known of one finding, a line each, and where its pictures lie."""
    told: dict[str, str] = {
        "id": finding.id,
        "what": f"{finding.kind}: {finding.label}",
        "from → to": " → ".join(filter(None, (finding.before, finding.after))),
        "found by": f"{finding.source}, in {finding.collection}",
        "state": f"{finding.state} (revision {finding.revision})",
        "assignee": finding.assignee,
        "flags": ", ".join(finding.flags),
        "seen": _seen(finding),
        "area": "" if finding.area_m2 is None else f"{_hectares(finding.area_m2)} ha",
        "cells": f"{len(finding.cells)}",
        "urgency": f"{finding.urgency:g}",
    }
    told |= {name: f"{score:.4g}" for name, score in finding.scores.items()}
    told |= {name: str(value) for name, value in finding.properties.items() if value is not None}
    lines = [[name, value] for name, value in told.items() if value]
    for one in finding.evidence:
        picture = paths.get(one.picture, "no picture was kept")
        lines.append([f"{one.side} {_day(one.datetime)}", f"{one.chip_id}: {picture}"])
    return lines


def history_rows(steps: Sequence[Step]) -> list[list[str]]:
    """Give the steps of a finding, a line each."""
    return [
        [
            f"{one.at:%Y-%m-%d %H:%M}",
            one.who,
            one.deed,
            one.after if one.before == one.after else f"{one.before or '–'} → {one.after}",
            one.assignee or "–",
            " ".join(one.comment.split()),
        ]
        for one in steps
    ]


def _row(finding: Finding, short: int) -> list[str]:
    flags = f" [{', '.join(finding.flags)}]" if finding.flags else ""
    return [
        finding.id[:short],
        finding.kind,
        finding.source,
        f"{finding.label}{flags}",
        finding.state,
        finding.assignee or "–",
        "–" if finding.area_m2 is None else _hectares(finding.area_m2),
        _day(finding.first_seen),
        str(finding.seen),
    ]


def _seen(finding: Finding) -> str:
    first, last = _day(finding.first_seen), _day(finding.last_seen)
    return first if first == last else f"{first} to {last}, {finding.seen} ×"


def _short(findings: Sequence[Finding]) -> int:
    """Say how many digits tell the listed ones apart."""
    lengths: Iterator[int] = iter(range(SHORT, 64))
    return next(
        (
            length
            for length in lengths
            if len({one.id[:length] for one in findings}) == len(findings)
        ),
        64,
    )


def _hectares(area_m2: float) -> str:
    return f"{area_m2 / SQUARE_METRES:,.2f}"


def _day(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d}"
