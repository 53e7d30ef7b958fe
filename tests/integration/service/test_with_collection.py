"""What is asked of a collection that is replaced meanwhile is asked again, a few times."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import anyio
import pytest
from shipped import make_collection

from satseek.assemble import Assembly, Matched
from satseek.errors import ChipNotFound, Overloaded
from satseek.service.running import ATTEMPTS, Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    assembly = Assembly(Settings(data_dir=tmp_path))
    make_collection(assembly, "small")
    yield assembly
    assembly.close()


def replaced(assembly: Assembly, *, seed: int) -> None:
    shutil.rmtree(assembly.collections_dir / "small")
    make_collection(assembly, "small", seed=seed)


@pytest.mark.parametrize("times", range(ATTEMPTS))
def test_the_answer_is_of_the_collection_that_lies_there_last(
    assembly: Assembly, times: int
) -> None:
    seen: list[Matched] = []

    async def work(name: str, matched: Matched) -> int:
        seen.append(matched)
        if len(seen) <= times:
            replaced(assembly, seed=len(seen))
        return matched.collection.row_of(f"{name}-{times}-2")  # a chip of the last one alone

    assert anyio.run(Running.of(assembly).with_collection, None, work) == 2
    assert len(seen) == times + 1


def test_a_collection_that_never_rests_is_given_up(assembly: Assembly) -> None:
    seen: list[Matched] = []

    async def work(_name: str, matched: Matched) -> int:
        seen.append(matched)
        replaced(assembly, seed=len(seen))
        return matched.collection.row_of("nowhere")

    with pytest.raises(Overloaded, match="'small' is being replaced"):
        anyio.run(Running.of(assembly).with_collection, "small", work)
    assert len(seen) == ATTEMPTS


def test_what_is_wrong_with_the_question_is_told_at_once(assembly: Assembly) -> None:
    seen: list[Matched] = []

    async def work(_name: str, matched: Matched) -> int:
        seen.append(matched)
        return matched.collection.row_of("nowhere")

    with pytest.raises(ChipNotFound, match="nowhere"):
        anyio.run(Running.of(assembly).with_collection, "small", work)
    assert len(seen) == 1
