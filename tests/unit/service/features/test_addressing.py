"""Links have the address that people reach the server under, whatever stands before it."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from satseek.service.features.addressing import address, as_asked, base_url, with_cursor
from satseek.settings import Settings


def _request(query: str = "", root: str = "") -> Request:
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": f"{root}/ogc",
        "root_path": root,
        "query_string": query.encode(),
        "headers": [(b"host", b"inner:7860")],
        "server": ("inner", 7860),
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("public_url", "root", "base"),
    [
        (None, "", "http://inner:7860"),
        (None, "/below", "http://inner:7860/below"),
        ("https://maps.example.org", "", "https://maps.example.org"),
        ("https://example.org/maps/", "/below", "https://example.org/maps"),
    ],
)
def test_the_address_of_the_server(public_url: str | None, root: str, base: str) -> None:
    settings = Settings(public_url=public_url)
    assert base == base_url(_request(root=root), settings)


def test_ids_are_escaped_but_for_their_slashes() -> None:
    assert "http://a/ogc/x/2025/a%20b%3F%2C.tif/1" == address(
        "http://a", "ogc", "x", "2025/a b?,.tif/1"
    )
    assert "http://a/t?chip=2025%2Fa%20b" == address("http://a", "t", chip="2025/a b")


def test_a_page_leads_on_with_what_was_asked() -> None:
    request = _request("limit=5&cursor=old&filter=a%20%3D%20'x'")
    assert "http://a?limit=5&filter=a%20%3D%20%27x%27&cursor=new" == with_cursor(
        request, "http://a", "new"
    )
    assert "http://a?limit=5&cursor=old&filter=a%20%3D%20'x'" == as_asked(request, "http://a")
    assert "http://a" == as_asked(_request(), "http://a")
