"""Settings → whether a server may be started with them, as far as its doors go.

Knows no route. What is missing is said at the start, not at the first request.
"""

from __future__ import annotations

import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from satseek.errors import InvalidSettings
from satseek.service.access.groups import Roles
from satseek.service.access.tls import Pair

if TYPE_CHECKING:
    from satseek.settings import Settings

logger = logging.getLogger(__name__)


def check_doors(settings: Settings) -> None:
    """Go on only with doors that are guarded, or that nobody else can reach.

    Raises:
        InvalidSettings: others could reach the server unrecognised; or a way to be recognised lacks
            what it needs.
    """
    _check_ways(settings)
    encrypted = Pair.of(settings) is not None
    if is_loopback(settings.host):
        return
    if not settings.auth and not settings.insecure:
        raise InvalidSettings(
            f"host {settings.host!r} lets other machines in, and nobody would be asked who they "
            "are: set auth (such as SATSEEK_AUTH=keys), or --insecure behind a gateway that asks"
        )
    if settings.auth and not encrypted:
        logger.warning("keys and logins arrive unencrypted: set tls_cert_file, or use a gateway")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine to itself, whatever its name stands for."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ip_address(one[4][0]).is_loopback for one in found)


def _check_ways(settings: Settings) -> None:
    if "oidc" in settings.auth and not settings.oidc_issuer:
        raise InvalidSettings("auth names oidc: set oidc_issuer, too")
    if "ldap" in settings.auth and not (settings.ldap_url and settings.ldap_base_dn):
        raise InvalidSettings("auth names ldap: set ldap_url and ldap_base_dn, too")
    known = {"oidc", "ldap"} & set(settings.auth)
    if known and not any(Roles.of(settings).members.values()):
        raise InvalidSettings(
            f"auth names {' and '.join(sorted(known))}, and no group may do anything: set "
            "reader_groups ('*': everybody known), inspector_groups, operator_groups or "
            "admin_groups"
        )
