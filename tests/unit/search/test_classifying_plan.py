"""How a folder falls into parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from satseek.errors import NotFound, UnreadableImage
from satseek.imagery.candidates import Candidate
from satseek.imagery.recipes import recipe_named
from satseek.search import classifying_plan
from satseek.search.classifying_plan import Cells, Cut, Cutting, Lost, Part, plan_parts
from satseek.types import GridSpec, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable

CUTTING = Cutting(
    recipe=recipe_named("auto"),
    grid=GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None),
    min_valid=0.5,
)


def scene(name: str, *, edge: int = 64, crs: str | None = "EPSG:32633", digest: str = "d") -> Scene:
    return Scene(
        id=name,
        path=f"/scenes/{name}",
        width=edge,
        height=edge,
        bands=3,
        dtype="uint8",
        crs=crs,
        transform=(10.0, 0.0, 512_000.0, 0.0, -10.0, 5_799_680.0),
        nodata=None,
        datetime=None,
        digest=digest,
    )


def candidate(one: Scene | Exception, name: str = "lost") -> Candidate:
    def describe(_: object) -> Scene:
        if isinstance(one, Exception):
            raise one
        return one

    shown = one.id if isinstance(one, Scene) else name
    return Candidate(
        name=shown, path=f"/scenes/{shown}", folders=lambda: iter(()), describe=describe
    )


def planned(scenes: Iterable[Scene | Exception], cutting: Cutting = CUTTING) -> list[Part]:
    return list(plan_parts([candidate(one) for one in scenes], cutting))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    monkeypatch.setattr(classifying_plan, "PART_IMAGES", 8)
    monkeypatch.setattr(classifying_plan, "MOST_IMAGES", 32)
    return [scene(f"{at:04}.tif") for at in range(300)]


def names(parts: Iterable[Part]) -> list[str]:
    return [part.name for part in parts]


def test_every_image_is_in_one_part_in_order(many: list[Scene]) -> None:
    parts = planned(many)
    assert [one.id for one in many] == [
        item.scene.id for part in parts for item in part.items if not isinstance(item, Lost)
    ]
    assert len(set(names(parts))) == len(parts) > 10
    assert max(part.images for part in parts) <= 32


@pytest.mark.parametrize("at", [0, 150, 300])
def test_a_file_that_comes_changes_only_its_part(many: list[Scene], at: int) -> None:
    before = set(names(planned(many)))
    after = set(names(planned([*many[:at], scene("new.tif"), *many[at:]])))
    assert len(before - after) <= 1
    assert 1 <= len(after - before) <= 2


def test_a_file_that_changes_changes_its_part(many: list[Scene]) -> None:
    changed = [*many[:7], replace(many[7], digest="other"), *many[8:]]
    assert 1 == len(set(names(planned(many))) - set(names(planned(changed))))


def test_a_large_scene_makes_parts_of_its_own() -> None:
    large = scene("large.tif", edge=256 * 30)
    first, *ranges, last = planned([scene("a.tif"), large, scene("b.tif")])
    assert [1, 1] == [first.images, last.images]
    assert all(part.is_range and len(part.items) == 1 for part in ranges)
    items = [part.items[0] for part in ranges]
    cells = [(item.start, item.stop) for item in items if isinstance(item, Cells)]
    total = cells[-1][1]
    assert len(cells) > 2
    assert list(range(total)) == [at for start, stop in cells for at in range(start, stop)]


def test_a_scene_of_some_chips_lies_with_others() -> None:
    (part,) = planned([scene("a.tif", edge=1024), scene("b.tif")])
    assert [len(part.items), part.is_range] == [2, False]


@pytest.mark.parametrize(
    ("cut", "crs", "one_image"),
    [
        ("auto", "EPSG:32633", False),
        ("auto", None, True),
        ("always", None, False),
        ("never", "EPSG:32633", True),
    ],
)
def test_what_is_cut(cut: Cut, crs: str | None, *, one_image: bool) -> None:
    (part,) = planned([scene("a.tif", edge=1024, crs=crs)], replace(CUTTING, cut=cut))
    assert one_image == (part.images == 1)


def test_what_cannot_be_described_is_lost_with_its_reason() -> None:
    (part,) = planned([UnreadableImage("a.tif: cut\nshort"), scene("b.tif"), ValueError("odd")])
    reasons = [item.refusal.reason for item in part.items if isinstance(item, Lost)]
    assert ["a.tif: cut short", "lost: ValueError: odd"] == reasons


def test_what_is_no_fault_of_a_file_ends_it_all() -> None:
    with pytest.raises(NotFound):
        planned([NotFound("the disk is away")])
