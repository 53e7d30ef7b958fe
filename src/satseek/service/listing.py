"""The OpenAPI document → a plain page that lists every route, without any outside address.

Knows only what the document says.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from satseek.service.problems import STATUSES, slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
section { border-top: 1px solid var(--line); padding: .75rem 0; }
code, pre { font: 14px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.5rem; font-weight: 600; }
table { border-collapse: collapse; font-size: 14px; } td { padding: .15rem 1rem .15rem 0; }
td { vertical-align: top; } p { margin: .25rem 0; }
"""

INSTALL = "pip install 'satseek[web]'"


def add_listing(application: FastAPI) -> None:
    """Serve the listing under ``/docs``."""

    async def show(_request: Request) -> HTMLResponse:
        return HTMLResponse(_document("satseek API", "".join(_listing(application.openapi()))))

    application.add_route("/docs", show, include_in_schema=False)


def page_of_document(openapi: Mapping[str, Any], *, source: str) -> str:
    """Write a page that lists what another document describes, which lies at ``source``."""
    title = openapi["info"]["title"]
    return _document(title, "".join(_operations(openapi, title=title, source=source)))


def add_install_notice(application: FastAPI) -> None:
    """Serve, under ``/``, how to get the page that is not installed."""

    async def show(_request: Request) -> HTMLResponse:
        return HTMLResponse(_document("satseek", _NOTICE))

    application.add_route("/", show, include_in_schema=False)


_NOTICE = f"""<h1>satseek</h1>
<p>The API is up. The page for searching in a browser is an extra; install it and start again:</p>
<pre>{escape(INSTALL)}</pre>
<p>Meanwhile: <a href="docs">every route of the API</a>, or</p>
<pre>curl 'http://127.0.0.1:7860/v1/search?text=a+harbour&amp;k=5'</pre>"""


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><body>{body}</body></html>"
    )


def _listing(openapi: Mapping[str, Any]) -> Iterator[str]:
    yield from _operations(openapi, title="satseek API", source="openapi.json")
    yield "<h2>Problems</h2><p>Errors are problem documents (RFC 9457) of these types:</p><table>"
    for kind, status in STATUSES.items():
        title = escape((kind.__doc__ or "").strip().splitlines()[0])
        name = f"<code>urn:satseek:problem:{slug(kind.__name__)}</code>"
        yield f"<tr><td>{status.value}</td><td>{name}</td><td>{title}</td></tr>"
    yield "</table>"


def _operations(openapi: Mapping[str, Any], *, title: str, source: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{escape(openapi['info'].get('description', ''))}</p>"
    yield f'<p>For programs: <a href="{escape(source)}">{escape(source)}</a></p>'
    yield from _security(openapi)
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield _operation(path, method, operation, openapi)


def _security(openapi: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Who asks</h2><p>Where the server asks for it, any of:</p><table>"
    for scheme in openapi["components"].get("securitySchemes", {}).values():
        sent = scheme.get("name") or f"Authorization: {scheme['scheme'].title()}"
        yield _row(sent, scheme.get("description", ""))
    yield "</table>"


def _operation(
    path: str, method: str, operation: Mapping[str, Any], openapi: Mapping[str, Any]
) -> str:
    rows = "".join(_rows(operation, openapi))
    return (
        f'<section><code><span class="method">{method.upper()}</span>{escape(path)}</code>'
        f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>"
        f"<table>{rows}</table></section>"
    )


def _rows(operation: Mapping[str, Any], openapi: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield _row(parameter["name"], parameter.get("description", parameter["in"]))
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    for name, described in _properties(schema, openapi).items():
        yield _row(name, described.get("description", ""))


def _properties(schema: Mapping[str, Any], openapi: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a body, those of every kind that it may be of."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= _properties(one, openapi)
    return found


def _row(name: str, description: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{escape(description)}</td></tr>"
