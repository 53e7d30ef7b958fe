"""A channel → a letter that tells of nothing, to see whether the next one would arrive.

Does not know how it is sent. It looks like all others, but for its type, ``alert.test``.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.monitor.delivery.bodies import body_of, joined
from satseek.monitor.delivery.rows import Letter
from satseek.monitor.delivery.telling import KEY_BYTES
from satseek.monitor.findings.finding import OUTSIDE_PERMIT, Change, Finding, Step

if TYPE_CHECKING:
    from satseek.monitor.delivery.channels import Channel

_SQUARE = [[15.10, 52.30], [15.11, 52.30], [15.11, 52.31], [15.10, 52.31], [15.10, 52.30]]
"""Ground of nobody in particular, counterclockwise."""

_SQUARE_M2 = 758_000.0
"""About: 681 m by 1113 m."""


def sample_letter(channel: Channel) -> Letter:
    """Write a letter that is like no other: each has a key of its own."""
    now = datetime.now(UTC)
    key = secrets.token_hex(KEY_BYTES)
    finding = Finding(
        id="0" * 20,
        kind="watch",
        source="sample",
        collection="sample",
        cells=("sample",),
        label="sample",
        footprint={"type": "Polygon", "coordinates": [_SQUARE]},
        area_m2=_SQUARE_M2,
        first_seen=now,
        last_seen=now,
        flags=(OUTSIDE_PERMIT,),
        revision=1,
    )
    step = Step(
        finding=finding.id,
        revision=1,
        at=now,
        who="watch:sample",
        deed="found",
        before=None,
        after="new",
        comment="a test: nothing was found",
    )
    body = body_of(Change(finding=finding, step=step), key, "test", form=channel.form)
    said = joined([body]) if channel.way == "mail" else body
    return Letter(key=key, channel=channel.name, made=now, since=now, attempts=0, body=said)
