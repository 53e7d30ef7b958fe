"""A version whose bytes changed is refused by whoever would run it, however it came to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shipped import activate, flip_a_bit, make_collection, store_variant

from satseek.assemble import Assembly
from satseek.assemble import served as served_module
from satseek.errors import DamagedData
from satseek.model.store import ModelStore
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models")


@pytest.fixture
def assembly(store: ModelStore) -> Iterator[Assembly]:
    assembly = Assembly(Settings(data_dir=store.folder.parent))
    yield assembly
    assembly.close()


def test_a_damaged_version_in_force_answers_nothing(
    assembly: Assembly, store: ModelStore, tmp_path: Path
) -> None:
    ref = activate(store, store_variant(store, tmp_path / "a", mean=0.1))
    flip_a_bit(store.find(ref).text_tower)
    model = assembly.model()
    for tower in ("embedder", "bulk_embedder"):
        with pytest.raises(DamagedData, match=r"text\.onnx: its bytes"):
            getattr(model, tower)


def test_a_damaged_version_beside_the_one_in_force_answers_nothing(
    assembly: Assembly, store: ModelStore, tmp_path: Path
) -> None:
    ref = activate(store, store_variant(store, tmp_path / "a", mean=0.1))
    make_collection(assembly, "old")
    store.rollback()
    assembly.models.swap(assembly.models.wanted())
    assert assembly.model().ref != ref
    flip_a_bit(store.find(ref).image_tower)
    model = assembly.matched("old").model
    assert model.ref == ref
    with pytest.raises(DamagedData, match=r"image\.onnx: its bytes"):
        _ = model.embedder
    assert assembly.model().embedder.embed_texts(["a river"]).shape[0] == 1


def test_a_tower_that_was_taken_away_meanwhile_is_named(
    assembly: Assembly, store: ModelStore, tmp_path: Path
) -> None:
    ref = activate(store, store_variant(store, tmp_path / "a", mean=0.1))
    model = assembly.model()
    store.find(ref).image_tower.unlink()
    with pytest.raises(DamagedData, match=rf"image\.onnx: expected a file of {ref}"):
        _ = model.embedder


def test_damage_is_looked_for_again_only_after_a_while(
    assembly: Assembly, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = activate(store, store_variant(store, tmp_path / "a", mean=0.1))
    tower = store.find(ref).text_tower
    whole = tower.read_bytes()
    flip_a_bit(tower)
    model = assembly.model()
    for _ in range(2):
        with pytest.raises(DamagedData, match="its bytes"):
            _ = model.embedder
        tower.write_bytes(whole)
    monkeypatch.setattr(served_module, "RECHECK_SECONDS", 0.0)
    assert model.embedder.card.version in ref
