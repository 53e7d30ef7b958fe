"""Different things have different digests, the same ones the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from satseek.monitor.reports.digesting import digest_of_inputs
from satseek.types import Scene

SCENE = Scene(
    id="june",
    path="/a/june.tif",
    width=8,
    height=8,
    bands=3,
    dtype="uint8",
    crs="EPSG:32633",
    transform=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    nodata=None,
    datetime=None,
    digest="12:34",
)


@dataclass(frozen=True)
class Pin:
    name: str
    at: int


@dataclass(frozen=True)
class Peg:
    name: str
    at: int


MOMENT = datetime(2024, 6, 2, tzinfo=UTC)

APART = (
    (),
    (None,),
    ("",),
    ("1",),
    (1,),
    (1.5,),
    (True,),
    ("a", "b"),
    ("ab",),
    (("a", "b"),),
    (("a",), "b"),
    ({"a": "b"},),
    (Pin("a", 1),),
    (Peg("a", 1),),
    (Pin("a", 2),),
    (MOMENT,),
    (MOMENT.isoformat(),),
    (np.zeros(4, np.uint8),),
    (np.zeros(4, np.int8),),
    (np.zeros((2, 2), np.uint8),),
    (SCENE,),
    (replace(SCENE, digest="12:35"),),
)


def test_what_differs_has_another_digest() -> None:
    assert len(APART) == len({digest_of_inputs(*parts) for parts in APART})


def test_the_order_of_a_mapping_does_not_count() -> None:
    assert digest_of_inputs({"a": 1, "b": 2}) == digest_of_inputs({"b": 2, "a": 1})


def test_where_a_scene_lies_does_not_count() -> None:
    assert digest_of_inputs(SCENE) == digest_of_inputs(replace(SCENE, path="/b/june.tif"))


def test_what_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="no digest for object"):
        digest_of_inputs(object())
