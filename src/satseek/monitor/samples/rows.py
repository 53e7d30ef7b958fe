"""Samples, their places and what was said of them ↔ rows of the room's database.

Does not know what answers make of a place, nor who may give one.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData, InvalidRequest, SampleNotFound
from satseek.monitor.areas.estimating import Stratum
from satseek.monitor.samples.drawing import Place
from satseek.monitor.samples.sample import Answer, Sample
from satseek.monitor.tables import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from satseek.index.storing import Database, Row

PART = Part(
    name="samples",
    layouts=(
        (
            """
CREATE TABLE samples (
  name TEXT PRIMARY KEY,
  made TEXT NOT NULL,
  said TEXT NOT NULL
) WITHOUT ROWID
""",
            """
CREATE TABLE samples_places (
  sample TEXT NOT NULL,
  id TEXT NOT NULL,
  due REAL NOT NULL,
  stratum TEXT NOT NULL,
  turn INTEGER NOT NULL,
  said TEXT NOT NULL,
  PRIMARY KEY (sample, id)
) WITHOUT ROWID
""",
            """
CREATE TABLE samples_answers (
  n INTEGER PRIMARY KEY,
  sample TEXT NOT NULL,
  place TEXT NOT NULL,
  who TEXT NOT NULL,
  label TEXT NOT NULL,
  at TEXT NOT NULL,
  comment TEXT NOT NULL
)
""",
            "CREATE INDEX samples_answers_by_place ON samples_answers (sample, place, n)",
            """
