"""Starts a real LDAP directory in a process of its own, with people, groups and certificates.

Everything lies in a temporary folder: configuration, entries, and a CA made on the spot.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = "dc=example,dc=org"
SEARCHER = f"cn=searcher,{BASE}"
SEARCHER_PASSWORD = "look-only"  # noqa: S105 (of a directory made on the spot)
PASSWORD = "rosebud"  # noqa: S105
START_SECONDS = 20
SCHEMAS = "/etc/ldap/schema"

PEOPLE = {
    "ada": "Ada Lovelace",
    "grace": "Grace Hopper",
    "zoë": "Zoë Müller",
    "a*b(c)\\d": "Odd Name",
    "nobody": "Without Groups",
}
"""People by uid; each has the same password."""

GROUPS = {
    "analysts": ["uid=ada,ou=people"],
    "seekers": ["cn=analysts,ou=groups", "uid=zoë,ou=people"],
    "house": ["cn=seekers,ou=groups", "cn=ring,ou=groups"],
    "ring": ["cn=house,ou=groups", "uid=grace,ou=people"],
}
"""Members by group: groups within groups, and two that contain each other."""


@dataclass(frozen=True, slots=True)
class LdapServer:
    """A directory that runs."""

    port: int
    tls_port: int
    ca_file: Path
    process: subprocess.Popen[bytes]

    @property
    def settings(self) -> dict[str, str]:
        """What satseek is told of it."""
        return {
            "ldap_url": f"ldaps://127.0.0.1:{self.tls_port}",
            "ldap_ca_file": str(self.ca_file),
            "ldap_bind_dn": SEARCHER,
            "ldap_bind_password": SEARCHER_PASSWORD,
            "ldap_base_dn": BASE,
        }

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it hang: it takes connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def running_directory(folder: Path, *, tls: bool = True) -> Iterator[LdapServer]:
    """Start ``slapd`` on free ports; without ``tls`` it knows no encryption at all."""
    program = shutil.which("slapd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("slapd is not on this machine: apt-get install slapd ldap-utils")
    folder.mkdir(parents=True)
    ca_file = make_certificates(folder)
    configuration = _configure(folder, tls=tls)
    (folder / "entries.ldif").write_text(_entries(), encoding="utf-8")
    add = [program, "-T", "add", "-f", str(configuration), "-l", str(folder / "entries.ldif")]
    subprocess.run(add, check=True, capture_output=True)
    port, tls_port = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{port}" + (f" ldaps://127.0.0.1:{tls_port}" if tls else "")
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-d", "0", "-h", urls, "-f", str(configuration)], stderr=log
        )
    try:
        _wait(port, process, folder)
        yield LdapServer(port, tls_port, ca_file, process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def make_certificates(folder: Path, *, name: str = "ca") -> Path:
    """Write a CA and, signed by it, key and certificate of 127.0.0.1; returns the CA's file."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {name}")])
    ca = _certificate(issuer, ca_key.public_key(), issuer)
    usage = x509.KeyUsage(*[name_ in (0, 5, 6) for name_ in range(7)], False, False)  # noqa: FBT003
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(usage, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = ca.add_extension(identifier, critical=False)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    own = _certificate(subject, key.public_key(), issuer)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    own = own.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    own = own.add_extension(signer, critical=False)
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "cert.pem").write_bytes(own.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, plain))
    return folder / f"{name}.pem"


def _certificate(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
    )


def _configure(folder: Path, *, tls: bool) -> Path:
    (folder / "entries").mkdir()
    certificates = f"TLSCertificateFile {folder}/cert.pem\nTLSCertificateKeyFile {folder}/key.pem\n"
    path = folder / "slapd.conf"
    path.write_text(
        f"""include {SCHEMAS}/core.schema
include {SCHEMAS}/cosine.schema
include {SCHEMAS}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
# as Active Directory: a bind with a name and no password succeeds as nobody
allow bind_anon_cred bind_anon_dn
{certificates if tls else ""}
database mdb
maxsize 10485760
suffix "{BASE}"
directory {folder}/entries
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{SEARCHER}" read by * none
""",
        encoding="utf-8",
    )
    return path


def _entries() -> str:
    parts = [
        f"dn: {BASE}\nobjectClass: domain\ndc: example",
        (
            f"dn: {SEARCHER}\nobjectClass: organizationalRole\n"
            f"objectClass: simpleSecurityObject\ncn: searcher\nuserPassword: {SEARCHER_PASSWORD}"
        ),
        *(f"dn: ou={one},{BASE}\nobjectClass: organizationalUnit\nou: {one}" for one in UNITS),
        *(_person(uid, name, unit="people") for uid, name in PEOPLE.items()),
        # the same uid twice, in two units
        _person("twin", "One Twin", unit="people"),
        _person("twin", "Other Twin", unit="elsewhere"),
        *(_group(name, members) for name, members in GROUPS.items()),
    ]
    return "\n\n".join(parts) + "\n"


UNITS = ("people", "elsewhere", "groups")


def _person(uid: str, name: str, *, unit: str) -> str:
    last = name.rsplit(maxsplit=1)[-1]
    return (
        f"dn: {person_dn(uid, unit=unit)}\nobjectClass: inetOrgPerson\nuid: {uid}\n"
        f"cn: {name}\nsn: {last}\nuserPassword: {PASSWORD}"
    )


def person_dn(uid: str, *, unit: str = "people") -> str:
    written = "".join(f"\\{one}" if one in '\\,+"<>;=#' else one for one in uid)
    return f"uid={written},ou={unit},{BASE}"


def _group(name: str, members: list[str]) -> str:
    listed = "\n".join(f"member: {member},{BASE}" for member in members)
    return f"dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n{listed}"


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "slapd.log").read_text(errors="replace")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no directory within {START_SECONDS} s")
