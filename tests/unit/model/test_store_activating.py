"""A version comes into use with proof, atomically, and goes out of use again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from versionmaker import make_version, report_of, store_version

from satseek.errors import (
    Conflict,
    DamagedData,
    DiskFull,
    GateNotPassed,
    InvalidRequest,
    ModelNotFound,
)
from satseek.model import durable
from satseek.model.activation import HISTORY, here_and_now, read_history, standing
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.card import content_version, write_card
from satseek.model.locking import locked
from satseek.model.reports import write_report
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def three(store: ModelStore) -> list[str]:
    return [store_version(store, seed) for seed in (1, 2, 3)]


def _used(store: ModelStore) -> str:
    active = store.active()
    return active.ref if active else "starter"


def test_the_starter_is_in_use_where_none_was_activated(store: ModelStore) -> None:
    assert store.active() is None
    assert store.in_use() == starter_bundle()
    assert store.history() == ()


def test_an_activated_version_is_in_use(store: ModelStore, three: list[str]) -> None:
    change = store.activate(three[1])
    assert (change.ref, change.action, change.forced, change.note) == (
        *(three[1], "activate", False, ""),
    )
    assert "@" in change.who
    assert store.active() == change
    assert store.in_use() == store.find(three[1]) == store.find("active")
    assert (change,) == store.history()


def test_activating_what_is_active_changes_nothing(store: ModelStore, three: list[str]) -> None:
    change = store.activate(three[0])
    token = store.state_token()
    assert change == store.activate(three[0])
    assert token == store.state_token()


def test_the_token_tells_every_change(store: ModelStore, three: list[str]) -> None:
    tokens = [store.state_token()]
    for ref in three:
        store.activate(ref)
        tokens.append(store.state_token())
    store.rollback()
    tokens.append(store.state_token())
    assert len(tokens) == len(set(tokens))


def test_the_token_is_the_same_for_every_other_change(store: ModelStore, three: list[str]) -> None:
    store.activate(three[0])
    token = store.state_token()
    store_version(store, 9)
    store.remove(three[1])
    assert store.verify() == []
    assert token == store.state_token()


def test_rollback_goes_back_step_by_step_to_the_starter(
    store: ModelStore, three: list[str]
) -> None:
    for ref in three:
        store.activate(ref)
    back = [store.rollback().ref for _ in range(3)]
    assert back == [three[1], three[0], "starter"]
    assert store.in_use() == starter_bundle()
    with pytest.raises(Conflict, match="nothing to go back to from starter"):
        store.rollback()
    assert len(store.history()) == 6


def test_rollback_before_any_activation_is_refused(store: ModelStore, three: list[str]) -> None:
    with pytest.raises(Conflict, match="none was activated"):
        store.rollback()
    assert len(store.versions()) == len(three)


def test_what_was_rolled_back_is_not_gone_back_to(store: ModelStore, three: list[str]) -> None:
    good, bad, better = three
    store.activate(good)
    store.activate(bad)
    store.rollback()
    store.activate(better)
    assert good == store.rollback().ref


def test_a_removed_version_is_skipped_with_a_note(store: ModelStore, three: list[str]) -> None:
    for ref in three:
        store.activate(ref)
    store.remove(three[1])
    change = store.rollback()
    assert change.ref == three[0]
    assert f"skipped {three[1]}" in change.note
    assert "starter" == store.rollback().ref


def test_a_damaged_version_is_skipped_too(store: ModelStore, three: list[str]) -> None:
    for ref in three:
        store.activate(ref)
    (store.find(three[1]).folder / "text.onnx").write_bytes(b"short")
    change = store.rollback()
    assert change.ref == three[0]
    assert "expected 3000 bytes, found 5" in change.note


def test_a_report_that_is_gone_is_no_reason_not_to_go_back(
    store: ModelStore, three: list[str]
) -> None:
    store.activate(three[0])
    store.activate(three[1])
    (store.find(three[0]).folder / "gate.json").unlink()
    assert (three[0], "") == ((change := store.rollback()).ref, change.note)


def test_going_back_over_a_removed_version_does_not_stay_where_it_is(
    store: ModelStore, three: list[str]
) -> None:
    for ref in (three[0], three[1], three[0]):
        store.activate(ref)
    store.remove(three[1])
    assert "starter" == store.rollback().ref


def test_the_starter_can_be_activated_and_left(store: ModelStore, three: list[str]) -> None:
    assert "starter" == store.activate("starter").ref
    store.activate(three[0])
    assert "starter" == store.rollback().ref
    with pytest.raises(Conflict, match="nothing"):
        store.rollback()


def test_the_name_on_the_starters_card_is_the_starter(store: ModelStore) -> None:
    assert "starter" == store.activate("satseek-starter").ref


@pytest.mark.parametrize(
    ("cosine", "said"),
    [
        (None, "found no report"),
        (0.42, "image cosine, least is 0.42, expected at least 0.99"),
        (float("nan"), "image cosine, least is nan"),
    ],
)
def test_the_gate_keeps_a_version_out(store: ModelStore, cosine: float | None, said: str) -> None:
    ref = store_version(store, 1, cosine=cosine)
    with pytest.raises(GateNotPassed, match=said) as caught:
        store.activate(ref)
    assert "texts compared" not in str(caught.value)
    assert (store.active(), store.state_token()) == (None, (0, 0, 0))


def test_a_report_without_checks_proves_nothing(store: ModelStore) -> None:
    with store.staging() as staged:
        ref = make_version(staged, 1)
        write_report(replace(report_of(ref, 1), checks=()), staged)
        store.add(staged)
    with pytest.raises(GateNotPassed, match="no checks"):
        store.activate(ref)


def test_another_versions_report_proves_nothing(store: ModelStore) -> None:
    with store.staging() as staged:
        ref = make_version(staged, 1)
        write_report(report_of("colours@ffffffffffff", 1), staged)
        store.add(staged)
    with pytest.raises(DamagedData, match="is that of colours@ffffffffffff"):
        store.activate(ref)
    assert ["none"] == [one.gate for one in store.versions()]


def test_force_is_logged_and_remembered(
    store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    ref = store_version(store, 1, cosine=0.42)
    change = store.activate(ref, force=True)
    assert change.forced
    assert "0.42" in change.note
    assert (change,) == store.history()
    assert [(logging.WARNING, True)] == [
        (record.levelno, ref in record.getMessage()) for record in caplog.records
    ]


def test_force_where_none_was_needed_is_not_remembered(
    store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert not store.activate(store_version(store, 1), force=True).forced
    assert caplog.messages == []


@pytest.mark.parametrize("file", ["image.onnx", "gate.json", "card.json", "manifest.json"])
def test_a_flipped_bit_keeps_a_version_out_even_by_force(store: ModelStore, file: str) -> None:
    ref = store_version(store, 1)
    path = store.find(ref).folder / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedData, match=file.replace(".", r"\.")):
        store.activate(ref, force=True)
    assert any(file in problem for problem in store.verify(ref))


def test_a_tokenizer_that_does_not_fit_its_card_is_found(store: ModelStore) -> None:
    with store.staging() as staged:
        make_version(staged, 1)
        path = staged / "tokenizer.json"
        path.write_text(path.read_text().replace('"</s>"', '"<pad>"'))
        card = replace(open_bundle(staged).card, version=content_version(staged))
        write_card(card, staged)
        ref = f"colours@{card.version}"
        write_report(report_of(ref, 1), staged)
        store.add(staged)
    assert ["</s>" in problem for problem in store.verify(ref)] == [True]
    with pytest.raises(DamagedData, match="</s>"):
        store.activate(ref)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "extra").write_bytes(b""), "extra: not in manifest.json"),
        (lambda folder: (folder / "gate.json").unlink(), "gate.json: is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json: expected"),
        (lambda folder: folder.rename(folder.with_name("0" * 12)), "holds colours@"),
    ],
)
def test_verify_names_what_is_wrong(store: ModelStore, change: object, said: str) -> None:
    ref = store_version(store, 1)
    assert callable(change)
    change(store.find(ref).folder)
    assert [said in problem for problem in store.verify()] == [True]


def test_verify_misses_the_active_version(store: ModelStore) -> None:
    ref = store_version(store, 1)
    store.activate(ref)
    for path in (folder := store.find(ref).folder).iterdir():
        path.unlink()
    folder.rmdir()
    assert ["satseek model rollback" in problem for problem in store.verify()] == [True]
    with pytest.raises(ModelNotFound, match=ref):
        store.in_use()
    assert "starter" == store.rollback().ref


def test_a_model_laid_out_without_versions_can_be_activated(store: ModelStore) -> None:
    ref = make_version(store.folder / "colours", 1)
    assert ref == store.activate("colours").ref
    assert store.in_use().folder == store.folder / "colours"
    beside = store_version(store, 2)
    store.activate(beside)
    assert ref == store.remove(ref)
    assert [beside] == [one.ref for one in store.versions()]
    assert "starter" == store.rollback().ref


@pytest.mark.parametrize("ref", ["colours", "colours@", "nothing", "nothing@0123", "/etc", ""])
def test_only_one_stored_version_is_activated_or_removed(
    store: ModelStore, three: list[str], ref: str
) -> None:
    for verb in (store.activate, store.remove):
        with pytest.raises((InvalidRequest, ModelNotFound)):
            verb(ref)
    assert len(three) == len(store.versions())


def test_the_active_version_is_never_removed(store: ModelStore, three: list[str]) -> None:
    store.activate(three[0])
    with pytest.raises(Conflict, match="is active"):
        store.remove(three[0], force=True)
    assert store.verify() == []


def test_a_needed_version_is_removed_by_force_alone(store: ModelStore, three: list[str]) -> None:
    needed = {three[0]: ["collection 'north'"]}
    with pytest.raises(Conflict, match="collection 'north'"):
        store.remove(three[0], in_use=needed)
    assert three[1] == store.remove(three[1], in_use=needed)
    assert three[0] == store.remove(three[0], in_use=needed, force=True)
    assert [three[2]] == [one.ref for one in store.versions()]


def test_the_last_versions_folder_goes_too(store: ModelStore) -> None:
    store.remove(store_version(store, 1))
    assert not (store.folder / "colours").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"entries": [1]}', '{"entries": [{}]}', "\udcff"),
        json.dumps(
            {"entries": [{"name": "a", "version": "b", "action": "x", "when": "2026-01-01"}]}
        ),
    ],
)
def test_a_damaged_history_says_what_to_do(store: ModelStore, three: list[str], text: str) -> None:
    (store.folder / HISTORY).write_text(text, errors="surrogateescape")
    for verb in (store.active, store.rollback, lambda: store.activate(three[0])):
        with pytest.raises(DamagedData, match="restore it, or remove it"):
            verb()
    assert any(HISTORY in problem for problem in store.verify())


def test_a_history_reads_back_as_it_was_written(store: ModelStore, three: list[str]) -> None:
    changes = [store.activate(ref) for ref in three] + [store.rollback()]
    assert tuple(changes) == read_history(store.folder / HISTORY) == store.history()
    assert json.loads((store.folder / HISTORY).read_text())["format"] == 1


def test_a_rollback_to_what_was_never_there_stands_alone() -> None:
    entry = here_and_now(("a", "0" * 12), "rollback")
    assert standing([here_and_now(("b", "1" * 12), "activate"), entry]) == [entry]


def test_who_waits_too_long_for_another_writer_is_told(
    store: ModelStore, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satseek.model.locking.PATIENCE_SECONDS", 0.05)
    with locked(store.folder / ".lock"), pytest.raises(Conflict, match="another process"):
        store.activate(three[0])
    assert _used(store) == "starter"


def test_a_library_that_hides_a_full_disk_is_understood(store: ModelStore) -> None:
    hidden = RuntimeError("Error while serializing: I/O error: No space left on device")
    with pytest.raises(DiskFull, match="nothing was stored"), store.staging() as staged:  # noqa: PT012
        assert staged.is_dir()
        raise hidden
    assert not staged.exists()


def test_a_disk_that_is_too_small_is_known_beforehand(tmp_path: Path) -> None:
    durable.check_room(tmp_path, 0)
    with pytest.raises(DiskFull, match="bytes free"):
        durable.check_room(tmp_path, 1 << 60)
