"""Fields that are asked for are told, and no others but what an Item cannot be without."""

from __future__ import annotations

from typing import Any

import pytest

from satseek.errors import InvalidRequest
from satseek.service.stac.fields import fields_in

ITEM: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "id": "a",
    "collection": "c",
    "geometry": {"type": "Point", "coordinates": [0, 0]},
    "bbox": [0, 0, 0, 0],
    "properties": {"datetime": "2024-05-01T00:00:00Z", "cloud": 5, "a.b": 1, "in": {"ner": 1}},
    "links": [],
    "assets": {"x": {}},
}
ALWAYS = {"type", "stac_version", "id", "collection"}


@pytest.mark.parametrize(
    ("asked", "fields", "properties"),
    [
        ({"include": ["geometry"]}, ALWAYS | {"geometry"}, None),
        ({"include": ["properties.cloud"]}, ALWAYS | {"properties"}, {"cloud"}),
        ({"include": ["properties.a.b"]}, ALWAYS | {"properties"}, {"a.b"}),
        ({"include": ["properties.in.ner"]}, ALWAYS | {"properties"}, {"in"}),
        ({"include": ["absent", "properties.absent"]}, ALWAYS | {"properties"}, set()),
        ({"exclude": ["geometry", "absent.x"]}, set(ITEM) - {"geometry"}, set(ITEM["properties"])),
        ({"exclude": ["properties.cloud"]}, set(ITEM), {"datetime", "a.b", "in"}),
        ({}, set(ITEM), {"datetime"}),
        ({"include": None, "exclude": ["geometry"]}, set(ITEM) - {"geometry"}, {"datetime"}),
        (
            {"include": ["properties.cloud"], "exclude": ["properties"]},
            ALWAYS | {"properties"},
            {"cloud"},
        ),
        ({"include": ["bbox"], "exclude": ["bbox"]}, ALWAYS | {"bbox"}, None),
    ],
)
def test_fields(asked: Any, fields: set[str], properties: set[str] | None) -> None:
    before = repr(ITEM)
    told = fields_in(asked).of(dict(ITEM))
    assert fields == set(told)
    assert properties == (set(told["properties"]) if "properties" in told else None)
    assert before == repr(ITEM)


@pytest.mark.parametrize(
    "asked",
    [None, [], "id", {"other": []}, {"include": "id"}, {"include": [1]}, {"include": ["a"] * 101}],
)
def test_what_are_no_fields_is_refused(asked: Any) -> None:
    with pytest.raises(InvalidRequest):
        fields_in(asked)
