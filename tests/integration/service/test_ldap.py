"""A real directory: who is recognised, and every way to be refused."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from directoryserving import (
    BASE,
    PASSWORD,
    SEARCHER,
    free_port,
    make_certificates,
    person_dn,
    running_directory,
)

from satseek.errors import DirectoryUnreachable, Unauthenticated
from satseek.service.access import directory as directories
from satseek.service.access.directory import REMEMBER_SECONDS, Directory
from satseek.service.access.principals import SCOPES
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from directoryserving import LdapServer

TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def ldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    with running_directory(tmp_path_factory.mktemp("directory") / "ldap") as server:
        yield server


def directory_at(ldap: LdapServer, **changed: object) -> Directory:
    fields: dict[str, object] = {
        **ldap.settings,
        "auth": ("ldap",),
        "ldap_timeout_s": TIMEOUT_S,
        "reader_groups": ("house",),
        "operator_groups": ("analysts",),
        **changed,
    }
    return Directory.of(Settings.model_validate(fields))


def refused(directory: Directory, name: str, password: str = PASSWORD) -> None:
    with pytest.raises(Unauthenticated) as caught:
        directory.authenticate(name, password)
    # the same words whatever was wrong
    assert "name or password is not right" == str(caught.value)


def test_a_person_is_recognised_with_what_their_groups_may_do(ldap: LdapServer) -> None:
    found = directory_at(ldap).authenticate("ada", PASSWORD)
    assert ("ldap:ada", "ldap") == (found.name, found.kind)
    assert SCOPES["operator"] == found.scopes


def test_groups_within_groups_are_followed_and_rings_end(ldap: LdapServer) -> None:
    directory = directory_at(ldap)
    groups = directory.authenticate("ada", PASSWORD).groups
    assert {"analysts", "seekers", "house", "ring"} == {one for one in groups if "=" not in one}
    assert f"cn=seekers,ou=groups,{BASE}" in groups
    grace = directory.authenticate("grace", PASSWORD)
    assert {"ring", "house"} == {one for one in grace.groups if "=" not in one}
    assert SCOPES["reader"] == grace.scopes


def test_a_ring_of_groups_ends_by_itself(ldap: LdapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "DEPTH", 10**9)
    assert "ring" in directory_at(ldap).authenticate("grace", PASSWORD).groups


def test_groups_are_followed_no_deeper_than_the_bound(
    ldap: LdapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "DEPTH", 2)
    groups = directory_at(ldap).authenticate("ada", PASSWORD).groups
    assert {"analysts", "seekers"} == {one for one in groups if "=" not in one}


def test_somebody_without_groups_is_known_and_may_do_nothing(ldap: LdapServer) -> None:
    found = directory_at(ldap).authenticate("nobody", PASSWORD)
    assert (frozenset(), frozenset()) == (found.scopes, found.groups)


def test_everybody_known_may_be_let_read(ldap: LdapServer) -> None:
    found = directory_at(ldap, reader_groups=("*",)).authenticate("nobody", PASSWORD)
    assert SCOPES["reader"] == found.scopes


def test_one_person_has_one_name_however_it_is_typed(ldap: LdapServer) -> None:
    directory = directory_at(ldap)
    names = {directory.authenticate(typed, PASSWORD).name for typed in ("ada", "ADA", " Ada ")}
    assert {"ldap:ada"} == names


def test_names_of_any_letters_are_found(ldap: LdapServer) -> None:
    directory = directory_at(ldap)
    assert "ldap:zoë" == directory.authenticate("zoë", PASSWORD).name
    assert "ldap:a*b(c)\\d" == directory.authenticate("a*b(c)\\d", PASSWORD).name


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "a*",
        "ad?",
        "*)(uid=*",
        "ada)(uid=ada",
        "ada)(|(uid=*",
        "*)(objectClass=*",
        "ada)(cn=*))(&(uid=ada",
        "\\61da",
        "\\2a",
        "ada\0",
        "\0",
        "ada\n",
        "ada,ou=people",
        f"uid=ada,ou=people,{BASE}",
        "ada#",
        "a+b",
        '"ada"',
        "ada;",
        "<ada>",
        "аda",  # its first letter is Cyrillic
        "ada\u0000)(uid=*",
        "ada\u202e",
        "&",
        "|(uid=ada",
        "!",
        "{name}",
        "{dn}",
        "%2a",
        "a" * 10_000,
        "",
        " ",
        "no such person",
    ],
    ids=repr,
)
def test_a_name_is_only_ever_a_name(ldap: LdapServer, name: str) -> None:
    refused(directory_at(ldap, ldap_user_filter="(&(uid={name})(objectClass=person))"), name)


def test_a_wrong_password_is_refused(ldap: LdapServer) -> None:
    directory = directory_at(ldap)
    for password in ("wrong", PASSWORD + " ", PASSWORD.upper(), "*", "x" * 10_000):
        refused(directory, "ada", password)


@pytest.mark.parametrize("password", ["", " ", "\t", "\u3000", "\0", "\0\0"])
def test_no_password_is_no_password_and_the_directory_is_not_even_asked(
    ldap: LdapServer, password: str
) -> None:
    with conversations(ldap.tls_port) as (port, heard):
        directory = directory_at(ldap, ldap_url=f"ldaps://127.0.0.1:{port}")
        refused(directory, "ada", password)
        assert not heard
        assert "ldap:ada" == directory.authenticate("ada", PASSWORD).name
        assert heard


def test_a_name_that_two_people_have_is_nobodys(ldap: LdapServer) -> None:
    refused(directory_at(ldap), "twin")
    one = directory_at(ldap, ldap_base_dn=f"ou=elsewhere,{BASE}")
    assert "ldap:twin" == one.authenticate("twin", PASSWORD).name


def test_start_tls_encrypts_before_anything_is_said(ldap: LdapServer) -> None:
    with conversations(ldap.port) as (port, heard):
        directory = directory_at(ldap, ldap_url=f"ldap://127.0.0.1:{port}")
        assert "ldap:ada" == directory.authenticate("ada", PASSWORD).name
    said = b"".join(heard)
    assert said
    for secret in (PASSWORD, ldap.settings["ldap_bind_password"], SEARCHER, "ada"):
        assert secret.encode() not in said


def test_the_clear_is_for_loopback_and_shows_that_the_listener_hears(ldap: LdapServer) -> None:
    with conversations(ldap.port) as (port, heard):
        url = f"ldap://127.0.0.1:{port}"
        directory = directory_at(ldap, ldap_url=url, ldap_start_tls=False)
        assert "ldap:ada" == directory.authenticate("ada", PASSWORD).name
    assert PASSWORD.encode() in b"".join(heard)


def test_without_encryption_nothing_is_said(ldap: LdapServer, tmp_path: Path) -> None:
    with (
        running_directory(tmp_path / "plain", tls=False) as plain,
        conversations(plain.port) as (port, heard),
    ):
        directory = directory_at(ldap, ldap_url=f"ldap://127.0.0.1:{port}")
        with pytest.raises(DirectoryUnreachable):
            directory.authenticate("ada", PASSWORD)
        said = b"".join(heard)
    assert b"1.3.6.1.4.1.1466.20037" in said  # it asked to encrypt (RFC 4511, section 4.14.1)
    for secret in (PASSWORD, ldap.settings["ldap_bind_password"], SEARCHER):
        assert secret.encode() not in said


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_of_another_ca_is_not_taken(
    ldap: LdapServer, tmp_path: Path, scheme: str
) -> None:
    other = make_certificates(tmp_path, name="other")
    port = ldap.port if scheme == "ldap" else ldap.tls_port
    with conversations(port) as (listening, heard):
        url = f"{scheme}://127.0.0.1:{listening}"
        directory = directory_at(ldap, ldap_ca_file=other, ldap_url=url)
        with pytest.raises(DirectoryUnreachable):
            directory.authenticate("ada", PASSWORD)
        said = b"".join(heard)
    assert SEARCHER.encode() not in said


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_for_another_name_is_not_taken(ldap: LdapServer, scheme: str) -> None:
    port = ldap.port if scheme == "ldap" else ldap.tls_port
    directory = directory_at(ldap, ldap_url=f"{scheme}://localhost:{port}")
    with pytest.raises(DirectoryUnreachable):
        directory.authenticate("ada", PASSWORD)


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_directory_that_hangs_is_waited_for_no_longer_than_told(
    ldap: LdapServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ldap.port if scheme == "ldap" else ldap.tls_port
    directory = directory_at(ldap, ldap_url=f"{scheme}://127.0.0.1:{port}")
    with ldap.stopped():
        began = time.monotonic()
        with pytest.raises(DirectoryUnreachable):
            directory.authenticate("ada", PASSWORD)
        assert time.monotonic() - began < TIMEOUT_S + 0.75
        again = time.monotonic()
        with pytest.raises(DirectoryUnreachable):  # and is left alone for a while
            directory.authenticate("ada", PASSWORD)
        assert time.monotonic() - again < TIMEOUT_S / 2
    monkeypatch.setattr(directories, "BACKOFF_SECONDS", 0.0)
    assert "ldap:ada" == directory.authenticate("ada", PASSWORD).name


@pytest.mark.parametrize("answers", [0, 1, 2, 3, 5])
def test_a_directory_that_falls_silent_in_between_is_waited_for_no_longer(
    ldap: LdapServer, answers: int
) -> None:
    with conversations(ldap.port, answers=answers) as (port, _):
        directory = directory_at(
            ldap,
            ldap_url=f"ldap://127.0.0.1:{port}",
            ldap_start_tls=False,
            ldap_timeout_s=0.3,
        )
        began = time.monotonic()
        with pytest.raises(DirectoryUnreachable):
            directory.authenticate("ada", PASSWORD)
        assert time.monotonic() - began < 0.3 + 0.75


def test_nobody_is_let_in_where_there_is_no_directory(ldap: LdapServer) -> None:
    directory = directory_at(ldap, ldap_url=f"ldaps://127.0.0.1:{free_port()}")
    with pytest.raises(DirectoryUnreachable):
        directory.authenticate("ada", PASSWORD)


def test_a_directory_that_talks_nonsense_is_no_directory(ldap: LdapServer) -> None:
    for nonsense in (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x80",
        b"0\x05\x02\x01\x01x\0",
        b"",
    ):
        with answering(nonsense) as port:
            url = f"ldap://127.0.0.1:{port}"
            with pytest.raises(DirectoryUnreachable):
                directory_at(ldap, ldap_url=url).authenticate("ada", PASSWORD)
            with pytest.raises(DirectoryUnreachable):
                directory_at(ldap, ldap_url=url, ldap_start_tls=False).authenticate("ada", PASSWORD)


def test_a_searcher_who_is_refused_is_no_fault_of_who_asks(ldap: LdapServer) -> None:
    with pytest.raises(DirectoryUnreachable) as caught:
        directory_at(ldap, ldap_bind_password="x").authenticate("ada", PASSWORD)  # noqa: S106
    assert "the directory does not answer; try again later" == str(caught.value)


def test_a_right_password_is_remembered_for_a_minute_and_a_wrong_one_is_not(
    ldap: LdapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = directory_at(ldap)
    assert directory.authenticate("ada", PASSWORD)
    with ldap.stopped():
        assert "ldap:ada" == directory.authenticate("ada", PASSWORD).name
        later = time.monotonic() + REMEMBER_SECONDS
        monkeypatch.setattr(directories.time, "monotonic", lambda: later)
        with pytest.raises(DirectoryUnreachable):
            directory.authenticate("ada", PASSWORD)


def test_what_is_remembered_holds_no_password(ldap: LdapServer) -> None:
    directory = directory_at(ldap)
    directory.authenticate("ada", PASSWORD)
    kept = repr(directory._known._entries)
    assert "ldap:ada" in kept
    assert PASSWORD not in kept


def test_people_are_found_by_what_the_filter_names(ldap: LdapServer) -> None:
    directory = directory_at(ldap, ldap_user_filter="(cn={name})")
    assert "ldap:Ada_Lovelace" == directory.authenticate("ada lovelace", PASSWORD).name
    assert person_dn("ada").startswith("uid=ada,")


@contextmanager
def conversations(port: int, *, answers: int = 10**9) -> Iterator[tuple[int, list[bytes]]]:
    """Listen in on what is said to a port; yields where to say it, and what was heard so far.

    After so many ``answers`` nothing more comes back.
    """
    heard: list[bytes] = []
    ends: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on(source: socket.socket, target: socket.socket, into: list[bytes], most: int) -> None:
        try:
            while content := source.recv(65536):
                into.append(content)
                if len(into) <= most:
                    target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def take() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            ends.extend((near, far))
            for ways in ((near, far, heard, 10**9), (far, near, [], answers)):
                threading.Thread(target=pass_on, args=ways, daemon=True).start()

    threading.Thread(target=take, daemon=True).start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for end in ends:
            end.close()


@contextmanager
def answering(content: bytes) -> Iterator[int]:
    """Answer the first thing that is said with the same bytes always, then hang up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            with near:
                near.recv(65536)
                near.sendall(content)

    threading.Thread(target=answer, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
