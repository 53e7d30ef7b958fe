"""A person with a browser → a login of the page, and its end.

Knows the browser's side: cookies, forms, where it came from and where it goes back to. How
somebody is recognised it asks those who know.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from satseek.errors import PermissionDenied, RateLimited, SatseekError, Unauthenticated
from satseek.service.access.admitting import Admission, Shown
from satseek.service.access.codeflow import CALLBACK, CodeFlow
from satseek.service.access.forms import field, form, link, page, refusal
from satseek.service.access.keys import PREFIX
from satseek.service.access.sessions import LONGEST_SECONDS, Sessions, cookie_in, cookie_name
from satseek.service.access.tokens import TokenVerifier
from satseek.service.problems import STATUSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from satseek.service.access.principals import Principal
    from satseek.settings import Settings

T = TypeVar("T")

BEGUN_COOKIE = "satseek_login"
"""Carries what a login that was begun must be the end of."""

BEGUN_SECONDS = 600
"""A login that was begun must be finished within this time."""

ASKED_AT_ONCE = 8
"""Logins that wait for the provider or the disk at once: others must not wait for them."""

MAX_FORM_BYTES = 16_384
MAX_FIELDS = 20
MAX_NEXT_LETTERS = 2_000

STALE = "this form is too old, or not ours; try again"
WRONG = "That is not right. Check it and try again."
NO_ROLE = "You are known, but have no role here: ask who runs this server for one."


class Login:
    """The pages at ``/login`` and ``/logout``."""

    def __init__(self, admission: Admission, sessions: Sessions, *, settings: Settings) -> None:
        """Offer the ways that the settings name.

        Raises:
            InvalidSettings: people log in elsewhere, and it is not known where they come back to.
        """
        self._admission = admission
        self._sessions = sessions
        authenticator = admission.authenticator
        self._passwords = authenticator.passwords is not None
        self._keys = authenticator.keys is not None
        tokens = authenticator.tokens
        self._flow = (
            CodeFlow(tokens, settings=settings)
            if isinstance(tokens, TokenVerifier) and settings.oidc_client_id
            else None
        )
        self._threads = CapacityLimiter(ASKED_AT_ONCE)
        self._prefix = urlsplit(settings.public_url or "").path.rstrip("/")

    def routes(self) -> list[Route]:
        """Return what to add to the application."""
        return [
            Route("/login", self._told(self._begin), methods=["GET"], include_in_schema=False),
            Route("/login", self._told(self._take), methods=["POST"], include_in_schema=False),
            Route(CALLBACK, self._told(self._finish), methods=["GET"], include_in_schema=False),
            Route("/logout", self._ask_to_leave, methods=["GET"], include_in_schema=False),
            Route("/logout", self._told(self._leave), methods=["POST"], include_in_schema=False),
        ]

    async def _begin(self, request: Request) -> Response:
        """Show the form, or send the browser to the provider where there is nothing to choose."""
        goal = local(request.query_params.get("next", ""))
        chosen = request.query_params.get("with") == "provider"
        if self._flow is not None and (chosen or not (self._passwords or self._keys)):
            address, remembered = await self._aside(self._flow.begin)
            response: Response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
            return self._remember(request, response, {**remembered, "next": goal})
        return self._form(request, goal)

    async def _take(self, request: Request) -> Response:
        """Log in who filled the form."""
        sent = await _sent(request)
        goal = local(sent.get("next", ""))
        begun = self._begun(request)
        if begun is None or not _same(sent.get("form", ""), begun.get("form", "")):
            return self._form(request, goal, status=HTTPStatus.FORBIDDEN, alert=STALE)
        password = sent.get("password", "")
        key = sent.get("key", "").strip() or (password if password.startswith(PREFIX) else "")
        pair = f"{sent.get('name', '')}:{password}"
        written = f"Basic {base64.b64encode(pair.encode()).decode()}"
        shown = Shown(
            api_key=key or None,
            authorization=None if key else written,
            address=request.client.host if request.client else "-",
        )
        try:
            principal = await self._admission.recognise(shown)
            return await self._let_in(request, principal, goal=goal, key=key)
        except (Unauthenticated, PermissionDenied, RateLimited) as error:
            alert = WRONG if isinstance(error, Unauthenticated) else str(error)
            name = sent.get("name", "")
            return self._form(request, goal, status=STATUSES[type(error)], alert=alert, name=name)

    async def _finish(self, request: Request) -> Response:
        """Log in who comes back from the provider."""
        begun = self._begun(request)
        if self._flow is None or begun is None or "state" not in begun:
            raise Unauthenticated("this login was not begun here, or too long ago; begin again")
        flow, answer = self._flow, dict(request.query_params)
        found = await self._aside(lambda: flow.finish(answer, begun))
        goal = local(begun["next"])
        return await self._let_in(request, found.principal, goal=goal, hint=found.id_token)

    async def _let_in(
        self, request: Request, principal: Principal, *, goal: str, key: str = "", hint: str = ""
    ) -> Response:
        address = request.client.host if request.client else "-"
        if not principal.scopes:
            self._admission.note(principal, "login", "page", "refused", address=address)
            raise PermissionDenied(NO_ROLE)
        sessions, before = self._sessions, cookie_in(request.cookies)
        if before:
            await self._aside(sessions.end, before)
        secure = sessions.secures(request.url.scheme)
        cookie = await self._aside(
            lambda: sessions.open(principal, secure=secure, key=key, hint=hint)
        )
        self._admission.note(principal, "login", "page", "done", address=address)
        response = RedirectResponse(self._prefix + goal, status_code=HTTPStatus.SEE_OTHER)
        name = cookie_name(secure=secure)
        _set(response, name, cookie, seconds=LONGEST_SECONDS, secure=secure)
        _set(response, _begun_name(secure=secure), "", seconds=0, secure=secure)
        return response

    async def _ask_to_leave(self, request: Request) -> Response:
        """Ask once: a link elsewhere must not log anybody out."""
        del request
        leads_to = await self._aside(self._provider)
        button = form(f"{self._prefix}/logout", [], hidden={}, button="Log out")
        return page("Log out?", [button], leads_to=leads_to)

    async def _leave(self, request: Request) -> Response:
        """End the login here, and at the provider where that is where it came from.

        Browsers send the cookie with forms of this site only (SameSite), so that no other site can
        cause this.
        """
        cookie = cookie_in(request.cookies)
        ended = None
        if cookie:
            principal = await self._aside(self._sessions.read, cookie)
            ended = await self._aside(self._sessions.end, cookie)
            if principal is not None:
                self._admission.note(principal, "logout", "page", "done")
        address = None
        if ended is not None and ended.kind == "oidc" and self._flow is not None:
            flow, hint = self._flow, ended.hint
            address = await self._aside(lambda: _where(lambda: flow.goodbye(hint)))
        if address:
            response: Response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        else:
            response = page("Logged out", [link(f"{self._prefix}/login", "Log in again")])
        if cookie:  # not to be caused by another site, whose request carries none
            secure = self._sessions.secures(request.url.scheme)
            _set(response, cookie_name(secure=secure), "", seconds=0, secure=secure)
        return response

    def _form(
        self, request: Request, goal: str, *, status: int = 200, alert: str = "", name: str = ""
    ) -> Response:
        token, address = secrets.token_urlsafe(32), f"{self._prefix}/login"
        hidden = {"form": token, "next": goal}
        parts = []
        if self._flow is not None:
            query = urlencode({"with": "provider", "next": goal})
            parts.append(link(f"{address}?{query}", "Log in with your organisation"))
        if self._passwords:
            fields = [
                field("name", "Name", fill="username", value=name),
                field("password", "Password", kind="password", fill="current-password"),
            ]
            parts.append(form(address, fields, hidden=hidden, button="Log in"))
        if self._keys:
            fields = [field("key", "Key", kind="password", fill="off")]
            parts.append(form(address, fields, hidden=hidden, button="Log in with a key"))
        response = page("Log in", ["<hr>".join(parts)], status=status, alert=alert)
        return self._remember(request, response, {"form": token})

    def _remember(self, request: Request, response: Response, begun: Mapping[str, str]) -> Response:
        secure = self._sessions.secures(request.url.scheme)
        text = self._sessions.sign(begun, seconds=BEGUN_SECONDS)
        _set(response, _begun_name(secure=secure), text, seconds=BEGUN_SECONDS, secure=secure)
        response.headers["cache-control"] = "no-store"
        return response

    def _begun(self, request: Request) -> dict[str, Any] | None:
        """Read what this login must be the end of; None: it was not begun here, or long ago."""
        name = _begun_name(secure=self._sessions.secures(request.url.scheme))
        return self._sessions.signed(request.cookies.get(name, ""))

    async def _aside(self, work: Callable[..., T], *given: Any) -> T:
        """Do what waits for the provider or the disk off the event loop."""
        return await to_thread.run_sync(work, *given, limiter=self._threads)

    def _provider(self) -> str:
        """Return the provider's origin, to which a form here may lead; empty: none."""
        flow = self._flow
        parts = urlsplit(_where(lambda: flow.goodbye("")) or "") if flow is not None else None
        return f"{parts.scheme}://{parts.netloc}" if parts and parts.netloc else ""

    def _told(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Tell people of refusals on a page."""

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except SatseekError as error:
                return refusal(error, again=f"{self._prefix}/login")

        return told


def login_routes(admission: Admission, *, settings: Settings) -> list[Route]:
    """Return the routes of the login; none where authentication is off.

    Raises:
        InvalidSettings: people log in elsewhere, and it is not known where they come back to.
    """
    sessions = admission.authenticator.logins
    if not isinstance(sessions, Sessions):
        return []
    return Login(admission, sessions, settings=settings).routes()


def local(goal: str) -> str:
    """Return a path of this server to go back to; whatever else it is, the page.

    Browsers read a backslash as a slash, pass over tabs and line ends, and take two slashes for
    another host (WHATWG URL, section 4.4).
    """
    odd = "\\" in goal or not goal.isprintable() or len(goal) > MAX_NEXT_LETTERS
    if odd or not goal.startswith("/") or goal.startswith("//"):
        return "/"
    parts = urlsplit(goal)
    if parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout")):
        return "/"
    return quote(goal, safe="/?&=%+,:;@!$'()*~#-._")


async def _sent(request: Request) -> dict[str, str]:
    """Read a form of bounded size."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_FORM_BYTES:
            raise Unauthenticated(STALE)
    try:
        return dict(parse_qsl(content.decode(errors="replace"), max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise Unauthenticated(STALE) from error


def _where(goodbye: Callable[[], str | None]) -> str | None:
    """Return where the provider says goodbye; nowhere while it does not answer."""
    try:
        return goodbye()
    except SatseekError:
        return None


def _begun_name(*, secure: bool) -> str:
    return f"__Host-{BEGUN_COOKIE}" if secure else BEGUN_COOKIE


def _set(response: Response, name: str, value: str, *, seconds: int, secure: bool) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",  # strict would not come back from the provider
    )


def _same(one: str, other: str) -> bool:
    return bool(other) and hmac.compare_digest(one.encode(), other.encode())
