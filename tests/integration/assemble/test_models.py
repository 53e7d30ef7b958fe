"""Which model is in force, which stay open beside it, and that what nobody needs is freed."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'satseek[torch]'")
pytest.importorskip("sentencepiece", reason="missing: pip install sentencepiece")

import versions
from shipped import flip_a_bit, make_collection
from versions import ref_of

from satseek.assemble import Assembly, Layout
from satseek.assemble.models import OPEN_BESIDE, Models
from satseek.errors import CollectionNotFound, DamagedData, ModelMismatch, ModelNotFound
from satseek.model.bundle import starter_bundle
from satseek.model.store import ModelStore
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.assemble import ServedModel
    from satseek.model.bundle import Bundle

ASKERS = 50


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose store holds four versions, none activated."""
    home = tmp_path_factory.mktemp("versions")
    versions.store_versions(home / "data" / "models", home, count=4)
    return home / "data"


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "data")


@pytest.fixture
def store(data: Path) -> ModelStore:
    return ModelStore(data / "models")


@pytest.fixture
def bundles(store: ModelStore) -> list[Bundle]:
    return [store.find(one.ref) for one in store.versions()]


@pytest.fixture
def assembly(data: Path) -> Iterator[Assembly]:
    assembly = Assembly(Settings(data_dir=data))
    yield assembly
    assembly.close()


def change(models: Models) -> None:
    """What the server does once it has noticed."""
    models.swap(models.wanted())


