"""Fills a data folder with everything that an office has, and accounts for all that is in one."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import killmaking as making
from findingkeeping import keep_sample
from versionmaker import store_version

from satseek.assemble import Assembly
from satseek.embedded import Embedded
from satseek.index.collection import open_collection
from satseek.index.milvus.pointing import Address, attach
from satseek.jobs.answers import Answers
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.protocol import Schedule
from satseek.jobs.results import folder_of, new_try, told
from satseek.model.store import ModelStore
from satseek.monitor.damage.uploads import Uploads
from satseek.monitor.findings.deciding import decide
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER
from satseek.search.concepts import ConceptStore
from satseek.service.access.audit import Audit
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import LOCAL
from satseek.types import Concept

if TYPE_CHECKING:
    from pathlib import Path

    from receiving import Receiver

    from satseek.settings import Settings

DERIVED = ("-wal", "-shm", ".lock", "lock", "acknowledged", "backup.json")
"""Ends of names of files that nobody misses."""


def make_office(home: Path, land: Path, receiver: Receiver) -> tuple[Settings, str]:
    """Fill a data folder with everything; returns its settings and the text of a key."""
    settings = making.begin(home, land, receiver.port)
    data = settings.data_dir
    for day in making.FEW[:2]:
        making.arrive(day, land=land, home=home)
        making.look(settings)
    making.tell(settings)  # letters so far have arrived
    making.arrive(making.FEW[2], land=land, home=home)
    making.look(settings)  # those of this day wait
    for task in ("landuse", "assess"):
        making.look(settings, task)  # type: ignore[arg-type]
    with closing(opened_findings(settings)) as findings:
        one = next(iter(findings.all()))
        decide(one.id, findings, deed="confirm", who="ada", comment="seen from the road")
    Uploads(data / FOLDER).add((land / "parcels.geojson").read_bytes(), name="p.geojson", by="ada")
    keep_sample(data, "check", 5)
    ConceptStore(data / "concepts").save(
        Concept(name="mine", version=0, prompts=("an open-pit mine",))
    )
    _, text = KeyStore(data).create("nightly", scopes=frozenset({"search"}), created_by="ada")
    Audit(data).append(LOCAL, "key.create", "nightly", "done")
    attach(data / "collections" / "far", Address(uri="http://milvus:19530", collection="far"))
    (data / "glossary.tsv").write_text("采石场\tthing\ta quarry\n", encoding="utf-8")
    (data / "engines.json").write_text('{"format": 1, "entries": []}\n')
    store = ModelStore(data / "models")
    for seed in (1, 2):
        store.activate(store_version(store, seed))
    _make_jobs(data)
    for path in ("logins", "work/county", "exports"):
        (data / path).mkdir(parents=True)
    (data / "logins" / "abc").write_text("a login")
    return settings, text


def _make_jobs(data: Path) -> None:
    """Leave a job that waits, one at work and one that has left a file, a schedule, and answers."""
    with closing(Answers(data / "jobs" / "answers.sqlite")) as answered:
        answered.begin("ada", "one", "0" * 64)
    with closing(EmbeddedQueue(data / "jobs" / "jobs.sqlite")) as queue:
        queue.submit("verify", {"collection": "county"}, collection="county", asked_by="ada")
        lease = queue.claim("here")
        assert lease is not None
        with new_try(folder_of(data, lease.job.id)) as folder:
            (folder / "table.csv").write_text("a,b\n")
            queue.finish(lease, "done", result={"files": told(folder)})
        for name in ("waits", "works"):
            queue.submit("verify", {"collection": name}, collection=name, asked_by="ada")
        assert queue.claim("here") is not None
        queue.put_schedule(
            Schedule(
                name="nightly",
                cron="30 2 * * *",
                timezone="UTC",
                task="verify",
                parameters={"collection": "county"},
                collection="county",
                asked_by="ada",
                created=datetime.now(UTC),
            )
        )


def account(data: Path) -> dict[str, Any]:
    """Account for everything in a data folder: the same for the same content."""
    return {
        "databases": {path: _rows(data / path) for path in _DATABASES},
        "files": _files(data),
        "collections": {
            one.name: _collection(one) for one in _collections(data) if (one / _COLLECTION).exists()
        },
    }


_DATABASES = ("access.db", "jobs/answers.sqlite", "jobs/jobs.sqlite", "monitor/findings.sqlite")
_COLLECTION = "collection.sqlite"
_KEPT = ("results", "concepts", "models", "audit", "monitor/pictures", "monitor/runs",
         "monitor/uploads", "glossary.tsv", "engines.json", "collections/far")  # fmt: skip


def _collections(data: Path) -> list[Path]:
    return sorted((data / "collections").iterdir())


def _rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(db.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608 - its own
            for (name,) in tables
        }


def _files(data: Path) -> dict[str, str]:
    found = {}
    for name in _KEPT:
        path = data / name
        for one in [path] if path.is_file() else sorted(path.rglob("*")):
            if one.is_file() and not one.name.endswith(DERIVED):
                content = one.read_bytes()
                found[one.relative_to(data).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def _collection(folder: Path) -> tuple[Any, ...]:
    with open_collection(folder, mode="read") as collection:
        assert [] == collection.verify()
        rows = range(collection.stats().chips)
        scenes = _rows(folder / _COLLECTION)
        return (
            (collection.generation, collection.digest(), scenes),
            (collection.chips(rows), collection.vectors(rows).tobytes()),
        )


def answers(settings: Settings) -> list[tuple[str, Any]]:
    """Search with words: chips and scores, to the last bit."""
    with closing(Assembly(settings)) as parts:
        hits = Embedded(parts).search("bare ground", k=10, collection=making.COLLECTION)
        return [(hit.chip, dict(hit.scores)) for hit in hits]


def at(settings: Settings, data: Path) -> Settings:
    """The same settings over another data folder."""
    return settings.model_copy(update={"data_dir": data})
