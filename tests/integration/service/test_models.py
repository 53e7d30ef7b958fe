"""``/v1/models`` shows versions with their gates, activates them and goes back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Desk

FOLLOWED_SECONDS = 20


def in_force(desk: Desk, *, wanted: str) -> str:
    """Wait until a model answers; returns which does."""
    deadline = time.monotonic() + FOLLOWED_SECONDS
    while True:
        model: str = desk.reader.get("/readyz").json()["model"]
        if model.startswith(wanted) or time.monotonic() > deadline:
            return model
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def starter(desk: Desk) -> Iterator[None]:
    """Leave the shipped model in use."""
    yield
    desk.admin.post("/v1/models/starter/activate").raise_for_status()
    in_force(desk, wanted="satseek-starter@")


def _trail(desk: Desk) -> list[dict[str, Any]]:
    files = sorted((desk.home / "data" / "audit").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_versions_are_listed_with_their_gates(desk: Desk) -> None:
    answer = desk.reader.get("/v1/models").raise_for_status().json()
    gates = {one["ref"]: (one["gate"], one["active"]) for one in answer["models"]}
    assert {"starter": ("passed", True), desk.own: ("none", False)} == gates
    assert answer["in_force"].startswith("satseek-starter@")
    assert answer["pinned"] is False


def test_a_version_is_shown_by_its_name_or_first_digits(desk: Desk) -> None:
    name, _, version = desk.own.partition("@")
    for ref in (desk.own, name, f"{name}@{version[:4]}"):
        shown = desk.reader.get(f"/v1/models/{ref}").raise_for_status().json()
        assert desk.own == shown["ref"] == f"{shown['card']['name']}@{shown['card']['version']}"
        assert shown["report"] is None
    starter = desk.reader.get("/v1/models/starter").json()
    assert all(check["name"] for check in starter["report"]["checks"])


def test_a_version_without_a_gate_must_be_forced(desk: Desk) -> None:
    refused = desk.admin.post(f"/v1/models/{desk.own}/activate")
    assert (409, "urn:satseek:problem:gate-not-passed") == (
        refused.status_code,
        refused.json()["type"],
    )
    done = desk.admin.post(f"/v1/models/{desk.own}/activate", json={"force": True})
    change = done.raise_for_status().json()
    assert (desk.own, "activate", True) == (change["ref"], change["action"], change["forced"])
    assert desk.own == in_force(desk, wanted="own@")
    back = desk.admin.post("/v1/models/rollback").raise_for_status().json()
    assert ("starter", "rollback") == (back["ref"], back["action"])
    assert in_force(desk, wanted="satseek-starter@").startswith("satseek-starter@")
    history = desk.reader.get(f"/v1/models/{desk.own}").json()["history"]
    assert ["activate"] == [entry["action"] for entry in history][-1:]


def test_the_trail_says_who_changed_the_model(desk: Desk) -> None:
    desk.admin.post(f"/v1/models/{desk.own}/activate", json={"force": True}).raise_for_status()
    desk.admin.post("/v1/models/nobody/activate")
    lines = [one for one in _trail(desk) if one["action"] == "model.activate"][-4:]
    assert [
        (desk.own, "begun"),
        (desk.own, "done"),
        ("nobody", "begun"),
        ("nobody", "refused"),
    ] == [(one["target"], one["outcome"]) for one in lines]
    assert {"key:admin"} == {one["who"] for one in lines}


@pytest.mark.parametrize("who", ["reader", "operator"])
def test_only_admins_change_the_model(desk: Desk, who: str) -> None:
    client = getattr(desk, who)
    for path in (f"/v1/models/{desk.own}/activate", "/v1/models/rollback"):
        assert 403 == client.post(path, json={"force": True}).status_code


@pytest.mark.parametrize("ref", ["nobody", "own@0000", "..", "%2Fetc", "own%40", "x" * 200])
def test_what_is_not_stored_is_not_found(desk: Desk, ref: str) -> None:
    for answer in (
        desk.admin.get(f"/v1/models/{ref}"),
        desk.admin.post(f"/v1/models/{ref}/activate"),
    ):
        assert answer.status_code in {404, 422}, answer.text
        assert str(desk.home) not in answer.text
