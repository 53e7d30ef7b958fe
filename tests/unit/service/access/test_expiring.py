"""When a certificate expires is read as OpenSSL wrote it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidSettings
from satseek.service.access.expiring import expires

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="openssl is not on this machine: apt-get install openssl",
)
@pytest.mark.parametrize(("days", "subject"), [(30, "/CN=a"), (20_000, f"/O={'b' * 60}/CN=a.b")])
def test_the_date_is_the_one_that_openssl_tells(days: int, subject: str, tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-days", str(days), "-subj", subject, "-keyout", str(tmp_path / "key.pem")]
    subprocess.run([*make, "-text", "-out", str(cert)], check=True, capture_output=True)
    asked = ["openssl", "x509", "-in", str(cert), "-noout", "-enddate"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    expected = datetime.strptime(told.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")  # noqa: DTZ007
    found = expires(cert)
    assert expected.replace(tzinfo=UTC) == found
    assert found - datetime.now(UTC) > timedelta(days=days - 1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_no_certificate_is_refused(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    if text is not None:
        path.write_text(text, encoding="ascii")
    with pytest.raises(InvalidSettings, match=r"expected a certificate \(PEM\) at"):
        expires(path)
