"""Every HTTP request and socket → let in with who asks, or refused before anything is read of it.

Knows headers and paths; neither what is asked nor how anybody is recognised. What is refused says
so as a problem document (RFC 9457).
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse

from satseek.errors import (
    DirectoryUnreachable,
    NotFound,
    PermissionDenied,
    RateLimited,
    SatseekError,
    Unauthenticated,
)
from satseek.service.access.admitting import NOBODY, Shown
from satseek.service.access.policy import READING, UNDECLARED, rule
from satseek.service.access.rates import Allowance
from satseek.service.access.sessions import cookie_in
from satseek.service.problems import problem_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from satseek.service.access.admitting import Admission
    from satseek.service.access.policy import Rule
    from satseek.service.access.principals import Principal
    from satseek.service.metrics import Metrics
    from satseek.settings import Settings

LOGIN = "/login"

FOREIGN = "this came from a page of another site; ask it from here, or with a key"

REBOUND = (
    "this server is for this machine alone and was asked by another name; set public_url to that "
    "name, or auth"
)

AUDITED = ("collection", "model", "k", "hits", "labels", "texts", "images", "job")
"""What the trail takes of a request's log line: how many and of what, never the words or images."""

REFUSED_SOCKET = 1008
"""Policy violation (RFC 6455, 7.4.1)."""


