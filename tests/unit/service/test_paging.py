"""Cursors lead through a list once, and nowhere else."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import Conflict, InvalidRequest
from satseek.service.paging import Listing, link_header, page_of

LISTING = Listing(name="things", where={"start": None}, generation=3)


@given(st.lists(st.text(), unique=True), st.integers(1, 5))
def test_pages_together_are_the_list(items: list[str], limit: int) -> None:
    ordered = sorted(items)
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = page_of(ordered, LISTING, key=str, cursor=cursor, limit=limit)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
        assert limit == len(page.items)
    assert ordered == found


@given(st.one_of(st.text(), st.integers(0, 2**40)))
def test_a_cursor_gives_back_its_key(key: str | int) -> None:
    assert key == LISTING.after(LISTING.cursor(key), kind=type(key))


@pytest.mark.parametrize(
    "other",
    [
        Listing(name="others", where={"start": None}, generation=3),
        Listing(name="things", where={"start": "2024"}, generation=3),
        Listing(name="things", where={}, generation=3),
    ],
)
def test_another_list_refuses_it(other: Listing) -> None:
    with pytest.raises(InvalidRequest, match="this list"):
        other.after(LISTING.cursor("a"), kind=str)


def test_another_generation_is_a_conflict() -> None:
    later = Listing(name="things", where={"start": None}, generation=4)
    with pytest.raises(Conflict, match="generation 3"):
        later.after(LISTING.cursor("a"), kind=str)


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        LISTING.after(LISTING.cursor("a"), kind=int)


@given(st.text())
def test_what_is_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        LISTING.after(cursor, kind=str)


@pytest.mark.parametrize(
    "content",
    [
        [],
        [1],
        [3, "a", 1],
        ["3", "a", "p"],
        {"a": 1},
        [3, -1, "p"],
        [3, 2**70, "p"],
        [3, None, "p"],
    ],
)
def test_what_is_tampered_with_is_refused(content: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    for kind in (str, int):
        with pytest.raises(InvalidRequest):
            LISTING.after(cursor, kind=kind)


def test_only_a_page_that_is_not_the_last_has_a_link() -> None:
    assert {} == link_header(None)
    assert {"link": '</v1/x?cursor=a>; rel="next"'} == link_header("/v1/x?cursor=a")
