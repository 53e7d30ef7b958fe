"""What a path takes is what the longest part of it takes; what stands nowhere takes the most."""

from __future__ import annotations

import pytest

from satseek.service.access.policy import OPEN, PAGE, RULES, UNDECLARED, rule
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


def test_what_is_undeclared_is_for_admins_only() -> None:
    assert UNDECLARED.read in SCOPES["admin"]
    assert UNDECLARED.read not in SCOPES["operator"]
    assert UNDECLARED.read == UNDECLARED.write
