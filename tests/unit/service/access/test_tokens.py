"""Tokens against a published key set: what is taken, and every way to be refused."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from satseek.errors import DirectoryUnreachable, InvalidSettings, Unauthenticated
from satseek.service.access.groups import Roles
from satseek.service.access.issuer import (
    KEYS_SECONDS,
    RENEW_SECONDS,
    STALE_SECONDS,
    WELL_KNOWN,
    Issuer,
)
from satseek.service.access.principals import SCOPES
from satseek.service.access.tokens import ALGORITHMS, LEEWAY_SECONDS, MAX_LETTERS, TokenVerifier
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joserfc.jwk import Key

NOW = 1_800_000_000.0
AUDIENCE = "satseek-api"


@dataclass
class Publisher:
    """A server that publishes a discovery document and keys, and counts who asks."""

    url: str = ""
    keys: list[Mapping[str, Any]] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    redirect: str = ""
    asked: int = 0
    down: bool = False


@contextmanager
def publishing() -> Iterator[Publisher]:
    said = Publisher()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys":
                said.asked += 1
            if said.down:
                self.send_error(503)
                return
            if said.redirect and self.path == "/keys":
                self.send_response(302)
                self.send_header("location", said.redirect)
                self.end_headers()
                return
            endpoint = {"issuer": said.url, "jwks_uri": f"{said.url}/keys", **said.document}
            content = {WELL_KNOWN: endpoint, "/keys": {"keys": said.keys}}.get(self.path)
            body = json.dumps(content).encode()
            self.send_response(200 if content else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    said.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield said
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "other"})
EC256 = ECKey.generate_key("P-256", {"kid": "ec256"})
EC384 = ECKey.generate_key("P-384", {"kid": "ec384"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
KEYS: dict[str, Key] = {"RSA": RSA, "P-256": EC256, "P-384": EC384, "Ed25519": ED}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as said:
        said.keys = [key.as_dict(private=False) for key in KEYS.values()]
        yield said


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(publisher: Publisher, clock: Clock) -> TokenVerifier:
    settings = Settings(reader_groups=("analysts",), admin_groups=("chiefs",))
    return TokenVerifier(
        Issuer(publisher.url, clock=clock),
        audience=AUDIENCE,
        groups_claim="groups",
        roles=Roles.of(settings),
        clock=lambda: NOW,
    )


def claims(verifier: TokenVerifier, **changed: Any) -> dict[str, Any]:
    said = {
        "iss": verifier.issuer.url,
        "aud": AUDIENCE,
        "sub": "u-1",
        "preferred_username": "ada",
        "exp": NOW + 60,
        "iat": NOW,
        "groups": ["analysts"],
    } | changed
    return {name: value for name, value in said.items() if value is not None}


def signed(
    said: Mapping[str, Any], key: Key = RSA, *, algorithm: str = "RS256", **header: Any
) -> str:
    head = {"alg": algorithm, "kid": key.kid, **header}
    head = {name: value for name, value in head.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # "EdDSA" is an old name
        return jwt.encode(head, dict(said), key, algorithms=[algorithm], registry=registry)


def written(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def raw(head: Mapping[str, Any], said: Mapping[str, Any], *, private: Any = None) -> str:
    """Sign what no library would."""
    private = private or RSA.private_key
    content = f"{written(head)}.{written(said)}"
    signature = private.sign(content.encode(), PKCS1v15(), SHA256())
    return f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(token)
    # the same words whatever was wrong
    assert "the token is not valid here; ask the identity provider for a new one" == str(
        caught.value
    )


def test_a_valid_token_says_who_and_what_they_may_do(verifier: TokenVerifier) -> None:
    found = verifier.verify(signed(claims(verifier)))
    assert ("oidc:ada/u-1", "oidc") == (found.name, found.kind)
    assert SCOPES["reader"] == found.scopes
    assert {"analysts"} == found.groups


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_of_the_list_is_taken(verifier: TokenVerifier, algorithm: str) -> None:
    kind, curve = ALGORITHMS[algorithm]
    token = signed(claims(verifier), KEYS[curve or kind], algorithm=algorithm)
    assert "oidc:ada/u-1" == verifier.verify(token).name


def test_no_symmetric_algorithm_and_not_none_is_on_the_list() -> None:
    rsa = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert rsa | {"ES256", "ES384", "EdDSA", "Ed25519"} == set(ALGORITHMS)


def test_a_token_without_signature_is_refused(verifier: TokenVerifier) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        head = {"alg": algorithm, "typ": "JWT", "kid": "rsa"}
        refused(verifier, f"{written(head)}.{written(claims(verifier))}.")


def test_a_public_key_is_no_shared_secret(verifier: TokenVerifier) -> None:
    pem = RSA.as_pem(private=False)
    for secret in (pem, pem.strip(), RSA.as_der(private=False)):
        said = f"{written({'alg': 'HS256', 'kid': 'rsa'})}.{written(claims(verifier))}"
        digest = hmac.digest(secret, said.encode(), "sha256")
        refused(verifier, f"{said}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}")


def test_a_secret_that_is_published_verifies_nothing(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    secret = OctKey.generate_key(256, {"kid": "shared"})
    publisher.keys.append(secret.as_dict())
    refused(verifier, signed(claims(verifier), secret, algorithm="HS256"))


def test_a_key_verifies_only_what_it_was_published_for(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    publisher.keys = [RSA.as_dict(private=False) | {"alg": "RS512"}]
    refused(verifier, signed(claims(verifier)))
    assert verifier.verify(signed(claims(verifier), algorithm="RS512"))


def test_a_key_for_encryption_verifies_nothing(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    publisher.keys = [RSA.as_dict(private=False) | {"use": "enc"}]
    refused(verifier, signed(claims(verifier)))


def test_a_key_for_encryption_is_no_choice_among_others(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    publisher.keys = [OTHER_RSA.as_dict(private=False) | {"use": "enc"}, publisher.keys[0]]
    assert verifier.verify(signed(claims(verifier), kid=None))


def test_a_short_key_verifies_nothing(verifier: TokenVerifier, publisher: Publisher) -> None:
    short = generate_private_key(65537, 1024)  # noqa: S505 (is meant to be)
    numbers = short.public_key().public_numbers()
    content = numbers.n.to_bytes(128)
    modulus = base64.urlsafe_b64encode(content).decode().rstrip("=")
    publisher.keys = [{"kty": "RSA", "kid": "rsa", "n": modulus, "e": "AQAB"}]
    refused(verifier, raw({"alg": "RS256", "kid": "rsa"}, claims(verifier), private=short))


def test_a_key_that_the_token_brings_along_is_not_used(verifier: TokenVerifier) -> None:
    brought = OTHER_RSA.as_dict(private=False)
    for header in ({"jwk": brought}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://x/"}):
        refused(verifier, signed(claims(verifier), OTHER_RSA, **header))
        refused(verifier, signed(claims(verifier), OTHER_RSA, **{"kid": "rsa", **header}))


def test_a_forged_signature_is_refused(verifier: TokenVerifier) -> None:
    refused(verifier, signed(claims(verifier), OTHER_RSA, kid="rsa"))


def test_a_token_without_kid_is_taken_only_where_one_key_can_have_signed_it(
    verifier: TokenVerifier, publisher: Publisher, clock: Clock
) -> None:
    token = signed(claims(verifier), kid=None)
    assert verifier.verify(token)
    publisher.keys.append(OTHER_RSA.as_dict(private=False) | {"alg": "RS512"})
    clock.now += KEYS_SECONDS
    assert verifier.verify(token)
    publisher.keys[-1] = OTHER_RSA.as_dict(private=False)
    clock.now += KEYS_SECONDS
    refused(verifier, token)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": NOW - LEEWAY_SECONDS},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": NOW + LEEWAY_SECONDS + 1},
        {"nbf": "later"},
        {"nbf": True},
        {"iat": NOW + LEEWAY_SECONDS + 1},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else", "another"]},
        {"aud": None},
        {"aud": {AUDIENCE: 1}},
        {"aud": f"{AUDIENCE}x"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"at_hash": "x"},
        {"typ": "ID"},
        {"typ": "Refresh"},
    ],
    ids=str,
)
def test_what_a_token_says_must_hold(verifier: TokenVerifier, change: dict[str, Any]) -> None:
    refused(verifier, signed(claims(verifier, **change)))


def test_an_issuer_must_be_named_to_the_letter(verifier: TokenVerifier) -> None:
    for other in (f"{verifier.issuer.url}/", verifier.issuer.url.upper()):
        refused(verifier, signed(claims(verifier, iss=other)))


def test_clocks_may_differ_a_little(verifier: TokenVerifier) -> None:
    late = claims(verifier, exp=NOW - LEEWAY_SECONDS + 1, nbf=NOW + LEEWAY_SECONDS - 1)
    assert verifier.verify(signed(late))


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "application/at+jwt", "AT+JWT", None])
def test_access_tokens_may_say_so(verifier: TokenVerifier, kind: str | None) -> None:
    assert verifier.verify(signed(claims(verifier), typ=kind))


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "secevent+jwt", "", 7, ["JWT"]])
def test_other_types_of_token_are_refused(verifier: TokenVerifier, kind: Any) -> None:
    refused(verifier, raw({"alg": "RS256", "kid": "rsa", "typ": kind}, claims(verifier)))


def test_what_a_header_calls_critical_is_not_passed_over(verifier: TokenVerifier) -> None:
    for head in ({"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}):
        refused(verifier, raw({"alg": "RS256", "kid": "rsa", **head}, claims(verifier)))


def test_a_damaged_token_is_refused(verifier: TokenVerifier) -> None:
    token = signed(claims(verifier))
    head, said, signature = token.split(".")
    changed = written(claims(verifier, groups=["chiefs"]))
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=")
    for damaged in (
        "",
        ".",
        "..",
        head,
        f"{head}.{said}",
        f"{head}.{said}.",
        f"{head}.{changed}.{signature}",
        f"{token}.{signature}",
        token[:-9],
        token[:200],
        token + "A" * MAX_LETTERS,
        f"{deep}.{said}.{signature}",
        f"{head}.{deep}.{signature}",
        f"{written([])}.{said}.{signature}",
        f"{written('x')}.{said}.{signature}",
        token.replace(".", "\u2024"),
        f" {token}",
    ):
        refused(verifier, damaged)


def test_a_token_that_is_no_object_is_refused(verifier: TokenVerifier) -> None:
    head = {"alg": "RS256", "kid": "rsa"}
    refused(verifier, jws.serialize_compact(head, b'["analysts"]', RSA, algorithms=["RS256"]))
    for odd in (b"no json", b"\xff", b"[" * 9000):
        refused(verifier, jws.serialize_compact(head, odd, RSA, algorithms=["RS256"]))


def test_a_huge_token_is_refused_before_it_is_read(verifier: TokenVerifier) -> None:
    token = signed(claims(verifier, groups=[f"group-{at:09}" for at in range(1000)]))
    assert len(token) > MAX_LETTERS
    refused(verifier, token)


def test_new_keys_are_taken_and_old_ones_refused_without_a_restart(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    old = signed(claims(verifier))
    assert verifier.verify(old)
    publisher.keys = [OTHER_RSA.as_dict(private=False)]
    assert verifier.verify(signed(claims(verifier), OTHER_RSA))
    refused(verifier, old)


def test_keys_that_vanished_stop_working_even_where_nobody_shows_a_new_one(
    verifier: TokenVerifier, publisher: Publisher, clock: Clock
) -> None:
    token = signed(claims(verifier))
    assert verifier.verify(token)
    publisher.keys = []
    clock.now += KEYS_SECONDS - 1
    assert verifier.verify(token)
    clock.now += 1
    refused(verifier, token)


def test_unknown_keys_do_not_make_the_provider_be_asked_again_and_again(
    verifier: TokenVerifier, publisher: Publisher, clock: Clock
) -> None:
    assert verifier.verify(signed(claims(verifier)))
    for at in range(20):
        refused(verifier, signed(claims(verifier), OTHER_RSA, kid=f"made-up-{at}"))
    assert 2 == publisher.asked
    clock.now += RENEW_SECONDS
    refused(verifier, signed(claims(verifier), OTHER_RSA))
    assert 3 == publisher.asked


def test_without_its_provider_known_keys_go_on_for_a_day(
    verifier: TokenVerifier, publisher: Publisher, clock: Clock
) -> None:
    token = signed(claims(verifier))
    assert verifier.verify(token)
    publisher.down = True
    clock.now += STALE_SECONDS - 1
    assert verifier.verify(token)
    with pytest.raises(DirectoryUnreachable):
        verifier.verify(signed(claims(verifier), OTHER_RSA))
    clock.now += 10
    with pytest.raises(DirectoryUnreachable):
        verifier.verify(token)


def test_a_provider_that_never_answered_lets_nobody_in(
    verifier: TokenVerifier, publisher: Publisher, clock: Clock
) -> None:
    publisher.down = True
    token = signed(claims(verifier))
    for _ in range(3):
        with pytest.raises(DirectoryUnreachable):
            verifier.verify(token)
    publisher.down = False
    clock.now += RENEW_SECONDS
    assert verifier.verify(token)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"jwks_uri": ""},
    ],
    ids=str,
)
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    verifier: TokenVerifier, publisher: Publisher, document: dict[str, Any]
) -> None:
    publisher.document = document
    with pytest.raises(DirectoryUnreachable):
        verifier.verify(signed(claims(verifier)))


@pytest.mark.parametrize("place", ["0.0.0.0", "u:p@127.0.0.1"])  # noqa: S104
def test_keys_are_not_fetched_in_the_clear_nor_with_somebodys_password(
    verifier: TokenVerifier, publisher: Publisher, place: str
) -> None:
    publisher.document = {"jwks_uri": publisher.url.replace("127.0.0.1", place) + "/keys"}
    with pytest.raises(DirectoryUnreachable):
        verifier.verify(signed(claims(verifier)))
    assert 0 == publisher.asked


def test_redirects_are_not_followed(verifier: TokenVerifier, publisher: Publisher) -> None:
    with publishing() as other:
        other.keys = publisher.keys
        publisher.redirect = f"{other.url}/keys"
        with pytest.raises(DirectoryUnreachable):
            verifier.verify(signed(claims(verifier)))
        assert 0 == other.asked


def test_unusable_keys_beside_good_ones_do_no_harm(
    verifier: TokenVerifier, publisher: Publisher
) -> None:
    odd: list[Any] = [{"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"}, {"kty": "XYZ"}, 7, {}]
    publisher.keys = [*odd, *publisher.keys]
    assert verifier.verify(signed(claims(verifier)))


def test_an_issuer_must_be_encrypted_unless_it_is_this_machine() -> None:
    for url in ("http://idp.example.org", "ftp://idp", "idp.example.org", "https://u:p@idp.org/"):
        with pytest.raises(InvalidSettings):
            Issuer(url)


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"aud": AUDIENCE},
        {"aud": ["page", "other"]},
        {"aud": ["page", "other"], "azp": "other"},
        {"azp": "other"},
        {"exp": NOW - LEEWAY_SECONDS},
    ],
    ids=str,
)
def test_a_login_answers_this_client_and_this_beginning(
    verifier: TokenVerifier, change: dict[str, Any]
) -> None:
    said = claims(verifier, aud="page", nonce="mine", at_hash="x")
    assert "u-1" == verifier.verify_login(signed(said), client_id="page", nonce="mine")["sub"]
    with pytest.raises(Unauthenticated):
        verifier.verify_login(signed(said | change), client_id="page", nonce="mine")


def test_names_cannot_be_taken_from_others(verifier: TokenVerifier) -> None:
    def name(**said: Any) -> str:
        return verifier.verify(signed(claims(verifier, **said))).name

    assert "oidc:ada/u-1" == name()
    assert "oidc:ada/u-2" == name(sub="u-2")
    assert "oidc:u-2" == name(sub="u-2", preferred_username=None)
    assert "oidc:b_u-1/u-2" == name(sub="u-2", preferred_username="b/u-1")
    assert "oidc:a_who=admin/u-2" == name(sub="u-2", preferred_username="a\nwho=admin")


def test_many_threads_ask_the_provider_once(publisher: Publisher) -> None:
    issuer = Issuer(publisher.url)
    threads = [threading.Thread(target=issuer.discovered) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == publisher.asked
