"""Samples in the room's database: nothing lost, nobody given what somebody else looks at."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import Conflict, DamagedData, InvalidRequest, SampleNotFound
from satseek.monitor.areas.sampled import estimate_sample
from satseek.monitor.samples.drawing import SamplingFrame
from satseek.monitor.samples.keeping import LOAN, Samples
from satseek.monitor.samples.sample import CANNOT_TELL, Answer, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOREST, MINE = 40, 6


def frame(*, mines: int = MINE) -> SamplingFrame:
    strata = ["forest"] * FOREST + ["mine"] * mines
    names = [f"cell {at}" for at in range(len(strata))]
    return SamplingFrame(
        cells=names,
        strata=strata,
        mapped=strata,
        areas_m2=np.full(len(strata), 65_536.0),
        footprints=[None] * len(strata),
        chips=[(f"scene/{name}",) for name in names],
    )


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def samples(tmp_path: Path, clock: Clock) -> Iterator[Samples]:
    found = Samples(tmp_path / "monitor", clock=clock)
    yield found
    found.close()


def make(samples: Samples, sizes: Mapping[str, int] | None = None, **more: object) -> Sample:
    asked = {"labels": ("forest", "mine"), "seed": 2} | more
    return samples.make(
        "june",
        frame(),
        sizes or {"forest": 8, "mine": 4},
        collection="county",
        subject="land use 2024-06",
        **asked,  # type: ignore[arg-type]
    )


def test_a_sample_is_made_once(samples: Samples, clock: Clock) -> None:
    made = make(samples, told={"model": "starter"})
    clock.now += timedelta(days=1)
    assert made == make(samples)
    assert made == samples.get("june")
    assert (made,) == samples.all()
    assert 12 == len(samples.settled("june"))
    for other in ({"seed": 3}, {"sizes": {"forest": 8}}, {"opinions": 2}, {"labels": ()}):
        with pytest.raises(Conflict, match="drawn otherwise"):
            make(samples, **other)  # type: ignore[arg-type]


def test_more_places_are_added_behind_and_answers_stay(samples: Samples) -> None:
    make(samples)
    before = [one.place for one in samples.settled("june")]
    samples.answer("june", before[0].id, "mine", who="wu")
    grown = samples.extend("june", frame(), {"forest": 5})
    assert {"forest": 13, "mine": 4} == grown.sizes
    after = samples.settled("june")
    assert before == [one.place for one in after[:12]]
    assert {"forest"} == {one.place.stratum for one in after[12:]}
    assert 17 == len({one.place.id for one in after})
    assert "agreed" == after[0].standing
    with pytest.raises(InvalidRequest, match="at most 27 more"):
        samples.extend("june", frame(), {"forest": 28})
    with pytest.raises(Conflict, match="another map"):
        samples.extend("june", frame(mines=7), {"mine": 1})
    assert grown == samples.get("june")


def test_whatever_was_answered_first_is_spread_over_the_strata(samples: Samples) -> None:
    make(samples)
    for _ in range(6):
        found = samples.next_for("wu", "june")
        assert found is not None
        samples.answer("june", found.id, "forest", who="wu")
    progress = samples.progress("june")
    assert {"forest": 4, "mine": 2} == {name: one.agreed for name, one in progress.items()}


def test_nobody_is_given_what_somebody_else_looks_at(samples: Samples, clock: Clock) -> None:
    make(samples)
    first, second = samples.next_for("wu", "june"), samples.next_for("li", "june")
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert first == samples.next_for("wu", "june")  # until it is answered
    samples.answer("june", first.id, "mine", who="wu")
    assert first != samples.next_for("wu", "june")
    clock.now += LOAN + timedelta(seconds=1)
    # li went home: what was kept for them is the next again
    assert second == samples.next_for("bo", "june")


def test_one_who_has_answered_all_is_given_nothing(samples: Samples) -> None:
    make(samples)
    seen = []
    while (found := samples.next_for("wu", "june")) is not None:
        seen.append(found.id)
        samples.answer("june", found.id, "mine", who="wu")
    assert 12 == len(seen) == len(set(seen))
    assert samples.next_for("li", "june") is None


def test_every_place_is_judged_by_as_many_as_were_asked_for(samples: Samples) -> None:
    make(samples, {"forest": 3}, opinions=2)
    for who, label in (("wu", "forest"), ("li", "mine")):
        while (found := samples.next_for(who, "june")) is not None:
            samples.answer("june", found.id, label, who=who)
    assert ["contested"] * 3 == [one.standing for one in samples.settled("june")]
    while (found := samples.next_for("bo", "june")) is not None:
        samples.answer("june", found.id, "mine", who="bo")
    assert ["mine"] * 3 == [one.label for one in samples.settled("june")]
    assert samples.next_for("yu", "june") is None
    assert 9 == len(samples.answers("june"))


def test_minds_change_and_history_stays(samples: Samples) -> None:
    make(samples)
    place = samples.settled("june")[0].place.id
    samples.answer("june", place, "mine", who="wu", comment="tailings")
    samples.answer("june", place, "mine", who="wu", comment="tailings")  # sent twice
    samples.answer("june", place, CANNOT_TELL, who="wu")
    assert ["mine", CANNOT_TELL] == [one.label for one in samples.answers("june", place)]
    assert "unclear" == samples.settled("june")[0].standing
    assert "tailings" == samples.answers("june", place)[0].comment


def test_many_answers_are_taken_in_whole_or_not_at_all(samples: Samples, clock: Clock) -> None:
    make(samples)
    places = [one.place.id for one in samples.settled("june")]
    good = [Answer(place=one, who="wu", label="mine", at=clock.now) for one in places]
    bad = [*good[:5], Answer(place="nowhere", who="wu", label="mine", at=clock.now)]
    with pytest.raises(SampleNotFound, match="'nowhere'"):
        samples.take_in("june", bad)
    assert () == samples.answers("june")
    assert len(good) == len(samples.take_in("june", good))
    samples.take_in("june", good)
    assert len(good) == len(samples.answers("june"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "sea"}, "expected one of forest, mine"),
        ({"who": " "}, "who: expected the name"),
        ({"comment": "x" * 2_001}, "at most 2000 letters"),
    ],
)
def test_answers_that_cannot_be_are_refused(
    samples: Samples, change: dict[str, str], said: str
) -> None:
    make(samples)
    asked = {"label": "mine", "who": "wu", "comment": ""} | change
    with pytest.raises(InvalidRequest, match=said):
        samples.answer("june", samples.settled("june")[0].place.id, **asked)
    assert () == samples.answers("june")


def test_what_is_not_there_is_told(samples: Samples, tmp_path: Path) -> None:
    assert () == samples.all()
    for work in (samples.get, samples.settled, samples.answers, samples.progress):
        with pytest.raises(SampleNotFound, match="none was drawn yet"):
            work("june")
    assert not (tmp_path / "monitor").exists()
    make(samples)
    for work in (samples.get, samples.settled, samples.answers):
        with pytest.raises(SampleNotFound, match="'may'; there are: june"):
            work("may")
    with pytest.raises(SampleNotFound, match="no place 'x'"):
        samples.answer("june", "x", "mine", who="wu")
    with pytest.raises(InvalidRequest, match="came none"):
        samples.extend("june", frame(), {"mine": 0})


def test_people_at_once_share_the_work(samples: Samples, tmp_path: Path) -> None:
    make(samples, {"forest": 40, "mine": 6})
    given: dict[str, list[str]] = {who: [] for who in ("wu", "li", "bo")}

    def work(who: str) -> None:
        own = Samples(tmp_path / "monitor")
        while (found := own.next_for(who, "june")) is not None:
            given[who].append(found.id)
            own.answer("june", found.id, "forest", who=who)
        own.close()

    threads = [threading.Thread(target=work, args=(who,)) for who in given]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=60)
    everything = [name for names in given.values() for name in names]
    assert 46 == len(everything) == len(set(everything))
    found = estimate_sample(samples.get("june"), samples.settled("june"))
    assert pytest.approx(46 * 65_536.0) == found.of("forest").area_m2.value
    assert 0.0 == found.of("forest").area_m2.standard_error  # all cells were judged


ANSWERING = """
import sys
from pathlib import Path
from satseek.monitor.samples.keeping import Samples

