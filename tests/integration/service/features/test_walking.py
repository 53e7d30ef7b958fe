"""A page looks at a bounded number of features, and leads on from wherever it stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from standarddoors import make_archive

from satseek.assemble import Assembly
from satseek.errors import Conflict, InvalidRequest
from satseek.index import open_collection
from satseek.service.access.principals import LOCAL
from satseek.service.features import walking
from satseek.service.features.naming import Told
from satseek.service.features.shelves import Wanted
from satseek.settings import Settings
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHIPS = Told(name="archive", kind="chips")
RARE = {"op": "like", "args": [{"property": "id"}, "%made, 1_/3"]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What a walk needs of a server: its collections."""
    assembly = Assembly(Settings(data_dir=tmp_path_factory.mktemp("walking")))
    make_archive(assembly)
    yield SimpleNamespace(reader=lambda name, _who: assembly.reader(name))
    assembly.close()


def _walk(condition: Any, *, order: walking.Order = (), limit: int = 5) -> walking.Walk:
    wanted = Wanted(where=Filter(), condition=condition)
    return walking.Walk(told=[CHIPS], wanted=wanted, limit=limit, order=order, asked={})


@pytest.mark.parametrize("examined", [1, 7, 20_000])
def test_a_rare_feature_is_found_on_some_page(
    shared: Any, monkeypatch: pytest.MonkeyPatch, examined: int
) -> None:
    monkeypatch.setattr(walking, "MAX_EXAMINED", examined)
    walk, cursor, found, pages = _walk(RARE), None, [], 0
    while pages == 0 or cursor is not None:
        page = walk.page(cursor, shared=shared, who=LOCAL)
        cursor, pages = page.cursor, pages + 1
        found += [one.id for one in page.entries]
    assert ["1/made, 10/3", "2/made, 11/3"] == found
    assert {1: 56, 7: 8, 20_000: 1}[examined] == pages


@pytest.mark.parametrize("condition", [None, RARE])
def test_too_many_features_are_not_put_in_an_order(
    shared: Any, monkeypatch: pytest.MonkeyPatch, condition: Any
) -> None:
    walk = _walk(condition, order=(("valid_fraction", True), ("id", False)), limit=2)
    best = walk.page(None, shared=shared, who=LOCAL)
    first = (
        ["0/made, 00/3", "0/made, 03/3"] if condition is None else ["1/made, 10/3", "2/made, 11/3"]
    )
    assert first == [one.id for one in best.entries]
    monkeypatch.setattr(walking, "MAX_SORTED", 55)
    with pytest.raises(InvalidRequest, match="at most 55"):
        walk.page(None, shared=shared, who=LOCAL)


def test_a_walk_does_not_go_on_behind_a_row_that_is_another_chips_by_now(
    tmp_path: Path,
) -> None:
    assembly = Assembly(Settings(data_dir=tmp_path))
    make_archive(assembly)
    shared: Any = SimpleNamespace(reader=lambda name, _who: assembly.reader(name))
    walk = _walk(None, limit=3)
    first = walk.page(None, shared=shared, who=LOCAL)
    with open_collection(assembly.collections_dir / "archive", mode="write") as target:
        target.remove([first.entries[0].id])
        second = walk.page(first.cursor, shared=shared, who=LOCAL)  # dead rows keep their place
        target.compact()
        with pytest.raises(Conflict, match="before the collection was compacted"):
            walk.page(second.cursor, shared=shared, who=LOCAL)
        found, cursor = [], None
        while not found or cursor is not None:
            page = walk.page(cursor, shared=shared, who=LOCAL)
            cursor = page.cursor
            found += [one.id for one in page.entries]
            target.remove(found[-1:])  # goes on through later changes
        assert 55 == len(set(found)) == len(found)
        assert first.entries[1].id == found[0]
    assembly.close()
