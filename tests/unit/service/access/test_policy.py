"""What a path takes is what the longest part of it takes; what stands nowhere takes the most."""

from __future__ import annotations

import pytest

from satseek.service.access.policy import (
    EVIDENCE,
    JUDGING,
    OPEN,
    PAGE,
    RULES,
    THUMBNAILS,
    TILES,
    UNDECLARED,
    rule,
)
from satseek.service.access.principals import SCOPES


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/livez", OPEN),
        ("/livezz", UNDECLARED),
        ("/", PAGE),
        ("//", UNDECLARED),
        ("//v1/search", UNDECLARED),
        ("/v1", UNDECLARED),
        ("/v1/", UNDECLARED),
        ("/V1/search", UNDECLARED),
        ("/v1/search", RULES["/v1/search"]),
        ("/v1/search/", RULES["/v1/search"]),
        ("/v1/searching", UNDECLARED),
        ("/v1/models/a/versions/b/activate", RULES["/v1/models"]),
        ("/v1/samples", RULES["/v1/samples"]),
        ("/v1/samples/", RULES["/v1/samples"]),
        ("/v1/samples/june/next", JUDGING),
        ("/v1/samples/june/places/a/answers", JUDGING),
        ("/v1/samples/june/places/a/pictures/1", EVIDENCE),
        ("/v1/collections/a/scenes/b/thumbnail", THUMBNAILS),
        ("/v1/collections/a/scenes/tiles/1/2/3.png", TILES),
        ("/v2/models/a/infer", RULES["/v2"]),
        ("/v2/health/live", OPEN),
        ("/v2/repository/models/a/load", RULES["/v2/repository"]),
        ("/_nicegui_ws/socket.io/", PAGE),
        ("", UNDECLARED),
        ("/new", UNDECLARED),
        ("/stac", RULES["/stac"]),
        ("/stac/search", RULES["/stac"]),
        ("/stac/api", OPEN),
        ("/ogc/collections/a/items", RULES["/ogc"]),
        ("/ogc/api.html", OPEN),
    ],
)
def test_the_longest_part_decides(path: str, wanted: object) -> None:
    assert rule(path) is wanted


def test_what_is_drawn_by_a_job_is_judged_by_who_decides_on_findings() -> None:
    assert ("jobs", "findings") == (rule("/v1/samples").write, rule("/v1/samples/june/next").write)


def test_what_is_undeclared_is_for_admins_only() -> None:
    assert UNDECLARED.read in SCOPES["admin"]
    assert UNDECLARED.read not in SCOPES["operator"]
    assert UNDECLARED.read == UNDECLARED.write
