"""A real identity provider: its tokens, its logins, its keys, and what happens when it is gone."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from directoryserving import make_certificates
from identityserving import AUDIENCE, MACHINE, PAGE, PUBLIC_PAGE, SECRET, log_in, running_identity

from satseek.errors import DirectoryUnreachable, InvalidSettings, Unauthenticated
from satseek.service.access import issuer as issuers
from satseek.service.access.codeflow import CodeFlow
from satseek.service.access.issuer import Issuer
from satseek.service.access.principals import SCOPES
from satseek.service.access.tokens import TokenVerifier
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from identityserving import IdentityServer

URL = "http://127.0.0.1:1"
"""Where people would come back to; the tests go there for them."""


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityServer]:
    with running_identity(tmp_path_factory.mktemp("idp"), public_url=URL) as server:
        yield server


def settings_of(identity: IdentityServer, **changed: Any) -> Settings:
    fields = {
        "auth": ("oidc",),
        "oidc_issuer": identity.url,
        "oidc_audience": AUDIENCE,
        "oidc_client_id": PAGE,
        "oidc_client_secret": SECRET,
        "public_url": URL,
        "reader_groups": ("analysts",),
        **changed,
    }
    return Settings.model_validate(fields)


def logged_in(flow: CodeFlow, *, subject: str = "u-1") -> tuple[dict[str, str], dict[str, str]]:
    """Log in at the provider; returns its answer, and what was to be remembered."""
    address, remembered = flow.begin()
    with httpx.Client(timeout=20) as browser:
        back = log_in(browser, address, subject=subject)
    return dict(httpx.URL(back.headers["location"]).params), remembered


def test_tokens_that_programs_get_are_taken(identity: IdentityServer) -> None:
    verifier = TokenVerifier.of(settings_of(identity))
    found = verifier.verify(identity.token())
    assert (f"oidc:{MACHINE}", SCOPES["reader"]) == (found.name, found.scopes)
    assert frozenset() == verifier.verify(identity.token("stranger")).scopes


def test_tokens_end(identity: IdentityServer) -> None:
    settings = settings_of(identity)
    verifier = TokenVerifier.of(settings)
    token = identity.token()
    assert verifier.verify(token)
    verifier._clock = lambda: time.time() + 300 + 31
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_tokens_for_other_services_of_the_house_are_refused(identity: IdentityServer) -> None:
    verifier = TokenVerifier.of(settings_of(identity, oidc_audience="another-api"))
    with pytest.raises(Unauthenticated):
        verifier.verify(identity.token())


@pytest.mark.parametrize(
    "client",
    [
        {"oidc_client_id": PAGE, "oidc_client_secret": SECRET},
        {"oidc_client_id": PUBLIC_PAGE, "oidc_client_secret": None},
    ],
    ids=["with secret", "PKCE alone"],
)
def test_a_login_says_who_and_their_groups(
    identity: IdentityServer, client: dict[str, Any]
) -> None:
    settings = settings_of(identity, **client)
    flow = CodeFlow(TokenVerifier.of(settings), settings=settings)
    found = flow.finish(*logged_in(flow))
    assert ("oidc:ada/u-1", frozenset({"analysts"})) == (
        found.principal.name,
        found.principal.groups,
    )


def test_an_id_token_is_no_bearer_token(identity: IdentityServer) -> None:
    # as its audience is the client, not this service's interface
    settings = settings_of(identity)
    flow = CodeFlow(TokenVerifier.of(settings), settings=settings)
    id_token = flow.finish(*logged_in(flow)).id_token
    with pytest.raises(Unauthenticated):
        TokenVerifier.of(settings).verify(id_token)
    # and by its marks where the audience is the same
    with pytest.raises(Unauthenticated):
        TokenVerifier.of(settings_of(identity, oidc_audience=None)).verify(id_token)


def test_a_verifier_of_another_login_is_refused(identity: IdentityServer) -> None:
    settings = settings_of(identity)
    flow = CodeFlow(TokenVerifier.of(settings), settings=settings)
    answer, remembered = logged_in(flow)
    with pytest.raises(Unauthenticated):
        flow.finish(answer, remembered | {"verifier": "A" * 43})


def test_a_wrong_secret_lets_nobody_in(identity: IdentityServer) -> None:
    settings = settings_of(identity, oidc_client_secret="wrong")  # noqa: S106
    flow = CodeFlow(TokenVerifier.of(settings), settings=settings)
    with pytest.raises(Unauthenticated):
        flow.finish(*logged_in(flow))


def test_a_provider_with_its_own_ca_is_trusted_by_that_ca_only(tmp_path: Path) -> None:
    ca_file = make_certificates(tmp_path)
    (tmp_path / "other").mkdir()
    other = make_certificates(tmp_path / "other")
    with running_identity(tmp_path / "idp", certificates=tmp_path) as identity:
        verifier = TokenVerifier.of(settings_of(identity, oidc_ca_file=ca_file))
        assert verifier.verify(identity.sign())
        for trusted in (other, None):
            with pytest.raises(DirectoryUnreachable):
                TokenVerifier.of(settings_of(identity, oidc_ca_file=trusted)).verify(
                    identity.sign()
                )
        elsewhere = identity.url.replace("127.0.0.1", "localhost")
        with pytest.raises(DirectoryUnreachable):  # another name than the certificate's
            Issuer(elsewhere, ca_file=ca_file).discovered()


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(InvalidSettings, match="oidc_ca_file"):
            Issuer("https://idp.example.org", ca_file=tmp_path / name)


def test_a_provider_that_hangs_or_is_gone_stops_nobody_whose_keys_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "ANSWER_SECONDS", 0.5)
    with running_identity(tmp_path) as identity:
        known, fresh = (TokenVerifier.of(settings_of(identity)) for _ in range(2))
        token = identity.token()
        assert known.verify(token)
        identity.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(DirectoryUnreachable):
            fresh.verify(token)
        assert time.monotonic() - began < 2
        assert known.verify(token)
        identity.process.send_signal(signal.SIGCONT)
    assert known.verify(token)
    with pytest.raises(DirectoryUnreachable):
        fresh.verify(token)


def test_it_must_be_known_where_people_come_back_to(identity: IdentityServer) -> None:
    anywhere = {"public_url": None, "host": "0.0.0.0"}  # noqa: S104
    for changed in (anywhere, {"public_url": "http://example.org"}):
        settings = settings_of(identity, **changed)
        with pytest.raises(InvalidSettings, match="public_url"):
            CodeFlow(TokenVerifier.of(settings), settings=settings)


def test_issuer_and_audience_must_be_named() -> None:
    for changed in ({}, {"oidc_issuer": "https://idp.example.org"}, {"oidc_audience": "x"}):
        with pytest.raises(InvalidSettings, match="oidc_issuer"):
            TokenVerifier.of(Settings.model_validate({"auth": ("oidc",), **changed}))
