"""Conditions mean what CQL2 says, unknown stays unknown, and none of them takes long."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely

from satseek.errors import InvalidFilter
from satseek.service.features.conditions import compiled, narrowed, read_condition
from satseek.service.features.conditions.parsing import MAX_LETTERS
from satseek.types import Filter

FACTS = {
    "cloud": 12.5,
    "platform": "Sentinel-2A",
    "clear": True,
    "datetime": datetime(2024, 5, 3, 10, tzinfo=UTC),
    "created": "2024-05-04T00:00:00Z",
    "geometry": shapely.box(10, 50, 11, 51),
    "percent": "100 % sure_",
}
EARLIER, LATER = "TIMESTAMP('2024-05-01T00:00:00Z')", "TIMESTAMP('2024-06-01T00:00:00Z')"


TEXTS = (
    "cloud BETWEEN 1 AND -2.5e3 OR NOT (a = 'it''s' AND b <> \"quoted name\")",
    "eo:cloud_cover IS NOT NULL AND properties.x IN (1, 'two', true)",
    "CASEI(a) LIKE CASEI('x%_') AND b NOT LIKE 'y' AND c NOT BETWEEN 1 AND 2 AND d NOT IN (3)",
    "datetime > TIMESTAMP('2021-04-08T04:39:23Z') AND day = DATE('2021-04-08')",
    "T_INTERSECTS(datetime, INTERVAL('2021-04-08T04:39:23Z', '..'))",
    "T_DURING(INTERVAL('2021-04-08', '2021-04-09'), INTERVAL(start, stop))",
    "S_INTERSECTS(geometry, BBOX(1, 2, 3, 4))",
    "S_WITHIN(geometry, POLYGON((-1 -1, 1 -1, 1 1, -1 -1), (0 0, 0.1 0, 0.1 0.1, 0 0)))",
    "S_TOUCHES(MULTIPOINT((1 2), (3 4)), geometry) OR S_CROSSES(geometry, LINESTRING(0 0, 1 1))",
    "S_DISJOINT(geometry, GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1)))",
    "clear AND NOT dark OR true",
    "a = b AND (c < d OR (e >= 1))",
)


def _lowered(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: one.lower() if name == "op" else _lowered(one) for name, one in tree.items()}
    return [_lowered(one) for one in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_read_as_the_reference_reads_it(text: str) -> None:
    cql2 = pytest.importorskip("cql2", reason="cql2 is not on this machine: pip install cql2")
    expected = _lowered(cql2.parse_text(text).to_json())
    assert expected == _lowered(read_condition(text, language="cql2-text"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "'a'",
        "a =",
        "a = 1 b",
        "(a = 1",
        "a = 1)",
        "a NOT = 1",
        "a NOT",
        "a IS 1",
        "a IN 1",
        "a IN ()",
        "a BETWEEN 1",
        "a = 'open",
        'a = "open',
        "a + 1 = 2",
        "f(a) = 1",
        "and = 1",
        "DATE(1) = a",
        "S_INTERSECTS(a, POINT(1",
        "S_INTERSECTS(a, POINT(x y))",
        "S_INTERSECTS(",
        "a = 1; DROP",
        "\x00",
    ],
)
def test_text_that_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        compiled(read_condition(text, language="cql2-text"))


def _test(text: str) -> bool | None:
    return compiled(read_condition(text, language="cql2-text"))(FACTS.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cloud = 12.5", True),
        ("cloud <> 12.5", False),
        ("cloud > 12 AND cloud < 13", True),
        ("NOT cloud > 12", False),
        ("cloud BETWEEN 12.5 AND 13", True),
        ("cloud NOT BETWEEN 12.5 AND 13", False),
        ("cloud IN (1, 12.5)", True),
        ("cloud NOT IN (1, 2)", True),
        ("platform = 'sentinel-2a'", False),
        ("CASEI(platform) = CASEI('SENTINEL-2a')", True),
        ("platform LIKE 'Sent%-2_'", True),
        ("platform LIKE 'Sent%'", True),
        ("platform LIKE 'entinel%'", False),
        ("platform LIKE '%'", True),
        ("platform NOT LIKE 'Landsat%'", True),
        (r"percent LIKE '100 \% sure\_'", True),
        (r"percent LIKE '100 \_%'", False),
        ("clear = true", True),
        ("clear", True),
        ("platform IS NULL", False),
        ("absent IS NULL", True),
        ("absent IS NOT NULL", False),
        ("absent = 1", None),
        ("NOT absent = 1", None),
        ("absent = 1 OR cloud > 1", True),
        ("absent = 1 OR cloud > 99", None),
        ("absent = 1 AND cloud > 99", False),
        ("absent BETWEEN 1 AND 2", None),
        ("absent IN (1)", None),
        ("absent LIKE '%'", None),
        ("cloud = 'much'", None),
        ("clear = 1", None),
        (f"datetime > {EARLIER}", True),
        (f"datetime > {LATER}", False),
        ("datetime = '2024-05-03T12:00:00+02:00'", True),
        ("datetime > DATE('2024-05-03')", True),
        ("created > datetime", True),
        ("T_AFTER(datetime, DATE('2024-05-02'))", True),
        ("T_AFTER(datetime, DATE('2024-05-03'))", False),
        ("T_BEFORE(datetime, INTERVAL('2024-05-04', '..'))", True),
        ("T_DURING(datetime, INTERVAL('2024-05-03', '2024-05-03'))", True),
        ("T_INTERSECTS(datetime, INTERVAL('..', '2024-05-01T00:00:00Z'))", False),
        ("T_DISJOINT(datetime, INTERVAL('..', '2024-05-01T00:00:00Z'))", True),
        ("T_EQUALS(datetime, TIMESTAMP('2024-05-03T10:00:00Z'))", True),
        ("T_INTERSECTS(absent, DATE('2024-05-03'))", None),
        ("S_INTERSECTS(geometry, BBOX(10.5, 50.5, 12, 52))", True),
        ("S_INTERSECTS(geometry, POINT(11 51))", True),
        ("S_WITHIN(geometry, BBOX(9, 49, 12, 52))", True),
        ("S_CONTAINS(geometry, POINT(11 51))", False),
        ("S_TOUCHES(geometry, POINT(11 51))", True),
        ("S_DISJOINT(geometry, LINESTRING(0 0, 1 1))", True),
        ("S_CROSSES(LINESTRING(9 50.5, 12 50.5), geometry)", True),
        ("S_INTERSECTS(absent, POINT(11 51))", None),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: bool | None) -> None:  # noqa: FBT001
    assert _test(text) is expected


@pytest.mark.parametrize(
    "tree",
    [
        1,
        "text",
        [],
        {},
        {"op": "and"},
        {"op": "and", "args": []},
        {"op": "and", "args": {}},
        {"op": 1, "args": [1]},
        {"op": "not", "args": [True, True]},
        {"op": "=", "args": [1]},
        {"op": "=", "args": [{"unknown": 1}, 1]},
        {"op": "in", "args": [1, 2]},
        {"op": "between", "args": [1, 2]},
        {"op": "+", "args": [1, 2]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point"}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "No"}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": ["a", 1, 2, 3]}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, "POINT(1 1)"]},
        {"op": "t_after", "args": [{"property": "datetime"}, {"interval": ["x", ".."]}]},
        {"op": "t_after", "args": [{"property": "datetime"}, {"interval": [".."]}]},
        {"op": "t_after", "args": [{"property": "datetime"}, {"date": "2024-13-01"}]},
        {"op": "=", "args": [{"property": "datetime"}, {"timestamp": "now"}]},
    ],
    ids=json.dumps,
)
def test_what_is_no_condition_is_refused(tree: Any) -> None:
    with pytest.raises(InvalidFilter):
        compiled(read_condition(tree, language="cql2-json"))


@pytest.mark.parametrize(
    ("text", "filtered", "left"),
    [
        (f"datetime >= {EARLIER}", {"start": datetime(2024, 5, 1, tzinfo=UTC)}, None),
        (
            f"datetime < {LATER} AND datetime > {EARLIER}",
            {
                "start": datetime(2024, 5, 1, 0, 0, 0, 1, tzinfo=UTC),
                "end": datetime(2024, 5, 31, 23, 59, 59, 999999, tzinfo=UTC),
            },
            None,
        ),
        ("scene = 'a/b.tif'", {"scene_ids": ("a/b.tif",)}, None),
        ("cloud < 20", {"attributes": {"cloud": {"lt": 20}}}, None),
        (
            "cloud < 20 AND cloud >= 5 AND p IN ('a', 'b') AND q <> true",
            {
                "attributes": {
                    "cloud": {"lt": 20, "gte": 5},
                    "p": {"in": ["a", "b"]},
                    "q": {"ne": True},
                }
            },
            None,
        ),
        ("cloud < 20 AND cloud < 10", {"attributes": {"cloud": {"lt": 20}}}, "cloud < 10"),
        ("a.b = 1", {}, "a.b = 1"),
        ("a = b", {}, "a = b"),
        ("valid_fraction = 1", {}, "valid_fraction = 1"),
        ("level = 2", {"levels": (2,)}, None),
        ("level = true", {}, "level = true"),
        ("NOT cloud < 20", {}, "NOT cloud < 20"),
        (f"datetime >= {EARLIER} OR cloud < 1", {}, f"datetime >= {EARLIER} OR cloud < 1"),
        (f"a LIKE 'x' AND datetime = {EARLIER}", {"start": 1, "end": 1}, "a LIKE 'x'"),
        (
            f"datetime > {LATER} AND datetime < {EARLIER}",
            {"start": 1},
            f"datetime < {EARLIER}",
        ),
    ],
)
def test_an_index_is_asked_what_it_understands(
    text: str, filtered: dict[str, Any], left: str | None
) -> None:
    where, rest = narrowed(read_condition(text, language="cql2-text"), Filter())
    for name in ("start", "end", "scene_ids", "attributes", "levels"):
        found, wanted = getattr(where, name), filtered.get(name)
        assert bool(wanted) == bool(found)
        assert wanted in (None, 1, found)
    wanted_left = None if left is None else read_condition(left, language="cql2-text")
    assert wanted_left == rest


def test_an_area_is_asked_of_the_index_once() -> None:
    text = "S_INTERSECTS(geometry, BBOX(1, 2, 3, 4)) AND S_INTERSECTS(geometry, BBOX(2, 3, 4, 5))"
    where, rest = narrowed(read_condition(text, language="cql2-text"), Filter())
    assert where.area is not None
    assert {"bbox": [2, 3, 4, 5]} == rest["args"][1]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000 + "a = 1" + ")" * 2000,
        "NOT " * 2000 + "a = 1",
        " AND ".join(["a = 1"] * 1000),
        "a LIKE '" + "%a" * 2000 + "b'",
        "a = " + "-" * 4000 + "1",
        "a = " + "- " * 4000 + "1",
        "a = 1" + " -1" * 2000,
        "a = (1)" + "-(1)" * 1500,
        "a" + "=a" * 3000,
        "NOT (NOT (-" * 16 + "a" + "=a" * 100 + "))" * 16,
        "'" * 8000,
        "a = 1 " + "+ 1" * 2000,
        "S_INTERSECTS(g, POLYGON((" + ",".join(["1 1"] * 1500) + ")))",
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(InvalidFilter):
        compiled(read_condition(text[:MAX_LETTERS], language="cql2-text"))({"a": "a" * 1000}.get)
    assert time.perf_counter() - started < 5


def test_an_outline_may_have_many_corners() -> None:
    ring = ", ".join(f"{-one / 10:.4f} {one % 90}.5" for one in range(300))
    text = f"S_INTERSECTS(geometry, POLYGON(({ring}, 0 0.5))) AND a IN ('x - - y', '((((((')"
    tree = read_condition(text, language="cql2-text")
    assert 301 == len(tree["args"][0]["args"][1]["coordinates"][0])


def test_a_hostile_pattern_is_matched_soon() -> None:
    tree = {"op": "like", "args": [{"property": "a"}, "%a" * 400 + "b"]}
    started = time.perf_counter()
    assert compiled(tree)({"a": "a" * 5000}.get) is False
    assert time.perf_counter() - started < 5
