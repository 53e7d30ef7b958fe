"""Collections carried into a Milvus and back, by Milvus Lite; folders that say where one lives."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import milvusing
import numpy as np
import pytest
from contract.indexes import DIM, block, chip, scene, spec, units
from typer.testing import CliRunner

import satseek.cli.milvus  # noqa: F401 (it registers its commands)
from satseek.assemble.readers import Readers
from satseek.cli.application import app
from satseek.errors import (
    CollectionExists,
    CollectionNotFound,
    Conflict,
    DamagedData,
    InvalidName,
    InvalidRequest,
    ModelMismatch,
    ServerUnreachable,
)
from satseek.index import create_collection, list_collections, open_collection
from satseek.index.milvus import connecting, pushing
from satseek.index.milvus.making import drop_milvus, open_attached, open_milvus
from satseek.index.milvus.pointing import (
    POINTER,
    Address,
    attach,
    check_address,
    detach,
    is_attached,
    read_address,
)
from satseek.index.milvus.pulling import pull_collection
from satseek.index.milvus.pushing import push_collection
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index import Collection

pytest.importorskip("pymilvus", reason=milvusing.MISSING)
pytest.importorskip("milvus_lite", reason=milvusing.MISSING)

SECRET = "root:secret"  # noqa: S105


@pytest.fixture
def where() -> Iterator[Address]:
    address = milvusing.address()
    yield address
    drop_milvus(address)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Collection]:
    """A collection with replaced and removed chips, a half-done scene, and chips of no scene."""
    with create_collection(tmp_path / "county", spec(DIM, "county")) as made:
        for n, name in enumerate(("s1", "s2", "long")):
            chips = [chip(f"{k}", scene_id=name, level=1 + k % 2) for k in range(20)]
            one = scene(name, cover=n, note="长" * (40_000 if name == "long" else 1))
            made.add_blocks([replace(block(one, chips, units(n, 20)), finished=name != "s2")])
        made.add([chip("lone")], units(8, 1))
        made.add([chip("3", scene_id="s1", valid_fraction=1.0)], units(9, 1))
        made.remove(["s2/4"])
        made.record_refusal(Refusal(path="bad.tif", reason="no", kind="NoValidPixels"), "d")
        yield made


def test_there_and_back_it_is_the_same(source: Collection, where: Address, tmp_path: Path) -> None:
    pushed = push_collection(source, where)
    pulled = pull_collection(where, tmp_path / "back")
    assert source.digest() == pushed.digest == pulled.digest
    assert (60, 60) == (pushed.chips, pulled.chips)
    with open_collection(tmp_path / "back", mode="read") as back, open_milvus(where) as there:
        for one in (there, back):
            assert source.digest() == one.digest()
            assert source.scenes() == one.scenes()
            assert source.refusals() == one.refusals()
            for name in ("s1", "s2", "long"):
                ours, theirs = source.find_known(name), one.find_known(name)
                assert ours is not None
                assert theirs is not None
                assert ours.progress.next_position == theirs.progress.next_position
                assert ours.progress.finished == theirs.progress.finished
        assert replace(source.spec, name="back") == back.spec
        assert [] == back.verify() == there.verify()
        assert source.extent() == there.extent()


def test_only_what_has_changed_is_carried_again(source: Collection, where: Address) -> None:
    assert 60 == push_collection(source, where).carried
    assert 0 == push_collection(source, where).carried
    source.remove(["s1/1", "s1/2"])
    source.add([chip("5", scene_id="s1", valid_fraction=0.5), chip("new")], units(3, 2))
    again = push_collection(source, where)
    assert (2, 2, 59) == (again.carried, again.removed, again.chips)
    with open_milvus(where) as there:
        assert source.digest() == there.digest()


def test_as_many_removed_as_added_are_noticed(source: Collection, where: Address) -> None:
    push_collection(source, where)
    source.remove(["s1/1"])
    source.add([chip("other")], units(3, 1))
    assert 1 == push_collection(source, where).removed


def test_scenes_that_are_gone_here_go_there(source: Collection, where: Address) -> None:
    push_collection(source, where)
    source.remove_scenes(["s2"])
    assert 19 == push_collection(source, where).removed
    with open_milvus(where) as there:
        assert ["long", "s1"] == [one.id for one in there.scenes()]


class Cut(Exception):
    """The cable."""


def test_a_push_goes_on_where_it_was_cut_off(
    source: Collection, where: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "BATCH", 16)

    def cut(done: int, _total: int) -> None:
        if done >= 32:
            raise Cut

    with pytest.raises(Cut):
        push_collection(source, where, on_progress=cut)
    with open_milvus(where) as there:
        assert 32 == len(there)
        (unfinished,) = there.verify()
        assert "push" in unfinished
    seen: list[tuple[int, int]] = []
    again = push_collection(source, where, on_progress=lambda done, all_: seen.append((done, all_)))
    assert (28, 60) == (again.carried, again.chips)
    assert [(32, 60), (48, 60), (60, 60)] == seen


def test_a_pull_goes_on_where_it_was_cut_off(
    source: Collection, where: Address, tmp_path: Path
) -> None:
    push_collection(source, where)

    def cut(done: int, _total: int) -> None:
        if done >= 39:
            raise Cut

    with pytest.raises(Cut):
        pull_collection(where, tmp_path / "back", on_progress=cut)
    again = pull_collection(where, tmp_path / "back")
    assert source.digest() == again.digest
    assert again.carried < 60


def test_vectors_of_another_model_do_not_go_there(
    source: Collection, where: Address, tmp_path: Path
) -> None:
    push_collection(source, where)
    other = replace(spec(DIM, "county"), model_version="1" * 12)
    with create_collection(tmp_path / "other", other) as made:
        made.add([chip("a")], units(1, 1))
        with pytest.raises(ModelMismatch, match=r"0{12}.*--as"):
            push_collection(made, where)
    with pytest.raises(ModelMismatch):
        pull_collection(where, tmp_path / "other")
    larger = replace(spec(DIM), min_valid=0.5, grid=replace(spec().grid, chip_px=128))
    with create_collection(tmp_path / "larger", larger) as made, pytest.raises(Conflict):
        push_collection(made, where)


def test_a_difference_at_the_end_is_told(source: Collection, where: Address) -> None:
    push_collection(source, where)
    with open_milvus(where) as there:
        there.add([source.chips([0])[0]], units(99, 1))
    with pytest.raises(DamagedData, match="push"):
        push_collection(source, where)


def test_a_folder_says_where_a_collection_lives(
    source: Collection, where: Address, tmp_path: Path
) -> None:
    push_collection(source, where)
    attach(tmp_path / "cloud", replace(where, token=SECRET))
    assert "secret" not in (tmp_path / "cloud" / POINTER).read_text(encoding="utf-8")
    assert ["cloud", "county"] == list_collections(tmp_path)
    readers = Readers(tmp_path, milvus_token="")
    opened = readers.open("cloud")
    assert opened is readers.open("cloud")
    assert source.digest() == opened.digest()
    stats = opened.stats()
    assert (60, 3, 1) == (stats.chips, stats.scenes, stats.refusals)
    for mode in ("read", "write"):
        with pytest.raises(Conflict, match="lives in a Milvus"):
            open_collection(tmp_path / "cloud", mode=mode)
    with pytest.raises(Conflict):
        create_collection(tmp_path / "cloud", spec(DIM))
    readers.close()


def test_an_address_that_leads_elsewhere_now_is_followed(
    source: Collection, where: Address, tmp_path: Path
) -> None:
    push_collection(source, where)
    attach(tmp_path / "cloud", where)
    readers = Readers(tmp_path)
    first = readers.open("cloud")
    detach(tmp_path / "cloud")
    attach(tmp_path / "cloud", where)
    assert first is not readers.open("cloud")
    detach(tmp_path / "cloud")
    with pytest.raises(CollectionNotFound, match="no collection 'cloud'"):
        readers.open("cloud")
    attach(tmp_path / "gone", milvusing.address("gone"))
    with pytest.raises(CollectionNotFound, match="Milvus at"):
        readers.open("gone")
    readers.close()


def test_what_does_not_answer_leaves_the_others_be(
    source: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 0.3)
    data = tmp_path / "data"
    (data / "collections").mkdir(parents=True)
    source.close()
    source.folder.rename(data / "collections" / "county")
    attach(data / "collections" / "away", Address(uri="http://127.0.0.1:9", collection="a"))
    listed = CliRunner().invoke(app, ["--data-dir", str(data), "collection", "list", "--json"])
    assert (0, ["county"]) == (listed.exit_code, list(json.loads(listed.stdout)))
    assert "away: Milvus at http://127.0.0.1:9" in listed.stderr
    asked = CliRunner().invoke(app, ["--data-dir", str(data), "collection", "show", "away"])
    assert isinstance(asked.exception, ServerUnreachable)


def test_asking_makes_no_file_of_milvus_lite(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="satseek collection push"):
        open_milvus(Address(uri=str(tmp_path / "x.db"), collection="a"))
    assert [] == list(tmp_path.iterdir())


def test_something_that_lies_there_is_not_overwritten(where: Address, source: Collection) -> None:
    with pytest.raises(CollectionExists):
        attach(source.folder, where)
    assert not is_attached(source.folder)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", DamagedData),
        ("[]", DamagedData),
        ('{"format": 1, "uri": "http://a"}', DamagedData),
        ('{"format": 2, "uri": "http://a", "collection": "a"}', Conflict),
    ],
)
def test_a_file_that_says_nothing_is_refused(
    tmp_path: Path, text: str, error: type[Exception]
) -> None:
    (tmp_path / POINTER).write_text(text, encoding="utf-8")
    with pytest.raises(error, match=POINTER):
        open_attached(tmp_path, token="")


@pytest.mark.parametrize(
    ("uri", "collection", "error"),
    [
        ("http://root:Milvus@host:19530", "a", InvalidRequest),
        ("ftp://host", "a", InvalidRequest),
        ("host:19530", "a", InvalidRequest),
        ("", "a", InvalidRequest),
        ("http://host:19530", "../a", InvalidName),
    ],
)
def test_what_is_no_address_is_refused(
    tmp_path: Path, uri: str, collection: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        check_address(Address(uri=uri, collection=collection), below=tmp_path)
    assert "root:Milvus" not in str(caught.value)


def test_addresses_are_kept_as_they_are_used(tmp_path: Path) -> None:
    asked = Address(uri="x.db", collection="a", token=SECRET)
    checked = check_address(asked, below=tmp_path)
    assert str(tmp_path / "x.db") == checked.uri
    attach(tmp_path / "a", checked)
    assert replace(checked, token="u:" + SECRET) == read_address(
        tmp_path / "a", token="u:" + SECRET
    )
    assert {"format", "uri", "collection"} == set(
        json.loads((tmp_path / "a" / POINTER).read_text())
    )
    assert not np.any([one.name.startswith(".") for one in (tmp_path / "a").iterdir()])