class Guarded:
    """ASGI middleware that lets in whom the rules allow."""

    def __init__(
        self, app: ASGIApp, *, admission: Admission, settings: Settings, metrics: Metrics
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._admission = admission
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        shown = shown_in(scope)
        taken = rule(scope["path"])
        method = scope.get("method", "GET")
        try:
            principal = await self._let_in(scope, shown, taken)
            headers = {}
            if taken.counted:
                allowance = await self._admission.count(principal, address=shown.address)
                headers = allowance.headers() if allowance else {}
        except SatseekError as error:
            self._metrics.count_denied(_reason(error))
            self._note_refusal(error, scope, shown)
            await self._refuse(error, scope, receive, send)
            return
        answer = _Answer(send, headers=headers)
        if taken.changes and method not in READING:
            await self._change(scope, receive, answer, principal=principal, shown=shown)
            return
        await self._app(scope, receive, answer.send)
        if taken.noted and scope["type"] == "http":
            action = taken.read if method in READING else taken.write
            fields = _fields(scope, shown, answer.status)
            outcome = _outcome(answer.status)
            self._admission.note(principal, str(action), scope["path"], outcome, **fields)

    async def _let_in(self, scope: Scope, shown: Shown, taken: Rule) -> Principal:
        method = scope.get("method", "GET")
        needed = taken.read if method in READING else taken.write
        scope["satseek.principal"] = NOBODY
        if needed is None:
            return NOBODY
        principal = await self._admission.recognise(shown)
        scope["satseek.principal"] = principal
        if self._admission.enabled:
            scope.setdefault("satseek.pairs", {})["who"] = principal.name
        self._check_name(scope)
        self._check_origin(scope, shown, changes=taken.changes and method not in READING)
        if taken is UNDECLARED and needed not in principal.scopes:
            raise NotFound("there is no such path; /docs lists those there are")
        principal.require(needed)
        return principal

    def _check_name(self, scope: Scope) -> None:
        """Refuse a name of the internet that was made to lead to this machine (DNS rebinding).

        A page under such a name would be of the same origin as a server that asks nobody who they
        are. An address cannot be such a name, nor can one without a dot.

        Raises:
            PermissionDenied: it is one.
        """
        settings = self._settings
        if self._admission.enabled or settings.insecure:
            return
        name = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
        public = urlsplit(settings.public_url or "").hostname
        if "." not in name.removesuffix(".localhost") or name in (public, settings.host):
            return
        try:
            ip_address(name)
        except ValueError:
            raise PermissionDenied(REBOUND) from None

    def _check_origin(self, scope: Scope, shown: Shown, *, changes: bool) -> None:
        """Refuse what a page of another site has a browser do with a person's own login.

        Browsers send the login's cookie (and a password they were asked for) by themselves, and the
        header Origin with every request that writes and every socket. Without authentication,
        nothing is shown: there, only what changes something is looked at.

        Raises:
            PermissionDenied: it was another site.
        """
        if shown.explicit or (scope["type"] == "http" and scope["method"] in READING):
            return
        if not self._admission.enabled and not changes:
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None and (shown.cookie is None or shown.authorization is not None):
            return  # no browser: those name themselves
        public = self._settings.public_url
        own = {headers.get("host", ""), urlsplit(public).netloc if public else ""} - {""}
        if urlsplit(origin or "").netloc not in own:
            raise PermissionDenied(FOREIGN)

    async def _change(
        self, scope: Scope, receive: Receive, answer: _Answer, *, principal: Principal, shown: Shown
    ) -> None:
        """Let something be changed once it is on the disk who asked for it.

        Who changes it writes more of it (``recording``); where nobody does, how it went.
        """
        audit, path = self._admission.audit, scope["path"]
        action, fields = f"{scope['method']} {path.split('/')[2]}", _fields(scope, shown, 0)
        try:
            await to_thread.run_sync(
                lambda: audit.append(principal, action, path, "asked", **fields)
            )
        except SatseekError as error:
            await self._refuse(error, scope, receive, answer.send)
            return
        try:
            await self._app(scope, receive, answer.send)
        finally:
            if "action" not in scope.get("satseek.pairs", {}):
                fields = _fields(scope, shown, answer.status)
                audit.note(principal, action, path, _outcome(answer.status), **fields)

    def _note_refusal(self, error: SatseekError, scope: Scope, shown: Shown) -> None:
        who, method = scope["satseek.principal"], scope.get("method", "GET")
        if who is not NOBODY:
            fields = {**_fields(scope, shown, 0), "reason": type(error).__name__}
            self._admission.note(who, method, scope["path"], "refused", **fields)

    async def _refuse(
        self, error: SatseekError, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": REFUSED_SOCKET})
            return
        await self._refusal(error, scope)(scope, receive, send)

    def _refusal(self, error: SatseekError, scope: Scope) -> Response:
        unknown, logins = isinstance(error, Unauthenticated), self._admission.authenticator.logins
        if unknown and logins is not None and _is_page(scope):
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            prefix = urlsplit(self._settings.public_url or "").path.rstrip("/")
            address = f"{prefix}{LOGIN}?next={quote(f'/{query}', safe='')}"
            return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        response = problem_of(error, scope=scope)
        if unknown:
            response.headers["www-authenticate"] = self._challenge(scope)
        if isinstance(error, RateLimited):
            response.headers["retry-after"] = str(error.retry_after_s)
            limit = self._settings.rate_per_minute
            if limit is not None:
                spent = Allowance(limit=limit, remaining=0, reset_s=error.retry_after_s)
                response.headers.update(spent.headers())
        return response

    def _challenge(self, scope: Scope) -> str:
        """Return the ways to be recognised (RFC 9110, 11.6.1), the same to everybody.

        A browser that could log in is not told to ask for a password in a window of its own
        (browsers name themselves in Fetch Metadata, W3C).
        """
        authenticator = self._admission.authenticator
        basic = authenticator.passwords is not None or authenticator.keys is not None
        if authenticator.logins is not None and "sec-fetch-mode" in Headers(scope=scope):
            basic = False
        bearer = 'Bearer realm="satseek"'
        return f'{bearer}, Basic realm="satseek", charset="UTF-8"' if basic else bearer


def shown_in(scope: Scope) -> Shown:
    """Read what a request shows of itself."""
    headers, client = Headers(scope=scope), scope.get("client")
    cookies = cookie_parser(headers.get("cookie", ""))
    return Shown(
        authorization=headers.get("authorization"),
        api_key=headers.get("x-api-key"),
        cookie=cookie_in(cookies),
        address=client[0] if client else "-",
    )


def _is_page(scope: Scope) -> bool:
    accepts = Headers(scope=scope).get("accept", "")
    return scope["path"] == "/" and scope["method"] == "GET" and "text/html" in accepts


def _fields(scope: Scope, shown: Shown, status: int) -> dict[str, object]:
    pairs = scope.get("satseek.pairs", {})
    fields = {name: pairs[name] for name in AUDITED if name in pairs}
    known = {"address": shown.address, "id": scope.get("satseek.request_id", "")}
    return {**known, **({"status": status} if status else {}), **fields}


def _reason(error: SatseekError) -> str:
    """Name what somebody was denied for, as the figures do."""
    match error:
        case RateLimited():
            return "rate"
        case Unauthenticated():
            return "unauthenticated"
        case DirectoryUnreachable():
            return "directory"
    return "forbidden"


def _outcome(status: int) -> str:
    if not status or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "done"


class _Answer:
    """Sends an answer on, with more headers, and remembers its status."""

    def __init__(self, send: Send, *, headers: dict[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._headers:
                MutableHeaders(scope=message).update(self._headers)
        await self._send(message)
