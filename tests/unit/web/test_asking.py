"""The form → a query and an address, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from satseek.errors import InvalidRequest
from satseek.types import Query
from satseek.web.asking import DEFAULT_K, Form, form_from


def test_an_empty_form_asks_nothing() -> None:
    assert not Form().asks()
    assert not Form(text="  ", disliked=["a/1"]).asks()
    assert Form(text="harbour").asks()
    assert Form(liked=["a/1"]).asks()


def test_the_form_becomes_a_query() -> None:
    form = Form(text=" a harbour ", liked=["a/1"], start="2024-05-01", k=12)
    query = form.query()
    assert query.text == "a harbour"
    assert query.liked == ("a/1",)
    assert query.where.start == datetime(2024, 5, 1, tzinfo=UTC)
    assert query.k == 12
    assert Form().query() == Query(k=DEFAULT_K)


def test_an_address_asks_the_same_again() -> None:
    form = Form(
        collection="b", text="tanks & ships", liked=["x y/1", "z/2"], end="2024-06-01", k=48
    )
    again = form_from(parse_qs(form.address()), collections=["a", "b"])
    assert again == form


def test_nonsense_in_an_address_is_left_out() -> None:
    form = form_from({"collection": ["gone"], "k": ["1e9"]}, collections=["a", "default"])
    assert form == Form(collection="default")
    assert form_from({}, collections=[]) == Form()


def test_similar_asks_for_one_chip_alone() -> None:
    form = Form(text="harbour", liked=["a/1"], disliked=["a/2"])
    form.only("a/3")
    assert form == Form(liked=["a/3"])


def test_a_chip_is_never_liked_and_disliked() -> None:
    form = Form(text="harbour")
    form.like("a/1")
    form.dislike("a/1")
    assert (form.liked, form.disliked) == ([], ["a/1"])
    form.like("a/1")
    assert (form.liked, form.disliked) == (["a/1"], [])
    form.drop("a/1")
    assert form == Form(text="harbour")


def test_the_page_takes_no_more_than_the_api() -> None:
    assert Form(text="x" * 1000, liked=["a"] * 100).query().text == "x" * 1000
    for form in (Form(text="x" * 1001), Form(liked=["a"] * 101), Form(disliked=["a"] * 101)):
        with pytest.raises(InvalidRequest, match="expected at most"):
            form.query()
