"""A service follows its store: what is wrong at first, what fails oddly, and what is pinned."""

from __future__ import annotations

import logging
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from satseek.assemble import Assembly
from satseek.model.bundle import starter_bundle
from satseek.model.card import content_version, write_card
from satseek.model.store import ModelStore
from satseek.service.following import POLL_SECONDS, follow
from satseek.service.running import Running
from satseek.settings import Settings
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from satseek.types import ModelCard

NOTICED_SECONDS = 30


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models")


def add_version(store: ModelStore, room: Path, **card: object) -> ModelCard:
    """Store the shipped model under another way of resizing, and so another version."""
    bundle = starter_bundle()
    room.mkdir()
    for path in (bundle.image_tower, bundle.text_tower, bundle.tokenizer):
        shutil.copy(path, room / path.name)
    how = Preprocessing(resample="lanczos", mean=(0.5, 0.5, len(room.name) / 100))
    version = content_version(room, preprocessing=how)
    own = {"name": "own", "version": version, "preprocessing": how}
    write_card(replace(bundle.card, **(own | card)), room)
    return store.add(room).card


def activate(store: ModelStore, card: ModelCard) -> str:
    return store.activate(f"{card.name}@{card.version}", force=True).ref


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
    broken = add_version(store, tmp_path / "a", dim=7)
    sound = add_version(store, tmp_path / "bb")
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
    first = add_version(store, tmp_path / "a")
    broken = add_version(store, tmp_path / "bb", dim=7)
    second = add_version(store, tmp_path / "ccc")
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
    first, second = (add_version(store, tmp_path / name) for name in ("a", "bb"))
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
