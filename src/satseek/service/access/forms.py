"""What the login says to people → small pages that need nothing from anywhere.

Does not know what happens when they are sent. Everything put into a page is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from satseek.service.problems import RETRY_SECONDS, STATUSES, WAITING
from satseek.service.withholding import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.errors import SatseekError

logger = logging.getLogger(__name__)

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1c2321;background:#f4f6f5;margin:0}"
    "main{max-width:22rem;margin:12vh auto;background:#fff;border:1px solid #d5dbd8;"
    "border-radius:10px;padding:1.5rem 2rem}h1{font-size:1.25rem;margin:0 0 1rem}"
    "label{display:block;margin:.75rem 0;font-size:.9rem}"
    "input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.45rem .6rem;"
    "border:1px solid #9aa5a0;border-radius:6px}"
    "button,a.button{display:block;width:100%;box-sizing:border-box;font:inherit;text-align:center;"
    "text-decoration:none;color:#fff;background:#0b7a5f;border:0;border-radius:6px;padding:.55rem;"
    "margin:1rem 0 0;cursor:pointer}:focus-visible{outline:3px solid #7cc7b4}"
    "p[role=alert]{background:#fdeceb;border-radius:6px;padding:.5rem .75rem}"
    "hr{border:0;border-top:1px solid #d5dbd8;margin:1.5rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#141917;color:#e6ebe9}"
    "main{background:#1d2422;border-color:#37413d}input{background:#141917;color:inherit}"
    "p[role=alert]{background:#4a1f1c}}"
)

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def page(
    title: str,
    parts: Sequence[str],
    *,
    status: int = 200,
    alert: str = "",
    leads_to: str = "",
) -> HTMLResponse:
    """Return a page that runs nothing, loads nothing, and lies in nobody's frame.

    Args:
        title: What it is.
        parts: HTML, already escaped.
        status: HTTP status.
        alert: What went wrong, as text; empty: nothing.
        leads_to: Another origin that a form here may end at; empty: none.
    """
    told = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · satseek</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{told}{''.join(parts)}</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {leads_to}".rstrip()
    )
    headers = {
        "cache-control": "no-store",
        "content-security-policy": policy,
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(content, status_code=status, headers=headers)


def refusal(error: SatseekError, *, again: str) -> HTMLResponse:
    """Return a page that tells what was refused; of a failure of ours only that there was one."""
    status = STATUSES[type(error)]
    alert = told(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("failed: %s", error, exc_info=error)
        alert = "the server's log says what happened"
    response = page("Not logged in", [link(again, "Begin again")], status=status, alert=alert)
    if status in WAITING:
        response.headers["retry-after"] = str(RETRY_SECONDS)
    return response


def form(address: str, fields: Sequence[str], *, hidden: dict[str, str], button: str) -> str:
    """Return a form that is sent to an address of this server."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="{escape(address)}">{kept}{"".join(fields)}'
        f"<button>{escape(button)}</button></form>"
    )


def field(name: str, label: str, *, kind: str = "text", fill: str, value: str = "") -> str:
    """Return a field that must be filled; ``fill`` tells browsers what they may know of it."""
    return (
        f'<label>{escape(label)}<input name="{escape(name)}" type="{escape(kind)}" required '
        f'autocomplete="{escape(fill)}" value="{escape(value)}" autocapitalize="none" '
        'spellcheck="false"></label>'
    )


def link(address: str, label: str) -> str:
    """Return a link that looks like a button."""
    return f'<a class="button" href="{escape(address)}">{escape(label)}</a>'
