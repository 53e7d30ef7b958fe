"""A server that others could reach asks who they are, or does not start."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from satseek.errors import InvalidSettings
from satseek.service.access.binding import check_doors, is_loopback
from satseek.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_may_be_served_unasked(host: str) -> None:
    assert is_loopback(host)
    check_doors(Settings(host=host))


EVERYBODY = "0.0.0.0"  # noqa: S104 (nothing listens here)


@pytest.mark.parametrize("host", [EVERYBODY, "::", "10.1.2.3", "", "::ffff:10.1.2.3", "no.invalid"])
def test_others_are_not_let_in_unasked(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InvalidSettings, match=r"SATSEEK_AUTH=keys.*--insecure"):
        check_doors(Settings(host=host))
    check_doors(Settings(host=host, insecure=True))


def test_keys_over_the_wire_in_the_clear_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_doors(Settings(host=EVERYBODY, auth=("keys",)))
    assert ["keys and logins arrive unencrypted: set tls_cert_file, or use a gateway"] == [
        record.getMessage() for record in caplog.records
    ]


LDAP = {"ldap_url": "ldaps://directory", "ldap_base_dn": "dc=example,dc=org"}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"auth": ("oidc",)}, "set oidc_issuer"),
        ({"auth": ("oidc",), "oidc_issuer": "https://id"}, "no group may do anything"),
        ({"auth": ("ldap",)}, "set ldap_url and ldap_base_dn"),
        ({"auth": ("ldap",), "ldap_url": "ldaps://directory"}, "set ldap_url and ldap_base_dn"),
        ({"auth": ("ldap",), **LDAP}, "no group may do anything"),
        ({"tls_cert_file": Path("a.pem")}, "set tls_key_file, too"),
        ({"tls_key_file": Path("a.pem")}, "set tls_cert_file, too"),
    ],
)
def test_what_a_way_lacks_is_said_at_the_start(settings: dict[str, Any], wanted: str) -> None:
    with pytest.raises(InvalidSettings, match=wanted):
        check_doors(Settings(**settings))


def test_what_lacks_nothing_may_start() -> None:
    check_doors(Settings(auth=("keys",)))
    check_doors(Settings(auth=("ldap",), reader_groups=("*",), **LDAP))
