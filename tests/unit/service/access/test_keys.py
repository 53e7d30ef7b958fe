"""Keys that are valid are taken; everything near a valid key is not."""

from __future__ import annotations

import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from satseek.errors import Conflict, DamagedData, InvalidName, KeyNotFound
from satseek.service.access.keys import FILE_NAME, FRESH_SECONDS, PREFIX, KeyStore
from satseek.service.access.principals import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READER = SCOPES["reader"]


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path)


def make(store: KeyStore, name: str = "nightly", *, expires_at: datetime | None = None) -> str:
    _, text = store.create(name, scopes=READER, created_by="local:ada", expires_at=expires_at)
    return text


def test_a_key_is_recognised_as_who_it_was_made_for(store: KeyStore) -> None:
    key, text = store.create(
        "nightly",
        scopes=READER,
        created_by="local:ada",
        groups=frozenset({"planning"}),
        collections=frozenset({"north"}),
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
    found = store.verify(text)
    assert found == key
    principal = key.principal()
    assert ("key:nightly", "key", READER) == (principal.name, principal.kind, principal.scopes)
    assert (frozenset({"planning"}), frozenset({"north"})) == (
        principal.groups,
        principal.collections,
    )


def _other(digit: str) -> str:
    return "0" if digit != "0" else "1"


WRONG: dict[str, Callable[[str], str]] = {
    "truncated": lambda text: text[:-1],
    "half": lambda text: text[: len(text) // 2],
    "longer": lambda text: f"{text}0",
    "last digit": lambda text: text[:-1] + _other(text[-1]),
    "first digit of the secret": lambda text: text[:19] + _other(text[19]) + text[20:],
    "another id": lambda text: text[:6] + _other(text[6]) + text[7:],
    "upper case": lambda text: text.upper(),
    "no prefix": lambda text: text.removeprefix(PREFIX),
    "a space": lambda text: f" {text}",
    "a line break": lambda text: f"{text}\n",
    "only the id": lambda text: text[:19],
    "nothing": lambda _: "",
    "a wildcard": lambda text: text[:19] + "%" * 64,
    "zeros": lambda text: text[:19] + "0" * 64,
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_not_the_key_is_refused(store: KeyStore, how: str) -> None:
    text = make(store)
    wrong = WRONG[how](text)
    assert store.verify(wrong) is None
    assert store.verify(text) is not None
    assert store.remembered(wrong) is None, "also while its row is remembered"


def test_an_expired_key_is_refused(store: KeyStore) -> None:
    text = make(store, expires_at=datetime.now(UTC) + timedelta(seconds=0.2))
    assert store.verify(text) is not None
    threading.Event().wait(0.25)
    assert store.verify(text) is None
    assert store.remembered(text) is None


def test_a_revoked_key_is_refused_at_once(store: KeyStore) -> None:
    text = make(store)
    assert store.verify(text) is not None
    store.revoke("nightly")
    assert store.remembered(text) is None
    assert store.verify(text) is None


def test_another_process_s_revocation_is_in_force_within_a_second(
    store: KeyStore, tmp_path: Path
) -> None:
    text = make(store)
    assert store.verify(text) is not None
    KeyStore(tmp_path).revoke("nightly")
    threading.Event().wait(FRESH_SECONDS)
    assert store.remembered(text) is None
    assert store.verify(text) is None


def test_a_digest_that_was_altered_opens_nothing(store: KeyStore, tmp_path: Path) -> None:
    text = make(store)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("UPDATE keys SET digest = ?", ("0" * 64,))
    database.close()
    assert store.verify(text) is None


def test_nothing_of_a_secret_lies_on_the_disk(store: KeyStore, tmp_path: Path) -> None:
    text = make(store)
    store.verify(text)
    store.list()
    secret = text.rpartition("_")[2].encode()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"nightly" in written
    assert secret not in written
    assert bytes.fromhex(secret.decode()) not in written


def test_only_the_owner_may_read_the_store(store: KeyStore, tmp_path: Path) -> None:
    make(store)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_name_is_had_by_one_key_in_force(store: KeyStore) -> None:
    make(store)
    with pytest.raises(Conflict, match="'nightly' is not revoked yet"):
        make(store)
    store.revoke("nightly")
    second = make(store)
    assert store.verify(second) is not None
    assert ["nightly", "nightly"] == [key.name for key in store.list()]


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "ä", "a\nb", "0123456789ab", "x" * 65])
def test_a_name_that_cannot_be_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(InvalidName):
        make(store, name)
    assert [] == store.list()


@pytest.mark.parametrize("named", ["nobody", "", "%", "0123456789ab"])
def test_a_key_that_is_not_there_cannot_be_revoked(store: KeyStore, named: str) -> None:
    make(store)
    with pytest.raises(KeyNotFound):
        store.revoke(named)


def test_a_key_is_revoked_once_and_stays_listed(store: KeyStore) -> None:
    make(store)
    revoked = store.revoke("nightly")
    with pytest.raises(KeyNotFound):
        store.revoke(revoked.id)
    (listed,) = store.list()
    assert listed.revoked_at is not None


def test_last_use_is_written_in_batches(store: KeyStore, tmp_path: Path) -> None:
    text = make(store)
    before = datetime.now(UTC)
    store.verify(text)
    (unwritten,) = KeyStore(tmp_path).list()
    assert unwritten.used_at is None
    store.write_uses()
    (written,) = KeyStore(tmp_path).list()
    assert written.used_at is not None
    assert abs(written.used_at - before) < timedelta(seconds=5)


def test_many_make_keys_at_once(tmp_path: Path) -> None:
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda at=at: texts.append(make(KeyStore(tmp_path), f"key{at}")))
        for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = KeyStore(tmp_path)
    assert 8 == len({key.id for key in store.list()})
    assert all(store.verify(text) for text in texts)


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(DamagedData, match=r"access\.db cannot be used"):
        KeyStore(tmp_path)
