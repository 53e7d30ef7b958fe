"""Logins that are kept: what a cookie stands for, how long, and where it does not count."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidSettings
from satseek.service.access.groups import Roles
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import SCOPES, Principal
from satseek.service.access.sessions import (
    COOKIE,
    FOLDER,
    HOST_COOKIE,
    IDLE_SECONDS,
    LONGEST_SECONDS,
    Sessions,
    cookie_in,
    cookie_name,
)
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ADA = Principal(
    name="oidc:ada/u-1",
    kind="oidc",
    scopes=SCOPES["reader"],
    groups=frozenset({"analysts", "choir", "delta"}),
)


@dataclass
class Clock:
    now: float = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


def sessions(
    folder: Path, clock: Clock | None = None, *, ways: tuple[str, ...] = ("oidc", "ldap")
) -> Sessions:
    settings = Settings(reader_groups=("analysts",), collection_groups={"dam": ("delta",)})
    return Sessions(
        folder / FOLDER,
        roles=Roles.of(settings),
        ways=frozenset(ways),
        secure=False,
        clock=clock or Clock(),
    )


def opened(kept: Sessions, clock: Clock) -> str:
    """Open a login at the time that the clock shows, as the file system would write it."""
    cookie = kept.open(ADA, secure=False)
    os.utime(kept._path(cookie), (clock.now, clock.now))
    return cookie


def test_a_cookie_stands_for_who_logged_in(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    found = kept.read(opened(kept, clock))
    assert found is not None
    assert (ADA.name, ADA.kind, ADA.scopes) == (found.name, found.kind, found.scopes)
    assert {"analysts", "delta"} == found.groups  # the choir opens nothing


def test_no_other_cookie_stands_for_anybody(tmp_path: Path) -> None:
    kept = sessions(tmp_path)
    cookie = kept.open(ADA, secure=False)
    for other in ("", "p.", cookie[:-1], cookie + "x", cookie.upper(), "../key", "x" * 10_000):
        assert kept.read(other) is None


def test_replicas_share_logins_and_their_end(tmp_path: Path) -> None:
    clock = Clock()
    one, other = sessions(tmp_path, clock), sessions(tmp_path, clock)
    cookie = opened(one, clock)
    assert other.read(cookie) is not None
    ended = other.end(cookie)
    assert ended is not None
    assert "oidc" == ended.kind
    assert one.read(cookie) is None
    assert one.end(cookie) is None


def test_what_one_replica_signed_the_other_reads(tmp_path: Path) -> None:
    one, other = sessions(tmp_path), sessions(tmp_path)
    found = other.signed(one.sign({"state": "x"}, seconds=60))
    assert found is not None
    assert "x" == found["state"]


def test_nobody_else_can_sign(tmp_path: Path) -> None:
    kept = sessions(tmp_path / "one")
    text = kept.sign({"state": "x"}, seconds=60)
    written, _, digest = text.partition(".")
    foreign = sessions(tmp_path / "other").sign({"state": "x"}, seconds=60)
    for forged in ("", ".", written, f"{written}.", f"A{written}.{digest}", foreign, "é.é", "!.!"):
        assert kept.signed(forged) is None
    assert kept.signed(text) is not None


def test_what_was_signed_grows_old(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    text = kept.sign({"state": "x"}, seconds=60)
    clock.now += 59
    assert kept.signed(text) is not None
    clock.now += 1
    assert kept.signed(text) is None


def test_a_login_ends_when_it_is_not_used(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    cookie = opened(kept, clock)
    clock.now += IDLE_SECONDS - 1
    assert kept.read(cookie) is not None
    clock.now += IDLE_SECONDS - 1
    assert kept.read(cookie) is not None  # it was used in between
    clock.now += IDLE_SECONDS
    assert kept.read(cookie) is None


def test_a_login_ends_after_a_working_day_however_much_it_is_used(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    cookie = opened(kept, clock)
    ends = clock.now + LONGEST_SECONDS
    while clock.now + 1800 < ends:
        clock.now += 1800
        assert kept.read(cookie) is not None
    clock.now = ends
    assert kept.read(cookie) is None


def test_what_a_group_may_do_is_decided_when_it_is_asked(tmp_path: Path) -> None:
    clock = Clock()
    cookie = opened(sessions(tmp_path, clock), clock)
    changed = Sessions(
        tmp_path / FOLDER,
        roles=Roles.of(Settings(reader_groups=("others",))),
        ways=frozenset({"oidc"}),
        secure=False,
        clock=clock,
    )
    found = changed.read(cookie)
    assert found is not None
    assert frozenset() == found.scopes


def test_a_way_that_was_turned_off_keeps_no_logins(tmp_path: Path) -> None:
    clock = Clock()
    cookie = opened(sessions(tmp_path, clock), clock)
    assert sessions(tmp_path, clock, ways=("ldap",)).read(cookie) is None


def test_a_key_that_was_revoked_keeps_no_logins(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path)
    key, text = keys.create("page", scopes=SCOPES["reader"], created_by="test")
    settings = Settings(data_dir=tmp_path, auth=("keys",))
    kept = Sessions.of(settings)
    assert kept is not None
    cookie = kept.open(key.principal(), secure=False, key=text)
    found = kept.read(cookie)
    assert found is not None
    assert "key:page" == found.name
    keys.revoke(key.id)
    assert kept.read(cookie) is None


def test_only_the_owner_can_read_and_neither_cookie_nor_key_lies_there(tmp_path: Path) -> None:
    kept = Sessions.of(Settings(data_dir=tmp_path, auth=("keys",)))
    assert kept is not None
    key, text = KeyStore(tmp_path).create("page", scopes=SCOPES["reader"], created_by="test")
    cookie = kept.open(key.principal(), secure=False, key=text)
    folder = tmp_path / FOLDER
    assert 0o700 == folder.stat().st_mode & 0o777
    for path in folder.iterdir():
        assert 0o600 == path.stat().st_mode & 0o777
        content = path.name.encode() + path.read_bytes()
        assert cookie.encode() not in content
        assert text[-32:].encode() not in content


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    sessions(tmp_path)
    (tmp_path / FOLDER / "key").chmod(0o644)
    with pytest.raises(InvalidSettings, match="chmod"):
        sessions(tmp_path)
    (tmp_path / FOLDER / "key").chmod(0o600)
    (tmp_path / FOLDER / "key").write_bytes(b"short")
    with pytest.raises(InvalidSettings, match="32 bytes"):
        sessions(tmp_path)


def test_what_has_ended_is_swept_away(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    opened(kept, clock)
    clock.now += LONGEST_SECONDS
    cookie = opened(kept, clock)
    assert [kept._path(cookie)] == list((tmp_path / FOLDER).glob("*.json"))


def test_a_damaged_login_is_none(tmp_path: Path) -> None:
    clock = Clock()
    kept = sessions(tmp_path, clock)
    cookie = opened(kept, clock)
    for content in (b"", b"{", b"\xff"):
        kept._path(cookie).write_bytes(content)
        assert kept.read(cookie) is None


def test_a_neighbour_cannot_plant_a_cookie_of_an_encrypted_host() -> None:
    assert "h.1" == cookie_in({HOST_COOKIE: "h.1", COOKIE: "p.2"})
    assert "p.2" == cookie_in({COOKIE: "p.2"})
    assert cookie_in({COOKIE: "h.1"}) is None
    assert cookie_in({}) is None


def test_over_https_the_cookie_belongs_to_the_host(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, auth=("ldap",), public_url="https://eye.example.org")
    kept = Sessions.of(settings)
    assert kept is not None
    assert "__Host-satseek_session" == cookie_name(secure=kept.secures("http"))
    assert kept.open(ADA, secure=True).startswith("h.")


def test_who_came_over_https_has_a_cookie_for_https_alone(tmp_path: Path) -> None:
    kept = sessions(tmp_path)
    assert [True, False] == [kept.secures(scheme) for scheme in ("https", "http")]
    assert "satseek_session" == cookie_name(secure=kept.secures("http"))


def test_without_authentication_there_are_no_logins(tmp_path: Path) -> None:
    assert Sessions.of(Settings(data_dir=tmp_path)) is None


def test_what_is_kept_is_plain_json_of_what_decides(tmp_path: Path) -> None:
    kept = sessions(tmp_path)
    fields = json.loads(kept._path(kept.open(ADA, secure=False, hint="t")).read_bytes())
    assert {"name", "kind", "groups", "key", "hint", "until"} == set(fields)
