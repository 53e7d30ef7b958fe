from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from versionmaker import make_version, report_of, store_version

from satseek.errors import GateNotPassed, InvalidRequest
from satseek.model.bundle import open_bundle
from satseek.model.reports import read_report
from satseek.model.reproving import keeps_reports, replace_report
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def test_a_version_gets_a_new_report_and_stays_sound(store: ModelStore) -> None:
    ref = store_version(store, 1, cosine=0.5)
    bundle = store.find(ref)
    with pytest.raises(GateNotPassed):
        store.activate(ref)
    replace_report(store, bundle, report_of(ref, 0.999))
    assert report_of(ref, 0.999) == read_report(bundle.folder)
    assert [] == store.verify(ref)
    assert ref == store.activate(ref).ref
    assert [] == list((store.folder / ".staging").iterdir())


def test_another_versions_report_is_refused(store: ModelStore) -> None:
    ref, other = store_version(store, 1), store_version(store, 2)
    with pytest.raises(InvalidRequest, match="a report of its own"):
        replace_report(store, store.find(ref), report_of(other, 0.999))
    assert [] == store.verify(None)


def test_a_folder_beside_the_store_keeps_its_report(store: ModelStore, tmp_path: Path) -> None:
    ref = make_version(tmp_path / "elsewhere", 1, cosine=0.5)
    bundle = open_bundle(tmp_path / "elsewhere")
    assert not keeps_reports(store, bundle)
    with pytest.raises(InvalidRequest, match="expected a version of the store"):
        replace_report(store, bundle, report_of(ref, 0.999))
    assert report_of(ref, 0.5) == read_report(bundle.folder)
