"""What must stand in the settings before a directory is asked anything."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import DependencyMissing, InvalidSettings, Unauthenticated
from satseek.service.access.directory import MAX_LETTERS, Directory
from satseek.service.access.groups import Roles, groups_in
from satseek.service.access.principals import SCOPES
from satseek.service.access.tokens import TokenVerifier
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"ldap_url": "ldaps://ldap.example.org", "ldap_base_dn": "dc=example,dc=org"}


def directory(**changed: Any) -> Directory:
    fields = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return Directory.of(Settings.model_validate(fields))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ldap_url": None}, "ldap_url"),
        ({"ldap_base_dn": None}, "ldap_base_dn"),
        ({"ldap_url": "https://ldap.example.org"}, "ldaps://host"),
        ({"ldap_url": "ldaps://"}, "ldaps://host"),
        ({"ldap_url": "ldap://ldap.example.org", "ldap_start_tls": False}, "loopback"),
        ({"ldap_url": "ldap://10.0.0.1", "ldap_start_tls": False}, "loopback"),
        ({"ldap_user_filter": "(uid=ada)"}, "ldap_user_filter"),
        ({"ldap_group_filter": "(member=*)"}, "ldap_group_filter"),
        ({"ldap_bind_dn": "cn=searcher"}, "ldap_bind_password"),
        ({"ldap_bind_dn": "cn=searcher", "ldap_bind_password": " "}, "ldap_bind_password"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidSettings, match=reason):
        directory(**changed)


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    with pytest.raises(InvalidSettings, match="ldap_ca_file"):
        directory(ldap_ca_file=path)
    path.write_text("no certificate")
    with pytest.raises(InvalidSettings, match="ldap_ca_file"):
        directory(ldap_ca_file=path)


def test_certificates_are_demanded_and_names_compared() -> None:
    trust = directory()._place.trust
    assert (ssl.CERT_REQUIRED, True) == (trust.verify_mode, trust.check_hostname)
    assert trust.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", "x"),
        (" ", "x"),
        ("ada", ""),
        ("ada", " \t"),
        ("ada\0", "x"),
        ("ada", "x\0"),
        ("a" * (MAX_LETTERS + 1), "x"),
        ("ada", "x" * (MAX_LETTERS + 1)),
    ],
)
def test_what_nobody_types_is_refused_without_a_directory(name: str, password: str) -> None:
    with pytest.raises(Unauthenticated):
        directory().authenticate(name, password)


@pytest.mark.parametrize(
    ("path", "claims", "expected"),
    [
        ("groups", {"groups": ["a", "b"]}, {"a", "b"}),
        ("groups", {"groups": "a"}, {"a"}),
        ("groups", {"groups": ["a", 7, None, ["b"], "", "*"]}, {"a"}),
        ("groups", {"groups": {"a": 1}}, set()),
        ("groups", {}, set()),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
        ("realm_access.roles", {"realm_access": ["roles"]}, set()),
        ("https://example.org/groups", {"https://example.org/groups": ["a"]}, {"a"}),
        ("a.b", {"a.b": ["whole"], "a": {"b": ["part"]}}, {"whole"}),
    ],
)
def test_groups_are_read_from_the_claim(
    path: str, claims: dict[str, Any], expected: set[str]
) -> None:
    assert expected == groups_in(claims, path)


def test_roles_add_up_and_nobody_has_one_by_default() -> None:
    roles = Roles.of(Settings(reader_groups=("*",), operator_groups=("ops",), admin_groups=("x",)))
    assert SCOPES["reader"] == roles.scopes(())
    assert SCOPES["operator"] == roles.scopes({"ops"})
    assert SCOPES["admin"] == roles.scopes({"ops", "x"})
    assert frozenset() == Roles.of(Settings()).scopes({"ops", "x", "*"})


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ldap3", "joserfc"):
        monkeypatch.setitem(sys.modules, name, None)
    settings = Settings(oidc_issuer="https://idp.example.org", oidc_audience="satseek")
    for opened in (directory, lambda: TokenVerifier.of(settings)):
        with pytest.raises(DependencyMissing, match=r"pip install 'satseek\[auth\]'"):
            opened()