def test_the_activated_version_is_in_force_and_the_starter_before(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    assert ref_of(assembly.model().card) == ref_of(starter_bundle().card)
    for bundle in bundles[:2]:
        before = assembly.models.state_token()
        store.activate(ref_of(bundle.card))
        assert assembly.models.state_token() != before
        change(assembly.models)
        assert assembly.model().ref == ref_of(bundle.card)
    store.rollback()
    change(assembly.models)
    assert assembly.model().ref == ref_of(bundles[0].card)
    assert assembly.models.wanted() is assembly.model()


def test_a_pinned_model_stays(data: Path, store: ModelStore, bundles: list[Bundle]) -> None:
    pinned = Assembly(Settings(data_dir=data, model=ref_of(bundles[0].card)))
    store.activate(ref_of(bundles[1].card))
    assert pinned.models.pinned
    assert pinned.model().ref == ref_of(bundles[0].card)
    assert pinned.models.wanted() is pinned.model()
    with pytest.raises(ModelMismatch):
        pinned.models.version("tiny", bundles[1].card.version)
    assert not pinned.models.has("tiny", bundles[1].card.version)


def test_a_swap_leaves_requests_their_model_and_frees_it_after_the_last(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    store.activate(ref_of(bundles[0].card))
    held = assembly.model()
    before = held.embedder.embed_texts(["a river"])
    freed = [weakref.ref(held), weakref.ref(held.embedder)]
    store.activate(ref_of(bundles[1].card))
    change(assembly.models)
    np.testing.assert_array_equal(held.embedder.embed_texts(["a river"]), before)
    assert held.ref == ref_of(bundles[0].card)
    assert abs(assembly.model().embedder.embed_texts(["a river"]) - before).max() > 0.01
    assert all(one() is not None for one in freed)
    del held
    gc.collect()
    assert [one() for one in freed] == [None, None]


def test_twenty_swaps_leave_one_model(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    seen: list[weakref.ref[ServedModel]] = []
    for turn in range(20):
        store.activate(ref_of(bundles[turn % 2].card))
        change(assembly.models)
        seen.append(weakref.ref(assembly.model()))
    gc.collect()
    assert [at for at, one in enumerate(seen) if one() is not None] == [19]


def test_versions_beside_the_one_in_force_are_opened_once_and_few_stay(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    store.activate(ref_of(bundles[0].card))
    started = threading.Barrier(ASKERS)

    def ask(at: int) -> ServedModel:
        started.wait(timeout=60)
        model = assembly.models.version("tiny", bundles[1 + at % 2].card.version)
        model.embedder.embed_texts(["a river"])
        return model

    with ThreadPoolExecutor(ASKERS) as askers:
        given = list(askers.map(ask, range(ASKERS)))
    assert len({id(one) for one in given}) == 2
    assert len({id(one.embedder) for one in given}) == 2
    first, second = (weakref.ref(one) for one in given[:2])
    assert assembly.models.version("tiny", bundles[1].card.version) is given[0]  # used last
    del given
    for at in (3, 1):
        assembly.models.version("tiny", bundles[at].card.version)
    gc.collect()
    assert OPEN_BESIDE == 2
    assert (first() is not None, second()) == (True, None)


def test_a_version_open_already_is_not_opened_again_when_it_comes_into_force(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    store.activate(ref_of(bundles[0].card))
    beside = assembly.models.version("tiny", bundles[1].card.version)
    store.activate(ref_of(bundles[1].card))
    change(assembly.models)
    assert assembly.model() is beside


def test_what_is_damaged_or_lies_about_itself_never_comes_into_force(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle], tmp_path: Path
) -> None:
    for bundle in bundles[:2]:
        store.activate(ref_of(bundle.card))
    now = assembly.model()
    flip_a_bit(bundles[0].image_tower)
    store.rollback()
    with pytest.raises(DamagedData, match=r"image\.onnx"):
        assembly.models.wanted()
    broken = versions.store_broken(store.folder, tmp_path, like=bundles[1])
    store.activate(ref_of(broken.card), force=True)
    with pytest.raises(DamagedData, match="expected features"):
        assembly.models.wanted()
    assert assembly.model() is now


def test_a_missing_model_is_named(data: Path) -> None:
    with pytest.raises(ModelNotFound, match="nowhere"):
        Assembly(Settings(data_dir=data, model="nowhere")).model()


def test_a_collection_brings_its_model_along(
    assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    make_collection(assembly, "shipped")
    store.activate(ref_of(bundles[0].card))
    change(assembly.models)
    make_collection(assembly, "first")
    store.activate(ref_of(bundles[1].card))
    change(assembly.models)
    for name, wanted in (("shipped", starter_bundle()), ("first", bundles[0])):
        matched = assembly.matched(name)
        assert matched.model.ref == ref_of(wanted.card)
        assert matched.model.embedder.card == wanted.card
        assert assembly.can_search(matched.collection.spec)
        with pytest.raises(ModelMismatch, match=f"reembed {name}"):
            assembly.writer(name, Layout())
    assert assembly.model().ref == ref_of(bundles[1].card)


def test_a_model_that_is_gone_or_pinned_away_is_explained(
    data: Path, assembly: Assembly, store: ModelStore, bundles: list[Bundle]
) -> None:
    store.activate(ref_of(bundles[0].card))
    make_collection(assembly, "old")
    store.activate(ref_of(bundles[1].card))
    pinned = Assembly(Settings(data_dir=data, model=ref_of(bundles[2].card)))
    with pytest.raises(ModelMismatch) as caught:
        pinned.matched("old")
    for part in (ref_of(bundles[0].card), ref_of(bundles[2].card), "pins", "reembed old"):
        assert part in str(caught.value)
    pinned.close()
    change(assembly.models)
    store.remove(ref_of(bundles[0].card))
    with pytest.raises(ModelMismatch) as caught:
        assembly.matched("old")
    for part in (ref_of(bundles[0].card), ref_of(bundles[1].card), "import", "reembed old"):
        assert part in str(caught.value)
    assert not assembly.can_search(assembly.reader("old").spec)


def test_a_collection_made_again_is_read_anew_and_the_old_one_finished(assembly: Assembly) -> None:
    make_collection(assembly, "again", seed=1)
    folder = assembly.collections_dir / "again"
    held = assembly.reader("again")
    assert assembly.reader("again") is held
    freed = weakref.ref(held)
    with held.pinned() as index:
        shutil.rmtree(folder)
        make_collection(assembly, "again", seed=2)
        assert assembly.reader("again").row_of("again-2-0") == 0
        assert index.row_of("again-1-0") == 0
    assert not held.is_current()
    del held, index
    gc.collect()
    assert freed() is None
    shutil.rmtree(folder)
    with pytest.raises(CollectionNotFound):
        assembly.reader("again")


def test_a_deleted_collection_is_let_go_of(assembly: Assembly) -> None:
    make_collection(assembly, "deleted")
    freed = weakref.ref(assembly.reader("deleted"))
    assert freed() is not None
    shutil.rmtree(assembly.collections_dir / "deleted")
    assert assembly.collections() == []
    gc.collect()
    assert freed() is None
