"""Channels are read from the settings, strictly; signatures are those of the bytes, and fresh."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from satseek.errors import InvalidRequest, InvalidSettings, Unauthenticated
from satseek.monitor.delivery.channels import channels_of, check_channels, read_address
from satseek.monitor.delivery.signing import TOLERANCE_SECONDS, check_signature, signature
from satseek.monitor.delivery.webhook import outcome_of
from satseek.settings import AlertChannel, Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = ["a secret of some length", "another one of some length"]


@pytest.mark.parametrize(
    ("said", "way", "address"),
    [
        ("https://a.example/x?y=1", "webhook", "https://a.example/x?y=1"),
        ("HTTP://A.example:8080", "webhook", "HTTP://A.example:8080"),
        ("mailto:ann@land.example", "mail", "ann@land.example"),
        ("mailto:ann%2Bx@land.example", "mail", "ann+x@land.example"),
        ("file:/srv/alerts", "file", "/srv/alerts"),
        ("file:///srv/a%20b", "file", "/srv/a b"),
    ],
)
def test_an_address_says_how_it_is_told(said: str, way: str, address: str) -> None:
    assert (way, address) == read_address(said)


@pytest.mark.parametrize(
    "said",
    [
        *("", "ann@land.example", "ftp://a.example", "https://", "https://u:p@a.example/"),
        *("mailto:ann", "mailto:a@b, c@d", "mailto:a@b?cc=c@d", "mailto:a@b%0aBcc:c@d"),
        *("file:alerts", "file:/", "file:/srv/../etc", "file:/a%00b", "x" * 3000),
    ],
)
def test_what_is_no_address_is_refused_on_one_line(said: str) -> None:
    with pytest.raises(InvalidRequest, match="expected https") as refused:
        read_address(said)
    assert 1 == len(str(refused.value).splitlines())
    assert "u:p" not in str(refused.value)


def test_channels_have_names_and_say_what_they_are_for() -> None:
    told = {"to": "https://a.example/token", "reasons": ["state", "new"], "form": "geojson"}
    channels = channels_of(Settings(alert_channels={"team": AlertChannel.model_validate(told)}))
    team = channels["team"]
    assert ("team", ("new", "state"), "geojson", "https://a.example/…") == (
        *(team.name, team.reasons),
        *(team.form, team.shown),
    )
    check_channels(["team"], channels)
    with pytest.raises(InvalidRequest, match="expected channels of team; came teem"):
        check_channels(["team", "teem"], channels)


@pytest.mark.parametrize(
    ("name", "told", "said"),
    [
        ("../a", {"to": "file:/a"}, "alert_channels: ../a"),
        ("a", {"to": "a"}, "alert_channels: a: expected https"),
        ("a", {"to": "file:/a", "digest_minutes": 5}, "digest_minutes goes with mailto"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(name: str, told: dict[str, Any], said: str) -> None:
    settings = Settings(alert_channels={name: AlertChannel.model_validate(told)})
    with pytest.raises(InvalidSettings, match=said):
        channels_of(settings)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[alert_channels.a]\nto = "file:/a"\non = 1', r"'alert_channels\.a\.on' \(file\)"),
        ('[alert_channels.a]\nto = "file:/a"\nreasons = ["old"]', "reasons"),
        ('webhook_secrets = {a = ["guess me"]}', "at least 16 letters"),
        ("webhook_secrets = {a = []}", "at least 16 letters"),
        ('smtp_security = "maybe"', "smtp_security"),
    ],
)
def test_settings_of_channels_are_read_strictly(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "satseek.toml").write_text(line, encoding="utf-8")
    with pytest.raises(InvalidSettings, match=said) as refused:
        read_settings(folder=tmp_path)
    assert "guess me" not in str(refused.value)


def test_tables_of_settings_are_json_as_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSEEK_ALERT_CHANNELS", '{"a": {"to": "file:/a"}}')
    (tmp_path / "secrets").write_text('{"a": ["a secret of some length"]}', encoding="utf-8")
    monkeypatch.setenv("SATSEEK_WEBHOOK_SECRETS_FILE", str(tmp_path / "secrets"))
    known = read_settings(folder=tmp_path)
    assert "file:/a" == known.settings.alert_channels["a"].to
    assert {"a": (SecretStr(SECRETS[0]),)} == known.settings.webhook_secrets
    assert SECRETS[0] not in known.settings.model_dump_json()
    assert ("environment", "environment") == (
        known.origins["alert_channels"],
        known.origins["webhook_secrets"],
    )


def test_a_signature_is_what_the_guide_says() -> None:
    header = signature(b"body", secrets=SECRETS, at=1700000000.9)
    macs = [hmac.new(one.encode(), b"1700000000.body", "sha256").hexdigest() for one in SECRETS]
    assert f"t=1700000000,v1={macs[0]},v1={macs[1]}" == header
    for secret in SECRETS:
        check_signature(b"body", header, secrets=["unknown here", secret], now=1700000100)


@pytest.mark.parametrize(
    ("body", "change", "late"),
    [
        (b"bodY", ("", ""), 0.0),
        (b"body", ("t=1700000000", "t=1700000001"), 0.0),
        (b"body", ("v1=", "v2="), 0.0),
        (b"body", ("t=1700000000,", ""), 0.0),
        (b"body", ("t=", "t=1,t="), 0.0),
        (b"body", ("", ""), TOLERANCE_SECONDS + 1),
        (b"body", ("", ""), -TOLERANCE_SECONDS - 1),
    ],
)
def test_a_signature_of_something_else_is_refused(
    body: bytes, change: tuple[str, str], late: float
) -> None:
    header = signature(b"body", secrets=SECRETS[:1], at=1700000000).replace(*change)
    with pytest.raises(Unauthenticated):
        check_signature(body, header, secrets=SECRETS, now=1700000000 + late)


@pytest.mark.parametrize(
    ("status", "asks", "arrived", "final", "wait"),
    [
        (200, None, True, False, None),
        (204, "5", True, False, None),
        (299, None, True, False, None),
        (302, None, False, False, None),
        (400, None, False, False, None),
        (404, " 12 ", False, False, 12.0),
        (410, None, False, True, None),
        (429, "120", False, False, 120.0),
        (503, "Tue, 14 Nov 2023 22:14:20 GMT", False, False, 60.0),
        (503, "Tue, 14 Nov 2023 22:00:00 GMT", False, False, 0.0),
        (503, "9" * 400, False, False, 10 * 365 * 24 * 3600.0),
        (503, "-5", False, False, None),
        (503, "soon", False, False, None),
    ],
)
def test_what_an_answer_means(
    status: int, asks: str | None, *, arrived: bool, final: bool, wait: float | None
) -> None:
    told = outcome_of(status, asks, now=1700000000.0)
    assert (arrived, final, wait) == (told.arrived, told.final, told.wait_seconds)
    assert arrived == (not told.error)
