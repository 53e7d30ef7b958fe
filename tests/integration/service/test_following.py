"""A service follows its store: what is wrong at first, what fails oddly, and what is pinned."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from shipped import activate, flip_a_bit, store_variant

from satseek.assemble import Assembly
from satseek.model.store import ModelStore
from satseek.service import following as following_module
from satseek.service.following import POLL_SECONDS, follow
from satseek.service.running import Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOTICED_SECONDS = 30


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models")


def shared(store: ModelStore, **settings: str) -> Running:
    return Running.of(Assembly(Settings(data_dir=store.folder.parent, **settings)))


@asynccontextmanager
async def following(running: Running) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, running)
        yield
        tasks.cancel_scope.cancel()


async def wait_for(running: Running, *, model: str = "", text: str = "") -> None:
    readiness = running.readiness
    with anyio.fail_after(NOTICED_SECONDS):
        while readiness.model != model or text not in readiness.refused + readiness.reason:  # noqa: ASYNC110 (a figure gives no notice)
            await anyio.sleep(0.02)


def test_a_service_that_began_without_a_model_takes_the_next_one(
    store: ModelStore, tmp_path: Path
) -> None:
    broken = store_variant(store, tmp_path / "a", mean=0.1, dim=7)
    sound = store_variant(store, tmp_path / "b", mean=0.2)
    running = shared(store)
    activate(store, broken)

    async def check() -> None:
        async with following(running):
            await wait_for(running, text="expected features")
            assert not running.readiness.ready
            ref = activate(store, sound)
            await wait_for(running, model=ref)
            assert running.readiness.ready
            assert running.assembly.model().ref == ref

    anyio.run(check)


def test_a_refusal_is_logged_once_and_forgotten_with_the_next_success(
    store: ModelStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = store_variant(store, tmp_path / "a", mean=0.1)
    broken = store_variant(store, tmp_path / "b", mean=0.2, dim=7)
    second = store_variant(store, tmp_path / "c", mean=0.3)
    running = shared(store)
    ref = activate(store, first)

    async def check() -> None:
        async with following(running):
            await wait_for(running, model=ref)
            activate(store, broken)
            await wait_for(running, model=ref, text="expected features")
            await anyio.sleep(3 * POLL_SECONDS)
            assert str(tmp_path) not in running.readiness.refused
            await wait_for(running, model=activate(store, second))
            assert running.readiness.refused == ""

    with caplog.at_level(logging.ERROR, logger="satseek.service"):
        anyio.run(check)
    (line,) = [record for record in caplog.records if record.name.startswith("satseek.service")]
    assert line.levelno == logging.ERROR
    assert f"{ref} stays in force" in line.getMessage()


def test_a_store_that_is_out_of_reach_for_a_while_changes_nothing(
    store: ModelStore, tmp_path: Path
) -> None:
    first = store_variant(store, tmp_path / "a", mean=0.1)
    second = store_variant(store, tmp_path / "b", mean=0.2)
    running = shared(store)
    ref = activate(store, first)

    async def check() -> None:
        async with following(running):
            await wait_for(running, model=ref)
            away = store.folder.rename(tmp_path / "unmounted")
            await anyio.sleep(3 * POLL_SECONDS)
            assert running.readiness.model == running.assembly.model().ref == ref
            away.rename(store.folder)
            await wait_for(running, model=activate(store, second))

    anyio.run(check)


@pytest.mark.parametrize("pinned", [False, True])
def test_what_was_refused_is_tried_again_once_it_is_put_right(
    store: ModelStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    pinned: bool,  # noqa: FBT001 (a case of the table above)
) -> None:
    monkeypatch.setattr(following_module, "RETRY_SECONDS", POLL_SECONDS)
    card = store_variant(store, tmp_path / "a", mean=0.1)
    ref = activate(store, card)
    running = shared(store, **({"model": ref} if pinned else {}))
    tower = store.find(ref).image_tower
    whole = tower.read_bytes()
    flip_a_bit(tower)

    async def check() -> None:
        async with following(running):
            await wait_for(running, text="image.onnx")
            await anyio.sleep(4 * POLL_SECONDS)
            tower.write_bytes(whole)
            await wait_for(running, model=ref)

    with caplog.at_level(logging.ERROR, logger="satseek.service"):
        anyio.run(check)
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage().startswith("no model:")


def test_a_question_asked_before_the_model_is_warm_does_not_keep_it_from_being_ready(
    store: ModelStore,
) -> None:
    running = shared(store)
    asked = running.assembly.model()
    assert not asked.warm

    async def check() -> None:
        async with following(running):
            await wait_for(running, model=asked.ref)

    anyio.run(check)
    assert asked.warm
    assert running.assembly.model() is asked
