from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from featuring import hits

from satseek.errors import InvalidRequest
from satseek.export.columns import (
    Column,
    batches,
    check_names,
    columns_of,
    found_columns,
    values_of,
)
from satseek.export.feature import Feature
from satseek.export.vectorfiles import short_names


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], "integer"),
        ([1, 2.5], "number"),
        ([True, False], "truth"),
        ([True, 1], "text"),
        (["a", 1], "text"),
        ([None], "text"),
        ([2**63], "number"),
        ([datetime(2024, 5, 1, tzinfo=UTC)], "moment"),
        ([datetime(2024, 5, 1, tzinfo=UTC), "soon"], "text"),
    ],
)
def test_a_column_is_of_the_narrowest_kind_that_fits(values: list[Any], kind: str) -> None:
    (column,) = columns_of([{"a": value} for value in values])
    assert kind == column.kind


def test_columns_stand_in_the_order_in_which_they_come() -> None:
    found = columns_of([{"b": 1}, {"a": 1, "b": 2}, {"c": 1}])
    assert ["b", "a", "c"] == [one.name for one in found]


def test_looking_at_the_first_features_takes_none_away() -> None:
    features = hits(5)
    columns, again = found_columns(iter(features))
    assert features == list(again)
    assert [*features[0].properties] == [column.name for column in columns]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", 3, 3.0),
        ("number", float("nan"), None),
        ("text", 3, "3"),
        ("text", datetime(2024, 5, 1, tzinfo=UTC), "2024-05-01T00:00:00+00:00"),
        ("moment", datetime(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)),  # noqa: DTZ001
        (
            "moment",
            datetime(2024, 5, 1, 8, tzinfo=timezone(timedelta(hours=8))),
            datetime(2024, 5, 1, tzinfo=UTC),
        ),
        ("truth", None, None),
    ],
)
def test_values_are_made_to_fit(kind: Any, value: Any, expected: Any) -> None:
    feature = Feature(id="a", geometry=None, properties={"x": value})
    assert [expected] == values_of(Column(name="x", kind=kind), [feature])


def test_a_value_of_another_kind_is_refused() -> None:
    feature = Feature(id="a", geometry=None, properties={"x": "many"})
    with pytest.raises(InvalidRequest, match="x: expected a integer, came 'many'"):
        values_of(Column(name="x", kind="integer"), [feature])


def test_a_property_without_a_column_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="expected no further column, came rank"):
        check_names([], [Feature(id="a", geometry=None, properties={"rank": 1})])


def test_batches_hold_everything_once() -> None:
    features = hits(5)
    assert features == [one for batch in batches(features) for one in batch]
    assert [] == list(batches([]))


def test_short_names_are_distinct_whatever_their_case_and_ten_letters_at_most() -> None:
    names = ["percentile_of_a", "percentile_of_b", "Percentile", "eo:cloud_cover", "云量", "", "id"]
    short = short_names(names)
    assert names == list(short)
    assert len(names) == len({one.lower() for one in short.values()})
    assert all(1 <= len(one.encode()) <= 10 for one in short.values())
    assert ("percentile", "percenti_1", "eo_cloud_c", "id") == (
        short["percentile_of_a"],
        short["percentile_of_b"],
        short["eo:cloud_cover"],
        short["id"],
    )
    many = short_names([f"a_long_name_{at}" for at in range(1200)])
    assert 1200 == len(set(many.values()))
    assert all(len(one) <= 10 for one in many.values())
