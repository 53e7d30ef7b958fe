"""Names find bundles; versions come in whole, once, and never change."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from towers import CARD
from versionmaker import make_version, store_version

from satseek.errors import DamagedData, InvalidName, InvalidRequest, ModelNotFound
from satseek.model.activation import HISTORY
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.card import write_card
from satseek.model.manifest import read_manifest
from satseek.model.store import ModelStore, find_bundle


def _bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_card(CARD, folder)
    for name in ("image.onnx", "text.onnx", "tokenizer.json"):
        (folder / name).write_bytes(b"not opened")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def _unfinished(store: ModelStore) -> list[str]:
    return [path.name for path in (store.folder / ".staging").iterdir()]


def test_a_bundle_is_its_files(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "one")
    bundle = open_bundle(folder)
    assert bundle.card == CARD
    assert [folder / "image.onnx", folder / "text.onnx", folder / "tokenizer.json"] == [
        bundle.image_tower,
        bundle.text_tower,
        bundle.tokenizer,
    ]


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = _bundle(tmp_path / "one")
    (folder / name).unlink()
    with pytest.raises(DamagedData, match=name):
        open_bundle(folder)


def test_no_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no such folder"):
        open_bundle(tmp_path / "nowhere")


def test_a_model_laid_out_without_versions_is_found(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "store" / "base")
    assert folder == find_bundle("base", store=tmp_path / "store").folder
    assert folder == find_bundle("base@0123", store=tmp_path / "store").folder


def test_a_path_needs_no_store(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "elsewhere")
    assert folder == find_bundle(str(folder), store=tmp_path / "no store").folder


@pytest.mark.parametrize("name", ["other", "", "../nothing", "base@9999", "other@0123"])
def test_what_is_not_found_lists_what_there_is(tmp_path: Path, name: str) -> None:
    _bundle(tmp_path / "base")
    (tmp_path / "no model").mkdir()
    with pytest.raises(ModelNotFound, match="one of: starter, base@0123456789ab "):
        find_bundle(name, store=tmp_path)


def test_an_absent_store_still_has_the_starter(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "absent")
    shipped = starter_bundle()
    assert store.find("starter") == shipped
    assert store.find("active") == shipped
    assert store.find(f"satseek-starter@{shipped.card.version[:4]}") == shipped
    assert store.versions() == []
    assert not (tmp_path / "absent").exists()


def test_a_version_is_found_by_its_name_and_first_digits(store: ModelStore) -> None:
    ref = store_version(store, 1)
    name, version = ref.split("@")
    folder = store.folder / name / version
    for said in (ref, name, f"{name}@{version[:4]}", f"{name}@{version.upper()}", str(folder)):
        assert folder == store.find(said).folder


@pytest.mark.parametrize(
    "said", ["colours@", "colours@12", "colours@word", "colours@0123456789abc"]
)
def test_what_is_no_version_is_said(store: ModelStore, said: str) -> None:
    with pytest.raises(InvalidRequest, match="4 to 12 hex digits"):
        store.find(said)


def test_several_versions_are_listed(store: ModelStore) -> None:
    refs = sorted(store_version(store, seed) for seed in (1, 2))
    with pytest.raises(InvalidRequest, match=f"choose one: {refs[0]}, {refs[1]}"):
        store.find("colours")
    assert refs == [one.ref for one in store.versions()]


def test_a_name_means_the_version_that_was_activated_last(store: ModelStore) -> None:
    first, second = (store_version(store, seed) for seed in (1, 2))
    other = store_version(store, 3, name="other")
    for ref in (first, second, other):
        store.activate(ref)
    assert store.find("colours") == store.find(second)
    store.rollback()
    store.rollback()
    assert store.find("colours") == store.find(first)


def test_an_added_folder_is_moved_in_and_sealed(store: ModelStore) -> None:
    with store.staging() as staged:
        ref = make_version(staged, 1)
        bundle = store.add(staged)
    assert not staged.exists()
    manifest = read_manifest(bundle.folder)
    assert manifest is not None
    assert manifest.model == ref
    assert set(manifest.files) == {
        *("image.onnx", "text.onnx", "tokenizer.json", "card.json", "gate.json")
    }
    assert store.verify(ref) == []
    assert _unfinished(store) == []


def test_a_folder_from_elsewhere_is_copied_in(store: ModelStore, tmp_path: Path) -> None:
    ref = make_version(tmp_path / "mine", 1)
    assert store.add(tmp_path / "mine") == store.find(ref)
    assert open_bundle(tmp_path / "mine").card == store.find(ref).card
    assert _unfinished(store) == []


def test_the_same_version_again_keeps_the_old(store: ModelStore) -> None:
    ref = store_version(store, 1)
    before = {path: path.stat().st_ino for path in store.find(ref).folder.iterdir()}
    assert ref == store_version(store, 1, cosine=0.1)
    assert before == {path: path.stat().st_ino for path in store.find(ref).folder.iterdir()}
    assert ["passed"] == [one.gate for one in store.versions()]


def test_a_kept_report_that_is_worse_is_said(
    store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    store_version(store, 1, cosine=0.1)
    assert caplog.messages == []
    ref = store_version(store, 1, cosine=0.999)
    assert ["failed"] == [one.gate for one in store.versions()]
    assert ref in caplog.text


def test_a_damaged_version_is_not_passed_off_as_stored(store: ModelStore) -> None:
    ref = store_version(store, 1)
    (store.find(ref).folder / "text.onnx").write_bytes(b"other")
    with pytest.raises(DamagedData, match="remove the stored version, then add it again"):
        store_version(store, 1)
    store.remove(ref)
    assert store_version(store, 1) == ref
    assert store.verify() == []


def test_everything_is_on_the_disk_before_its_name_is(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a name must not point to bytes that never came."""
    asked: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        asked.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def replaced(source: Path, target: Path) -> None:
        asked.append(f"{source} → {target}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with store.staging() as staged:
        ref = make_version(staged, 1)
        asked.clear()
        folder = store.add(staged).folder
    files = {str(staged / path.name) for path in folder.iterdir()}
    turn = asked.index(f"{staged} → {folder}")
    assert files | {str(staged), str(store.folder)} == set(asked[:turn])
    assert asked[turn + 1 :] == [str(folder.parent)]

    asked.clear()
    store.activate(ref)
    half_written, history = store.folder / ".staging" / HISTORY, store.folder / HISTORY
    assert asked == [str(half_written), f"{half_written} → {history}", str(store.folder)]


def test_a_new_stores_own_folders_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = set(), os.fsync

    def note(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store_version(ModelStore(tmp_path / "data" / "models"), 1)
    assert {tmp_path, tmp_path / "data", tmp_path / "data" / "models"} <= synced


def test_staging_vanishes_with_what_failed_in_it(store: ModelStore) -> None:
    with pytest.raises(DamagedData), store.staging() as staged:  # noqa: PT012 (what is staged)
        (staged / "card.json").write_text("{")
        store.add(staged)
    assert not staged.exists()
    assert _unfinished(store) == []
    assert store.versions() == []


def test_a_card_of_other_files_is_refused(store: ModelStore) -> None:
    with store.staging() as staged:
        make_version(staged, 1)
        (staged / "image.onnx").write_bytes(b"other")
        with pytest.raises(DamagedData, match="that of the files"):
            store.add(staged)
    assert store.versions() == []


@pytest.mark.parametrize("name", ["starter", "active", "../up", ".hidden", "", "a b", "x" * 101])
def test_a_card_whose_name_is_no_folder_is_refused(store: ModelStore, name: str) -> None:
    with store.staging() as staged:
        make_version(staged, 1)
        write_card(dataclasses.replace(open_bundle(staged).card, name=name), staged)
        with pytest.raises(InvalidName, match="model name"):
            store.add(staged)


@pytest.mark.parametrize("kind", ["folder", "link", "hidden"])
def test_what_is_no_plain_file_is_refused(store: ModelStore, kind: str) -> None:
    with store.staging() as staged:
        make_version(staged, 1)
        if kind == "folder":
            (staged / "more").mkdir()
        elif kind == "link":
            (staged / "more").symlink_to("/etc/hostname")
        else:
            (staged / ".more").write_bytes(b"")
        with pytest.raises(DamagedData, match="plain files"):
            store.add(staged)


def test_an_incomplete_folder_is_refused(store: ModelStore, tmp_path: Path) -> None:
    make_version(tmp_path / "mine", 1)
    (tmp_path / "mine" / "text.onnx").unlink()
    with pytest.raises(DamagedData, match=r"text\.onnx"):
        store.add(tmp_path / "mine")
    with pytest.raises(ModelNotFound, match="no such folder"):
        store.add(tmp_path / "nowhere")


def test_a_version_with_a_damaged_card_is_left_out_and_named(
    store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    ref, sound = store_version(store, 1), store_version(store, 2)
    (store.find(ref).folder / "card.json").write_text("{")
    assert [sound] == [one.ref for one in store.versions()]
    assert "card.json" in caplog.text
    assert any("card.json" in problem for problem in store.verify())
    assert ref == store.remove(ref)
    assert store.verify() == []


def test_a_relative_store_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = ModelStore(Path("models"))
    ref = store_version(store, 1)
    assert ref == store.activate(ref).ref
