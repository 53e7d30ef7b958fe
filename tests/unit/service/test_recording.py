"""What was done is written down and answered again, also for those who went away meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from satseek.assemble import Assembly
from satseek.embed.patience import Patience, waiting
from satseek.service.access.proving import entries
from satseek.service.calling import Caller
from satseek.service.problems import register
from satseek.service.recording import record
from satseek.service.repeating import Repeatable
from satseek.service.running import Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Running]:
    assembly = Assembly(Settings(data_dir=tmp_path))
    running = Running.of(assembly)
    yield running
    running.decoding.close()
    running.answers.close()
    running.jobs.close()
    assembly.close()


def outcomes(shared: Running) -> list[str]:
    return [one["outcome"] for one in entries(shared.admission.audit.folder)]


def test_what_is_done_is_written_after_its_client_went(shared: Running) -> None:
    async def change(patience: Patience) -> None:
        with waiting(patience):
            async with record("model.activate", "own", shared=shared, caller=Caller()):
                patience.give_up()

    asyncio.run(change(Patience()))
    assert ["begun", "done"] == outcomes(shared)


def test_what_broke_in_the_middle_is_written(shared: Running) -> None:
    async def change() -> None:
        async with record("model.activate", "own", shared=shared, caller=Caller()):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(change())
    assert ["begun", "failed"] == outcomes(shared)


def test_who_went_before_the_answer_gets_it_when_asking_again(shared: Running) -> None:
    patience, done = Patience(), []
    router = APIRouter(route_class=Repeatable)

    @router.post("/change")
    async def change() -> int:
        done.append(1)
        patience.give_up()
        return len(done)

    application = FastAPI()
    application.state.running = shared
    register(application)
    application.include_router(router)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/change", headers={"idempotency-key": "k"})

    async def twice() -> httpx.Response:
        with waiting(patience):
            await ask()
        return await ask()

    again = asyncio.run(twice())
    assert (200, "true", 1) == (again.status_code, again.headers["idempotency-replayed"], len(done))
