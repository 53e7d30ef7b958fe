"""An error is where each kind of client looks for it."""

from __future__ import annotations

import json

import pytest

from satseek.errors import EmptyText, ModelNotServed, Overloaded, SatseekError, Unauthenticated
from satseek.service.inference import rest
from satseek.service.limits import LIMITED
from satseek.service.problems import WITHHELD, problem_of


def _document(error: SatseekError, path: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(bytes(problem_of(error, scope={"path": path}).body))
    return content


@pytest.mark.parametrize("path", ["/v2", "/v2/models/satseek/infer", "/v2/nowhere"])
def test_the_open_inference_protocol_has_a_message(path: str) -> None:
    assert "no word" == _document(EmptyText("no word"), path)["error"]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (EmptyText, "invalid_request_error", "empty_text"),
        (ModelNotServed, "not_found_error", "model_not_served"),
        (Unauthenticated, "authentication_error", "unauthenticated"),
        (Overloaded, "rate_limit_error", "overloaded"),
        (SatseekError, "server_error", "satseek_error"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/models", "/v1/models/other"])
def test_openai_has_an_object(path: str, error: type[SatseekError], kind: str, code: str) -> None:
    said = WITHHELD if error is SatseekError else "why"
    expected = {"message": said, "type": kind, "param": None, "code": code}

    assert expected == _document(error("why"), path)["error"]


@pytest.mark.parametrize("path", ["/v1/embed", "/v1/search", "/v1/model", "/v20", "/v1/modelsx"])
def test_our_own_paths_have_neither(path: str) -> None:
    assert "error" not in _document(EmptyText("no word"), path)


def test_whatever_computes_counts_and_probes_do_not() -> None:
    paths = {getattr(route, "path", "") for route in rest.router.routes}

    assert {one for one in paths if one.endswith("/infer")} == {
        one for one in paths if one.endswith("/infer") and one.startswith(LIMITED)
    }
    assert not {one for one in paths if "/health/" in one and one.startswith(LIMITED)}
