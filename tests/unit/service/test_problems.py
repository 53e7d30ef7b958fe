"""One table, every error: class → status → problem document."""

from __future__ import annotations

import inspect
import json

import pytest

from satseek import errors
from satseek.service.problems import STATUSES, WITHHELD, problem_of, slug

CLASSES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.SatseekError)
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_status(error: type[errors.SatseekError]) -> None:
    assert 400 <= STATUSES[error] < 600


def test_no_status_is_left_of_an_error_that_is_gone() -> None:
    assert set(STATUSES) == set(CLASSES)


@pytest.mark.parametrize("error", CLASSES)
def test_problem_names_type_status_and_detail(error: type[errors.SatseekError]) -> None:
    scope = {"path": "/v1/search", "satseek.request_id": "abc"}
    response = problem_of(error("no such thing: /srv/secret"), scope=scope)
    content = json.loads(bytes(response.body))
    assert response.headers["content-type"] == "application/problem+json"
    assert content["status"] == response.status_code == STATUSES[error]
    assert content["type"] == f"urn:satseek:problem:{slug(error.__name__)}"
    assert content["instance"] == "/v1/search"
    assert content["request_id"] == "abc"
    ours = response.status_code == 500
    assert content["detail"] == (WITHHELD if ours else "no such thing: secret")
    assert ("retry-after" in response.headers) == (response.status_code in {429, 503})


def test_slug() -> None:
    assert slug("CollectionNotFound") == "collection-not-found"
    assert slug("InvalidK") == "invalid-k"