CREATE TABLE samples_loans (
  sample TEXT NOT NULL,
  place TEXT NOT NULL,
  who TEXT NOT NULL,
  until REAL NOT NULL,
  PRIMARY KEY (sample, place, who)
) WITHOUT ROWID
""",
        ),
    ),
)
"""``due`` orders places so that what was answered first is spread over the strata as they are."""


def write_sample(db: Database, sample: Sample) -> None:
    """Put a sample into its row, or a new one."""
    said = {
        "collection": sample.collection,
        "subject": sample.subject,
        "unit": sample.unit,
        "seed": sample.seed,
        "opinions": sample.opinions,
        "labels": sample.labels,
        "strata": [[one.name, one.area_m2, one.cells] for one in sample.strata],
        "mapped_m2": dict(sample.mapped_m2),
        "sizes": dict(sample.sizes),
        "frame": sample.frame,
        "uneven": sample.uneven,
        "told": dict(sample.told),
    }
    db.execute(
        "INSERT OR REPLACE INTO samples VALUES (?, ?, ?)",
        (sample.name, _stamp(sample.made), _json(said)),
    )


def find_sample(db: Database, name: str) -> Sample | None:
    """Give a sample; None: there is none of that name."""
    row = db.execute("SELECT * FROM samples WHERE name = ?", (name,)).fetchone()
    return None if row is None else _sample(row)


def sample_named(db: Database, name: str) -> Sample:
    """Give a sample.

    Raises:
        SampleNotFound: there is none of that name.
    """
    found = find_sample(db, name)
    if found is None:
        known = ", ".join(one.name for one in all_samples(db)) or "none yet"
        raise SampleNotFound(f"no sample {name[:64]!r}; there are: {known:.300}")
    return found


def all_samples(db: Database) -> list[Sample]:
    """Give all of them, by name."""
    return [_sample(row) for row in db.execute("SELECT * FROM samples ORDER BY name")]


def write_places(db: Database, sample: str, places: Iterable[tuple[float, Place]]) -> None:
    """Put places behind those that are there, each with when it is due."""
    db.executemany(
        "INSERT INTO samples_places VALUES (?, ?, ?, ?, ?, ?)",
        ((sample, one.id, due, one.stratum, one.turn, _json(_said(one))) for due, one in places),
    )


def places_of(db: Database, sample: str) -> list[Place]:
    """Give the places of a sample, those that are due first in front."""
    text = "SELECT * FROM samples_places WHERE sample = ? ORDER BY due, stratum, turn"
    return [_place(row) for row in db.execute(text, (sample,))]


def place_named(db: Database, sample: str, place_id: str) -> Place:
    """Give a place.

    Raises:
        SampleNotFound: the sample has none of that id.
    """
    text = "SELECT * FROM samples_places WHERE sample = ? AND id = ?"
    row = db.execute(text, (sample, place_id)).fetchone()
    if row is None:
        raise SampleNotFound(f"sample {sample!r} has no place {place_id[:120]!r}")
    return _place(row)


def last_due(db: Database, sample: str) -> float:
    """Say when the last place of a sample is due; 0 where it has none."""
    text = "SELECT max(due) AS last FROM samples_places WHERE sample = ?"
    found = db.execute(text, (sample,)).fetchone()["last"]
    return 0.0 if found is None else float(found)


def write_answer(db: Database, sample: str, answer: Answer) -> None:
    """Put an answer behind all others."""
    db.execute(
        "INSERT INTO samples_answers (sample, place, who, label, at, comment) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (sample, answer.place, answer.who, answer.label, _stamp(answer.at), answer.comment),
    )


def answers_of(db: Database, sample: str) -> list[Answer]:
    """Give the answers of a sample, as they came."""
    text = "SELECT * FROM samples_answers WHERE sample = ? ORDER BY n"
    return [_answer(row) for row in db.execute(text, (sample,))]


def answers_at(db: Database, sample: str, place: str) -> list[Answer]:
    """Give the answers of one place, as they came."""
    text = "SELECT * FROM samples_answers WHERE sample = ? AND place = ? ORDER BY n"
    return [_answer(row) for row in db.execute(text, (sample, place))]


def lend(db: Database, sample: str, place: str, *, who: str, until: datetime) -> None:
    """Write down who looks at a place."""
    db.execute(
        "INSERT OR REPLACE INTO samples_loans VALUES (?, ?, ?, ?)",
        (sample, place, who, until.timestamp()),
    )


def give_back(db: Database, sample: str, place: str, who: str) -> None:
    """Write down that somebody has looked at a place."""
    db.execute(
        "DELETE FROM samples_loans WHERE sample = ? AND place = ? AND who = ?",
        (sample, place, who),
    )


def loans(db: Database, sample: str, *, now: datetime) -> list[tuple[str, str]]:
    """Give the places that somebody looks at, each with who."""
    text = "SELECT place, who FROM samples_loans WHERE sample = ? AND until > ?"
    found = db.execute(text, (sample, now.timestamp()))
    return [(row["place"], row["who"]) for row in found]


def remove(db: Database, sample: str) -> None:
    """Take a sample out with its places and loans; its answers would stay, so it has none."""
    db.execute("DELETE FROM samples WHERE name = ?", (sample,))
    db.execute("DELETE FROM samples_places WHERE sample = ?", (sample,))
    db.execute("DELETE FROM samples_loans WHERE sample = ?", (sample,))


def _answer(row: Row) -> Answer:
    return Answer(
        place=row["place"],
        who=row["who"],
        label=row["label"],
        at=datetime.fromisoformat(row["at"]),
        comment=row["comment"],
    )


def _said(place: Place) -> dict[str, Any]:
    return {
        "cell": place.cell,
        "mapped": place.mapped,
        "area_m2": place.area_m2,
        "footprint": place.footprint,
        "point": place.point,
        "chips": place.chips,
    }


def _place(row: Row) -> Place:
    with _whole(f"place {row['id']} of sample {row['sample']}"):
        said = json.loads(row["said"])
        return Place(
            id=row["id"],
            cell=said["cell"],
            stratum=row["stratum"],
            mapped=said["mapped"],
            turn=row["turn"],
            area_m2=said["area_m2"],
            footprint=said["footprint"],
            point=None if said["point"] is None else (said["point"][0], said["point"][1]),
            chips=tuple(said["chips"]),
        )


def _sample(row: Row) -> Sample:
    with _whole(f"sample {row['name']}"):
        said = json.loads(row["said"])
        strata = [Stratum(name=name, area_m2=m2, cells=n) for name, m2, n in said.pop("strata")]
        labels = tuple(said.pop("labels"))
        made = datetime.fromisoformat(row["made"])
        return Sample(name=row["name"], made=made, strata=tuple(strata), labels=labels, **said)


@contextmanager
def _whole(what: str) -> Iterator[None]:
    """Tell where a row is not what was written."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, InvalidRequest) as error:
        raise DamagedData(f"{what}: its row is not what was written; restore a backup") from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
