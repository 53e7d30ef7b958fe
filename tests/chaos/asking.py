"""What is asked of a queue while its workers die, and what must be true of it in the end.

Does not know who dies, nor where the queue lives.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from chaos.ground import CHIP_PX, CITY, QUARTERS, RUIN

from satseek.errors import SatseekError
from satseek.index.collection import open_collection
from satseek.jobs.results import folder_of, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from satseek.jobs.protocol import Job, TaskName

Account: TypeAlias = tuple[int, str, int]
"""How much there is, the digest of it, and how much else: the same for the same work."""

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
    """Which folder of the ground it is about."""

    @property
    def account(self) -> str:
        """Under which name it is known what comes of it when nobody is killed."""
        return f"{self.task} {self.folder}"


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


def classify(folder: str) -> Ask:
    """Ask for a table of a folder's chips."""
    parameters = {"folder": folder, "labels": ["forest", "water"], "chip_px": CHIP_PX}
    return Ask(
        key=f"classify-{folder}",
        task="classify",
        parameters=parameters,
        collection="",
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
        if number % 4 == 3:
            asks.append(classify(name))
    asks.append(index(RUIN, RUIN, fate="failed"))
    return asks


def more() -> Iterator[Ask]:
    """Ask for one folder after the other, each into a collection of its own, without end."""
    number = 0
    while True:
        for name in QUARTERS:
            number += 1
            yield index(name, f"{name}-{number}")


def account(folder: Path) -> Account:
    """Read a collection back: its chips, the digest of all that they are, and refused files.

    Raises:
        SatseekError: it cannot be opened.
    """
    with open_collection(folder, mode="read") as collection:
        damages = collection.verify()
        assert damages == [], f"{folder.name}: {damages}"
        return len(collection), collection.digest(), len(collection.refusals())


def table_account(data: Path, job: Job) -> Account:
    """Read the table of a job: its bytes, their digest, and how many other files lie beside it.

    Raises:
        SatseekError: it is not there.
    """
    table = open_file(data, job, "labels.csv")
    content = table.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (len(content), digest) == (table.bytes, table.sha256), f"{table.name} is not as told"
    beside = [path for path in folder_of(data, job.id).rglob("*") if path.is_file()]
    return len(content), digest, len(beside) - 1


def account_of(ask: Ask, job: Job, data: Path) -> Account:
    """Read back what a job has made.

    Raises:
        SatseekError: it is not there.
    """
    if ask.task == "classify":
        return table_account(data, job)
    found = account(data / "collections" / ask.collection)
    assert job.result is not None
    assert found[0] == job.result["chips"], f"it told {job.result}"
    return found


def what_is_wrong(ask: Ask, job: Job, data: Path, calm: Mapping[str, Account]) -> str:
    """Compare what a job says of itself with what is there; returns what is wrong, or nothing."""
    said = f"{ask.key}: {job.state} after {job.attempts} attempts {job.error!r}"
    allowed = {ask.fate, "done"} if ask.fate == "cancelled" else {ask.fate}
    if job.state not in allowed:
        return f"{said}, expected {ask.fate}"
    if job.state != "done":
        return "" if job.result is None else f"{said}: with a result"
    try:
        found = account_of(ask, job, data)
    except (SatseekError, AssertionError) as error:
        return f"{said}: {error}"
    return "" if found == calm[ask.account] else f"{said}: {found}, expected {calm[ask.account]}"