samples = Samples(Path(sys.argv[1]))
for round_ in range(1000):
    for one in samples.settled("june"):
        samples.answer("june", one.place.id, ("forest", "mine")[round_ % 2], who="wu")
        print(one.place.id, ("forest", "mine")[round_ % 2], flush=True)
"""


def test_what_was_acknowledged_survives_being_killed(samples: Samples, tmp_path: Path) -> None:
    make(samples)
    folder = str(tmp_path / "monitor")
    with subprocess.Popen(
        [sys.executable, "-c", ANSWERING, folder], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().rsplit(" ", 1) for _ in range(30)]
        process.send_signal(signal.SIGKILL)
        told += [line.rsplit(" ", 1) for line in process.stdout if line.endswith("\n")]
    kept = [[one.place, one.label] for one in samples.answers("june")]
    said = [[place, label.strip()] for place, label in told]
    assert len(said) >= 30
    assert said == kept[: len(said)]
    assert len(kept) <= len(said) + 1


def test_a_sample_is_taken_out_while_nobody_has_judged_anything(samples: Samples) -> None:
    make(samples)
    samples.next_for("wu", "june")
    samples.remove("june")
    assert () == samples.all()
    make(samples, seed=9)
    assert 12 == len(samples.settled("june"))
    samples.answer("june", samples.settled("june")[0].place.id, "mine", who="wu")
    with pytest.raises(Conflict, match="has 1 answers: it stays"):
        samples.remove("june")
    with pytest.raises(SampleNotFound):
        samples.remove("may")


@pytest.mark.parametrize("table", ["samples", "samples_places"])
def test_rows_that_are_not_what_was_written_are_named(
    samples: Samples, tmp_path: Path, table: str
) -> None:
    make(samples)
    samples.close()
    with closing(sqlite3.connect(tmp_path / "monitor" / "findings.sqlite")) as db:
        db.execute(f"UPDATE {table} SET said = substr(said, 20)")  # noqa: S608 - our own names
        db.commit()
    with pytest.raises(DamagedData, match="june: its row is not what was written"):
        samples.settled("june")
