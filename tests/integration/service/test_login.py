"""A real server, identity provider and directory: logins of the page, and what they open."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from directoryserving import PASSWORD, free_port, running_directory
from identityserving import AUDIENCE, PAGE, SECRET, log_in, running_identity
from serving import running_server

from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from identityserving import IdentityServer
    from serving import Server


@dataclass(frozen=True)
class House:
    server: Server
    identity: IdentityServer
    url: str
    key: str
    keys: KeyStore


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    data = folder / "data"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keys = KeyStore(data)
    _, key = keys.create("page", scopes=SCOPES["reader"], created_by="test")
    with (
        running_directory(folder / "ldap") as ldap,
        running_identity(folder / "idp", public_url=url) as identity,
        running_server(
            data,
            port=port,
            auth="keys,oidc,ldap",
            public_url=url,
            oidc_issuer=identity.url,
            oidc_audience=AUDIENCE,
            oidc_client_id=PAGE,
            oidc_client_secret=SECRET,
            reader_groups="analysts",
            **ldap.settings,
        ) as server,
    ):
        yield House(server, identity, url, key, keys)


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.url, timeout=20, headers={"accept": "text/html"}) as client:
        yield client


LIST = "/v1/collections"
"""What every reader may ask."""


def begun(browser: httpx.Client, *, goal: str = "/?q=harbour") -> str:
    """Begin a login at the provider; returns where it sends the browser."""
    query = urlencode({"with": "provider", "next": goal})
    answer = browser.get(f"/login?{query}")
    assert 303 == answer.status_code, answer.text
    return answer.headers["location"]


def cookies(browser: httpx.Client) -> dict[str, str]:
    """Return this server's cookies; the provider's share the jar, as its host is the same."""
    return {one.name: one.value or "" for one in browser.cookies.jar if "satseek" in one.name}


def filled(browser: httpx.Client, goal: str = "/", **fields: str) -> httpx.Response:
    """Open the form and send it."""
    form = browser.get("/login", params={"next": goal})
    assert 200 == form.status_code
    token = re.search(r'name="form" value="([^"]+)"', form.text)
    assert token
    sent = {"form": token[1], "next": goal, **fields}
    return browser.post("/login", data=sent)


def test_nobody_is_let_in_unknown(house: House, browser: httpx.Client) -> None:
    assert 401 == httpx.get(house.url + LIST).status_code
    page = browser.get("/?q=harbour")
    assert 303 == page.status_code
    assert "/login?next=%2F%3Fq%3Dharbour" == page.headers["location"]


def test_a_token_of_the_provider_is_taken_and_others_are_not(house: House) -> None:
    def status(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(house.url + LIST, headers=headers).status_code

    identity = house.identity
    assert 200 == status(identity.token())
    assert 403 == status(identity.token("stranger"))
    assert 200 == status(identity.sign())
    assert 401 == status(identity.sign({"exp": 1}))
    assert 401 == status(identity.sign({"aud": "other"}))
    assert 401 == status(identity.sign({"iss": "https://evil.example"}))
    assert 401 == status(identity.sign()[:-8])
    assert 401 == status("x" * 100_000) or 431 == status("x" * 100_000)
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    assert 401 == status(f"{head}.{identity.sign().split('.')[1]}.")


def test_a_refused_token_is_told_nothing(house: House) -> None:
    answers = [
        httpx.get(house.url + LIST, headers={"authorization": f"Bearer {token}"}).json()
        for token in (house.identity.sign({"exp": 1}), house.identity.sign({"aud": "other"}), "x")
    ]
    assert 1 == len({json.dumps({**one, "request_id": ""}) for one in answers})


def test_a_password_of_the_directory_is_taken(house: House) -> None:
    assert 200 == httpx.get(house.url + LIST, auth=("ada", PASSWORD)).status_code
    assert 403 == httpx.get(house.url + LIST, auth=("nobody", PASSWORD)).status_code
    assert 401 == httpx.get(house.url + LIST, auth=("ada", "wrong")).status_code
    assert 401 == httpx.get(house.url + LIST, auth=("*", PASSWORD)).status_code


def test_a_person_logs_in_at_the_provider_and_comes_back(
    house: House, browser: httpx.Client
) -> None:
    address = begun(browser, goal="/?q=harbour&k=5")
    asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
    assert "code" == asked["response_type"]
    assert "S256" == asked["code_challenge_method"]
    assert f"{house.url}/login/callback" == asked["redirect_uri"]
    back = log_in(browser, address, subject="u-1")
    done = browser.get(back.headers["location"])
    assert 303 == done.status_code, done.text
    assert "/?q=harbour&k=5" == done.headers["location"]
    set_cookie = done.headers["set-cookie"].lower()
    for attribute in ("httponly", "samesite=lax", "path=/", "max-age=28800"):
        assert attribute in set_cookie
    assert "domain=" not in set_cookie
    assert 200 == browser.get(LIST).status_code
    assert 200 == browser.get("/").status_code


def test_where_a_proxy_ends_tls_the_cookie_is_for_https_alone(house: House) -> None:
    """By what a proxy on this machine says, which is trusted; nobody had to set an address."""
    https = {"x-forwarded-proto": "https"}
    with httpx.Client(base_url=house.url, headers=https) as proxy:
        form = proxy.get("/login")
        begun_cookie, _, kept = form.headers["set-cookie"].partition("; ")
        assert begun_cookie.startswith("__Host-satseek_login=")
        assert "Secure" in kept.split("; ")
        token = re.search(r'name="form" value="([^"]+)"', form.text)
        assert token
        done = proxy.post(
            "/login",
            data={"form": token[1], "next": "/", "key": house.key},
            headers={"cookie": begun_cookie},
        )
    given = [one for one in done.headers.get_list("set-cookie") if "satseek_session" in one]
    assert 303 == done.status_code, done.text
    assert ["__Host-satseek_session"] == [one.partition("=")[0] for one in given]
    assert "Secure" in given[0].split("; ")


def test_logging_out_ends_the_login_here_and_leads_to_the_provider(
    house: House, browser: httpx.Client
) -> None:
    back = log_in(browser, begun(browser), subject="u-1")
    browser.get(back.headers["location"])
    kept = cookies(browser)
    assert 200 == browser.get(LIST).status_code
    asked = browser.get("/logout")
    assert 200 == asked.status_code
    assert house.identity.url in asked.headers["content-security-policy"]
    assert 200 == browser.get(LIST).status_code  # only asked so far
    left = browser.post("/logout")
    assert 303 == left.status_code
    query = parse_qs(urlsplit(left.headers["location"]).query)
    assert [f"{house.url}/"] == query["post_logout_redirect_uri"]
    assert 200 == browser.get(left.headers["location"]).status_code  # the provider's own page
    assert 401 == browser.get(LIST).status_code
    # a cookie that somebody kept is worth nothing either
    stolen = httpx.get(house.url + LIST, cookies={"satseek_session": kept["satseek_session"]})
    assert 401 == stolen.status_code


def test_a_person_without_a_role_is_told_so(browser: httpx.Client) -> None:
    back = log_in(browser, begun(browser), subject="u-2")
    done = browser.get(back.headers["location"])
    assert 403 == done.status_code
    assert "no role here" in done.text
    assert "satseek_session" not in cookies(browser)


def test_a_code_is_taken_once(browser: httpx.Client) -> None:
    address = begun(browser)
    begun_cookies = cookies(browser)
    back = log_in(browser, address, subject="u-1").headers["location"]
    assert 303 == browser.get(back).status_code
    with httpx.Client(timeout=20, cookies=begun_cookies) as again:
        replayed = again.get(back)
    assert 401 == replayed.status_code
    assert "set-cookie" not in replayed.headers


def test_an_answer_belongs_to_the_browser_that_asked(house: House, browser: httpx.Client) -> None:
    back = log_in(browser, begun(browser), subject="u-1").headers["location"]
    with httpx.Client(base_url=house.url, timeout=20) as other:
        assert 401 == other.get(back).status_code  # began nothing
        begun(other)
        assert 401 == other.get(back).status_code  # began something else
        assert "satseek_session" not in cookies(other)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x" * 43},
        {"state": ""},
        {"state": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"code": "made-up"},
        {"code": None},
        {"code": None, "error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_that_was_changed_is_refused(
    browser: httpx.Client, change: dict[str, str | None]
) -> None:
    back = httpx.URL(log_in(browser, begun(browser), subject="u-1").headers["location"])
    changed: dict[str, Any] = {**dict(back.params), **change}
    changed = {name: value for name, value in changed.items() if value is not None}
    answer = browser.get(back.copy_with(params=changed))
    assert 401 == answer.status_code
    assert "satseek_session" not in cookies(browser)


def test_a_login_that_was_begun_cannot_be_altered(browser: httpx.Client) -> None:
    back = log_in(browser, begun(browser), subject="u-1").headers["location"]
    written, _, digest = cookies(browser)["satseek_login"].strip('"').partition(".")
    fields = json.loads(base64.urlsafe_b64decode(written + "=="))
    fields["next"] = "/?q=elsewhere"
    forged = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    browser.cookies.delete("satseek_login")
    answer = browser.get(back, headers={"cookie": f"satseek_login={forged}.{digest}"})
    assert 401 == answer.status_code


def test_a_code_for_another_nonce_or_verifier_is_refused(browser: httpx.Client) -> None:
    for name, reason in (("nonce", "nonce"), ("code_challenge", "code")):
        address = httpx.URL(begun(browser))
        changed = {**dict(address.params), name: "A" * 43}
        back = log_in(browser, str(address.copy_with(params=changed)), subject="u-1")
        assert 401 == browser.get(back.headers["location"]).status_code, reason
        assert "satseek_session" not in cookies(browser)


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "@evil.example",
        "///evil.example",
        "/" + "a" * 5000,
        "/login?next=/",
        "",
    ],
    ids=repr,
)
def test_the_way_back_leads_nowhere_else(browser: httpx.Client, goal: str) -> None:
    done = filled(browser, goal, name="ada", password=PASSWORD)
    assert 303 == done.status_code
    assert "/" == done.headers["location"]


def test_the_way_back_from_the_provider_leads_nowhere_else(browser: httpx.Client) -> None:
    back = log_in(browser, begun(browser, goal="//evil.example"), subject="u-1")
    assert "/" == browser.get(back.headers["location"]).headers["location"]


def test_a_password_in_the_form_logs_in(browser: httpx.Client) -> None:
    done = filled(browser, "/?q=x", name="ada", password=PASSWORD)
    assert (303, "/?q=x") == (done.status_code, done.headers["location"])
    assert 200 == browser.get(LIST).status_code
    assert 200 == browser.post("/logout").status_code
    assert 401 == browser.get(LIST).status_code


def test_a_key_in_the_form_logs_in_until_it_is_revoked(house: House, browser: httpx.Client) -> None:
    key, text = house.keys.create("brief", scopes=SCOPES["reader"], created_by="test")
    assert 303 == filled(browser, key=text).status_code
    assert 200 == browser.get(LIST).status_code
    assert text not in json.dumps(cookies(browser))
    house.keys.revoke(key.id)
    assert 401 == browser.get(LIST).status_code


def test_a_key_in_place_of_a_password_logs_in(house: House, browser: httpx.Client) -> None:
    key, text = house.keys.create("misplaced", scopes=SCOPES["reader"], created_by="test")
    assert 303 == filled(browser, name="ada", password=text).status_code
    assert 200 == browser.get(LIST).status_code
    house.keys.revoke(key.id)
    assert 401 == browser.get(LIST).status_code


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "ada", "password": "wrong"},
        {"name": "ada", "password": ""},
        {"name": "ada"},
        {"name": "", "password": PASSWORD},
        {"name": "*", "password": PASSWORD},
        {"name": '"><script>alert(1)</script>', "password": "x"},
        {"key": "satsk_000000000000_" + "0" * 64},
        {},
    ],
    ids=str,
)
def test_a_form_that_is_not_right_logs_nobody_in(
    browser: httpx.Client, fields: dict[str, str]
) -> None:
    answer = filled(browser, **fields)
    assert 401 == answer.status_code
    assert "That is not right. Check it and try again." in answer.text
    assert "<script>" not in answer.text
    assert "satseek_session" not in cookies(browser)


def test_a_form_of_another_site_logs_nobody_in(house: House, browser: httpx.Client) -> None:
    sent = {"name": "ada", "password": PASSWORD, "next": "/"}
    assert 403 == browser.post("/login", data=sent).status_code  # no cookie at all
    browser.get("/login")
    assert 403 == browser.post("/login", data=sent).status_code  # no token
    assert 403 == browser.post("/login", data={**sent, "form": "x"}).status_code
    begun(browser)  # a cookie of ours, of another kind
    assert 403 == browser.post("/login", data={**sent, "form": ""}).status_code
    assert "satseek_session" not in cookies(browser)
    assert house.url


def test_a_huge_form_is_not_read(browser: httpx.Client) -> None:
    assert 401 == browser.post("/login", content=b"a=" + b"x" * 100_000).status_code
    assert 401 == browser.post("/login", content=b"a=1&" * 1000).status_code


def test_the_login_runs_and_loads_nothing(browser: httpx.Client) -> None:
    page = browser.get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "no-store" == page.headers["cache-control"]
    assert "<script" not in page.text
    assert not re.findall(r"https?://", page.text)


def test_new_keys_of_the_provider_count_without_a_restart(house: House) -> None:
    def status(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(house.url + LIST, headers=headers).status_code

    old = house.identity.token()
    assert 200 == status(old)
    house.identity.rotate()
    assert 200 == status(house.identity.token())
    assert 401 == status(old)


def test_who_logged_in_is_in_the_audit_trail_and_no_secret_is(
    house: House, browser: httpx.Client
) -> None:
    filled(browser, name="ada", password=PASSWORD)
    trail = "".join(path.read_text() for path in house.server.log.parent.glob("data/audit/*.jsonl"))
    assert '"who": "oidc:ada/u-1", "action": "login"' in trail
    everything = trail + house.server.lines()
    for secret in (PASSWORD, SECRET, house.key, "eyJ"):
        assert secret not in everything
