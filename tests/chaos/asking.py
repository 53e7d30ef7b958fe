"""What is asked of a queue while its workers die, and what must be true of it in the end.

Does not know who dies, nor where the queue lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chaos.ground import CHIP_PX, CHIPS, CITY, QUARTERS, RUIN

from satseek.errors import SatseekError
from satseek.index.collection import open_collection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from satseek.jobs.protocol import Job, TaskName

Fate = Literal["done", "failed", "cancelled"]
"""How a job is meant to end; one that is cancelled may have been done before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One job that is asked for once, however often it has to be said."""

    key: str
    """Makes it the same job when it is said again."""
    task: TaskName
    parameters: Mapping[str, object]
    collection: str
    fate: Fate = "done"
    folder: str = ""
    """Which folder of the ground is indexed; empty: none."""


def index(folder: str, collection: str, *, fate: Fate = "done", key: str = "") -> Ask:
    """Ask for a folder to be indexed."""
    parameters = {"collection": collection, "folder": folder, "chip_px": CHIP_PX}
    return Ask(
        key=key or f"index-{collection}",
        task="index",
        parameters=parameters,
        collection=collection,
        fate=fate,
        folder=folder,
    )


def whole_ground() -> list[Ask]:
    """Ask for the 5,000 chips, and for what goes wrong or is not wanted any more."""
    asks = [index(CITY, CITY)]
    for number, name in enumerate(QUARTERS):
        asks.append(index(name, name))
        if number % 4 == 1:  # two writers of one collection
            asks.append(index(name, name, key=f"again-{name}"))
        if number % 4 == 2:
            asks.append(index(name, f"unwanted-{number}", fate="cancelled"))
    asks.append(index(RUIN, RUIN, fate="failed"))
    return asks


def more() -> Iterator[Ask]:
    """Ask for one folder after the other, each into a collection of its own, without end."""
    number = 0
    while True:
        for name in QUARTERS:
            number += 1
            yield index(name, f"{name}-{number}")


def account(folder: Path) -> tuple[int, str, int]:
    """Read a collection back: its chips, the digest of all that they are, and refused files.

    Raises:
        SatseekError: it cannot be opened.
    """
    with open_collection(folder, mode="read") as collection:
        damages = collection.verify()
        assert damages == [], f"{folder.name}: {damages}"
        return len(collection), collection.digest(), len(collection.refusals())


def what_is_wrong(
    ask: Ask, job: Job, collections: Path, calm: Mapping[str, tuple[int, str, int]]
) -> str:
    """Compare what a job says of itself with what is there; returns what is wrong, or nothing."""
    said = f"{ask.key}: {job.state} after {job.attempts} attempts {job.error!r}"
    allowed = {ask.fate, "done"} if ask.fate == "cancelled" else {ask.fate}
    if job.state not in allowed:
        return f"{said}, expected {ask.fate}"
    if job.state == "done" and ask.folder:
        try:
            found = account(collections / ask.collection)
        except (SatseekError, AssertionError) as error:
            return f"{said}: {error}"
        if found != calm[ask.folder]:
            return f"{said}: {found}, undisturbed {calm[ask.folder]}"
        if job.result is None or job.result["chips"] != CHIPS[ask.folder]:
            return f"{said}: its result is {job.result}"
    if job.state == "done" and job.result is None:
        return f"{said}: without a result"
    return ""
