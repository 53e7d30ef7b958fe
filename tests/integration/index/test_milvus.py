"""A collection that lives in a Milvus, by Milvus Lite, beside the one that looks at everything."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import milvusing
import numpy as np
import pytest
from contract.indexes import DIM, block, chip, scene, spec, units

from satseek.errors import (
    ChipNotFound,
    CollectionExists,
    CollectionNotFound,
    Conflict,
    InvalidRequest,
    ServerUnreachable,
)
from satseek.index import Collection, ExactIndex, bbox_area
from satseek.index.milvus import connecting, engines, layout
from satseek.index.milvus.book import Book
from satseek.index.milvus.expressions import literal
from satseek.index.milvus.index import MilvusIndex
from satseek.index.milvus.making import create_milvus, drop_milvus, open_milvus
from satseek.index.milvus.pinned import MilvusPinned
from satseek.index.milvus.pointing import Address
from satseek.index.milvus.states import Bounds
from satseek.index.pinned import Pinned
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.types import Chip

pytest.importorskip("pymilvus", reason=milvusing.MISSING)
pytest.importorskip("milvus_lite", reason=milvusing.MISSING)

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
SLANTED = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}


@pytest.fixture
def index() -> Iterator[MilvusIndex]:
    with milvusing.made(DIM) as made:
        yield made


def ids(index: Any, query: Any, k: int = 10, where: Filter | None = None) -> list[str]:
    found = index.search(query, k=k, where=where or Filter())
    return [one.id for one in index.chips(found.rows[0][found.rows[0] >= 0])]


def placed(count: int) -> list[Chip]:
    """Chips on a diagonal line, of which the first half lies in ``SLANTED``."""
    boxes = [bbox_area(x, x, x + 0.01, x + 0.01) for x in np.linspace(0, 9.9, count).tolist()]
    return [chip(f"{n:03d}", footprint=box) for n, box in enumerate(boxes)]


def test_ids_of_all_characters_are_found_replaced_and_removed(index: MilvusIndex) -> None:
    odd = ['a"b', "a'b", "a\\b", "a\nb\tc", "湖/岸", "🛰", "{x}", "%", "' or id != '"]
    chips = [chip(name, scene_id=f"s {name}") for name in odd]
    index.add(chips, units(1, len(odd)))
    assert [n for n, _ in enumerate(odd)] == [index.row_of(one.id) for one in chips]
    for one in chips:
        assert [one.id] == ids(index, units(1, 1), where=Filter(scene_ids=(one.scene_id,)))
    index.add(chips, units(2, len(odd)))
    assert len(odd) == len(index)
    assert len(odd) - 1 == index.remove([one.id for one in chips[1:]])
    assert [chips[0].id] == ids(index, units(1, 1))


def test_a_chip_too_long_for_milvus_is_refused_by_name(index: MilvusIndex) -> None:
    with pytest.raises(InvalidRequest, match="4096 bytes of id"):
        index.add([chip("é" * 3_000)], units(1, 1))
    with pytest.raises(InvalidRequest, match="Unicode"):
        index.add([chip("a", scene_path="/\udcff.tif"), chip("b")], units(1, 2))
    assert len(index) == 0


def test_more_ties_than_candidates_come_in_the_order_of_ids(index: MilvusIndex) -> None:
    same = np.repeat(units(2, 1), 150, axis=0)
    names = [f"{n:03d}" for n in np.random.default_rng(0).permutation(150)]
    index.add([chip(name) for name in names], same)
    assert [f"one/{n:03d}" for n in range(5)] == ids(index, same[:1], k=5)


def test_footprints_decide_however_many_boxes_lie_near(index: MilvusIndex) -> None:
    exact = ExactIndex(DIM)
    vectors = units(3, 400)
    for one in (index, exact):
        one.add(placed(400), vectors)
    where = Filter(area=SLANTED)
    for query in vectors[[0, 399]]:  # one lies inside, and of the other all neighbours
        expected = exact.search(query[None], k=30, where=where)
        found = index.search(query[None], k=30, where=where)
        assert exact.chips(expected.rows[0]) == index.chips(found.rows[0])
        assert expected.cosines.tolist() == found.cosines.tolist()


def test_a_footprint_that_turns_away_from_an_area_is_not_in_it(index: MilvusIndex) -> None:
    near = {"type": "Polygon", "coordinates": [[[4, 6.5], [6.5, 6.5], [6.5, 4], [4, 6.5]]]}
    over = {"type": "Polygon", "coordinates": [[[4, 6.5], [4, 4], [6.5, 4], [4, 6.5]]]}
    index.add([chip("near", footprint=near), chip("over", footprint=over)], units(3, 2))
    assert ["one/over"] == ids(index, units(3, 1), where=Filter(area=SLANTED))
    with index.pinned() as pinned:
        assert ([1], 1) == pinned.page(where=Filter(area=SLANTED), after=-1, limit=5)


def test_what_no_number_of_candidates_settles_is_compared_whole(
    index: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, vectors = ExactIndex(DIM), units(4, 200)
    for one in (index, exact):
        one.add(placed(200), vectors)
    monkeypatch.setattr(index.shelf, "most", 24)
    with index.pinned() as pinned:
        found = pinned.search(vectors[:2], k=40, where=Filter(area=SLANTED))
        expected = exact.search(vectors[:2], k=40, where=Filter(area=SLANTED))
        assert expected.cosines.tolist() == found.cosines.tolist()
        rows = found.rows[1][found.rows[1] >= 0]
        assert exact.chips(expected.rows[1][expected.rows[1] >= 0]) == pinned.chips(rows)
    assert "2 queries scanned exactly" in found.plan


def test_pages_walk_over_what_passes_in_order(index: MilvusIndex) -> None:
    index.add(placed(50), units(5, 50))
    index.remove(["one/040"])
    for where, expected in ((Filter(), 49), (Filter(area=SLANTED), 25), (Filter(levels=(2,)), 0)):
        with index.pinned() as pinned:
            rows, after = [], -1
            while True:
                part, total = pinned.page(where=where, after=after, limit=7)
                assert expected == total
                if not part:
                    break
                rows += part
                after = part[-1]
        assert sorted(set(rows)) == rows
        assert expected == len(rows)


def test_bounds_shrink_with_what_is_removed(index: MilvusIndex) -> None:
    dated = [replace(one, datetime=NEW_YEAR + timedelta(days=n)) for n, one in enumerate(placed(9))]
    index.add([*dated, chip("bare")], units(6, 10))
    assert (0, 0, 9.91, 9.91) == index.extent()
    assert (NEW_YEAR, NEW_YEAR + timedelta(days=8)) == index.dates()
    index.remove([dated[0].id, dated[8].id])
    assert dated[1].footprint is not None
    west = min(x for x, _ in dated[1].footprint["coordinates"][0])
    extent = index.extent()
    assert extent is not None
    assert west == extent[0]
    assert (NEW_YEAR + timedelta(days=1), NEW_YEAR + timedelta(days=7)) == index.dates()


def test_every_change_of_any_client_raises_the_generation(index: MilvusIndex) -> None:
    seen = [index.generation]
    with open_milvus(index.address) as other:
        for one, change in (
            (index, lambda one: one.add([chip("a")], units(1, 1))),
            (other, lambda one: one.add([chip("a")], units(2, 1))),
            (other, lambda one: one.add_blocks([block(scene("s"), [], units(0, 0))])),
            (index, lambda one: one.remove(["one/a"])),
            (other, lambda one: one.remove_scenes(["s"])),
        ):
            change(one)
            assert index.generation == other.generation
            seen.append(index.generation)
    assert [2, 2, 2, 2, 2] == np.diff(seen).tolist()  # before and after


def test_two_clients_never_give_a_row_twice(index: MilvusIndex) -> None:
    with open_milvus(index.address) as other:
        for n in range(4):
            index.add([chip(f"a{n}")], units(n, 1))
            other.add([chip(f"b{n}")], units(n, 1))
        rows = {
            one.row_of(f"one/{name}{n}")
            for one in (index, other)
            for name in "ab"
            for n in range(4)
        }
        assert 8 == len(rows) == len(index)
        assert [] == index.verify()


def test_writers_that_claim_at_once_claim_rows_of_their_own(index: MilvusIndex) -> None:
    """Milvus Lite takes one write at a time: calls are put in a row, what lies between is not."""
    connection, turn = connecting.Connection(index.address), threading.Lock()

    class InTurn:
        uri = connection.uri

        def call(self, verb: str, /, **arguments: Any) -> Any:
            with turn:
                return connection.call(verb, **arguments)

    _, book = layout.names_of(index.address.collection)
    claimed: list[range] = []

    def claim() -> None:
        claimed.append(Book(InTurn(), book).begin(1, Bounds()))  # type: ignore[arg-type]

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert 6 == len({rows.start for rows in claimed}) == len(claimed)
    connection.close()


def test_what_was_found_can_be_read_again_whatever_became_of_it(index: MilvusIndex) -> None:
    index.add([chip("a"), chip("b")], units(7, 2))
    with index.pinned() as pinned:
        rows = pinned.search(units(7, 2), k=1).rows[:, 0]
        index.remove(["one/a"])
        assert ["one/a", "one/b"] == [one.id for one in pinned.chips(rows)]
        assert units(7, 2) == pytest.approx(pinned.vectors(rows), abs=1e-3)
    with index.pinned() as pinned, pytest.raises(ChipNotFound):
        pinned.chips(rows)


def test_what_an_embedded_collection_alone_can_do_is_refused(index: MilvusIndex) -> None:
    with index.pinned() as pinned:
        for wanted in ("db", "view"):
            with pytest.raises(Conflict, match=r"contract.*Milvus.*pull"):
                getattr(pinned, wanted)
    for change in (
        index.rewriting,
        lambda: index.forget_refusal("a"),
        lambda: index.move_scene(scene("a")),
    ):
        with pytest.raises(Conflict, match="Milvus"):
            change()


@pytest.mark.parametrize(("ours", "theirs"), [(MilvusIndex, Collection), (MilvusPinned, Pinned)])
def test_what_is_not_answered_here_comes_to_what_refuses(ours: type, theirs: type) -> None:
    """What is inherited asks a reader or a writer that refuses, or what is answered here."""
    asks = {"_reader", "_writing", "db", "view", "pinned", "search", "spec", "find_known"}
    for name in {one for one in vars(theirs) if not one.startswith("_")} - set(vars(ours)):
        member = vars(theirs)[name]
        code = (member.fget if isinstance(member, property) else member).__code__
        assert (asks | {"add_blocks"}) & set(code.co_names), name


def test_there_is_one_collection_of_a_name(index: MilvusIndex) -> None:
    with pytest.raises(CollectionExists, match=index.address.collection):
        create_milvus(index.address, spec(DIM))
    with pytest.raises(CollectionNotFound, match="satseek collection push"):
        open_milvus(milvusing.address("never-made"))


def test_names_that_differ_in_what_milvus_cannot_write_are_different() -> None:
    names = {layout.names_of(name)[0] for name in ("a-b", "a.b", "a_b", "a_2db", "a_5fb")}
    assert 5 == len(names)
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in names)


def test_what_a_killed_maker_left_is_made_anew(index: MilvusIndex) -> None:
    half = milvusing.address()
    connection = connecting.Connection(half)
    chips, _ = layout.names_of(half.collection)
    connection.call("create_collection", collection_name=chips, dimension=3)
    with create_milvus(half, spec(DIM)) as made:
        made.add([chip("a")], units(1, 1))
        assert 1 == len(made)
    drop_milvus(half)
    connection.close()
    assert 0 == len(index)


def test_a_collection_that_was_made_anew_is_another(index: MilvusIndex) -> None:
    where = milvusing.address()
    with create_milvus(where, spec(DIM)) as first:
        assert first.is_current()
        drop_milvus(where)
        assert not first.is_current()
        with create_milvus(where, spec(DIM)) as second, index.pinned():
            assert not first.is_current()
            assert second.is_current()
            with first.pinned() as old, second.pinned() as new:
                assert old.fingerprint != new.fingerprint
    drop_milvus(where)


def test_who_does_not_answer_is_told_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 0.3)
    nowhere = Address(uri="http://127.0.0.1:9", collection="a", token="root:secret")  # noqa: S106
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:9") as caught:
        open_milvus(nowhere)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(nowhere)
    assert "\n" not in str(caught.value)


def test_indexes_are_those_that_the_server_has(index: MilvusIndex) -> None:
    assert "FLAT" == index.told.engine
    with pytest.raises(InvalidRequest, match="FLAT, IVF_FLAT, HNSW, came 'SCANN'"):
        create_milvus(milvusing.address(), spec(DIM), engine="SCANN")
    assert "SCANN" == engines.engine_named("auto", lite=False).name


@pytest.mark.parametrize("engine", ["IVF_FLAT", "HNSW"])
def test_an_index_that_proposes_too_few_is_asked_until_all_are_there(engine: str) -> None:
    exact, vectors = ExactIndex(DIM), units(8, 300)
    with milvusing.made(DIM, engine=engine) as index:
        for one in (index, exact):
            one.add(placed(300), vectors)
        index.shelf.flush()
        for where in (Filter(), Filter(area=SLANTED), Filter(area=bbox_area(5, 5, 5.2, 5.2))):
            expected = exact.search(vectors[:3], k=12, where=where)
            found = index.search(vectors[:3], k=12, where=where)
            same = [
                len(set(one[one >= 0]) & set(two[two >= 0])) / max((one >= 0).sum(), 1)
                for one, two in zip(expected.rows, found.rows, strict=True)
            ]
            assert np.mean(same) >= 0.98
            assert ((expected.rows >= 0).sum(), engine) == ((found.rows >= 0).sum(), engine)


def test_halves_come_back_as_they_went_in_whatever_milvus_hands_out() -> None:
    halves = units(9, 3).astype(np.float16)
    for handed in (
        [one.tobytes() for one in halves],
        [[one.tobytes()] for one in halves],
        list(halves),
        halves.astype(np.float32).tolist(),
    ):
        entities = [{"id": "a", layout.VECTOR: one} for one in handed]
        assert halves.astype(np.float32).tolist() == layout.stored(entities, dim=DIM).tolist()


def test_halves_are_what_pymilvus_sends_for_a_field_of_float16() -> None:
    import pymilvus  # noqa: PLC0415
    from pymilvus.client.prepare import Prepare  # noqa: PLC0415

    schema = layout.chip_schema(pymilvus, dim=DIM, kind="float16").to_dict()
    halves = units(9, 2).astype(np.float16)
    entities = [
        layout.entity_of(chip(f"{n}"), None, row=n, half=half)
        for n, half in enumerate(layout.kept(halves, "float16"))
    ]
    sent = Prepare.row_upsert_param("c", entities, "", schema["fields"])
    (vectors,) = [one for one in sent.fields_data if one.field_name == layout.VECTOR]
    assert halves.tobytes() == vectors.vectors.float16_vector


def test_literals_are_read_back_as_they_were() -> None:
    from milvus_lite.search.filter.parser import parse_expr  # noqa: PLC0415

    for text in ('a"b', "\\", "\\n", "\n", "湖", "'", "a\\"):
        assert text == parse_expr(f"id == {literal(text)}").right.value
