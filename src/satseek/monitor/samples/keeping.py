"""Samples and answers → the room's database, which loses none, and back.

Does not know what is estimated from them. Many people and processes answer at once: what was said
to be kept is on the disk, and nobody is given a place that somebody else looks at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from satseek.errors import Conflict, InvalidRequest, SampleNotFound
from satseek.monitor.samples import rows
from satseek.monitor.samples.drawing import draw
from satseek.monitor.samples.sample import Answer, Progress, Sample, Settled, progress_of, settle
from satseek.monitor.samples.turns import candidates, dues
from satseek.monitor.tables import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from satseek.index.storing import Database
    from satseek.monitor.samples.drawing import Place, SamplingFrame, Unit

LOAN = timedelta(minutes=30)
"""How long a place is kept for who was given it; long enough for one that is hard to tell."""

MAX_COMMENT = 2_000
"""Letters."""


class Samples:
    """The samples of one data folder; safe to share between threads and processes."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Open nothing yet.

        Args:
            folder: ``<data_dir>/monitor``; made when the first sample is drawn.
            clock: What time it is, UTC.
        """
        self._store = opened(folder, rows.PART)
        self._clock = clock

    def make(
        self,
        name: str,
        frame: SamplingFrame,
        sizes: Mapping[str, int],
        *,
        collection: str,
        subject: str,
        seed: int = 0,
        unit: Unit = "cell",
        labels: Sequence[str] = (),
        opinions: int = 1,
        told: Mapping[str, str] | None = None,
    ) -> Sample:
        """Draw a sample and keep it; making the same one again changes nothing.

        Args:
            name: Names it.
            frame: From what.
            sizes: How many of each stratum.
            collection: Collection of the cells.
            subject: What is to be said of each place, in words.
            seed: See ``draw``.
            unit: What is drawn and judged.
            labels: Answers that are taken; empty: any.
            opinions: How many people are to judge each place.
            told: What else is to be known of the map.

        Raises:
            Conflict: there is another sample of that name.
            InvalidRequest: nothing to draw, or as ``draw``.
        """
        drawn = {stratum: size for stratum, size in sorted(sizes.items()) if size}
        if not drawn:
            raise InvalidRequest("sample: expected places to draw, came none")
        made = Sample(
            name=name,
            collection=collection,
            subject=subject,
            unit=unit,
            seed=seed,
            opinions=opinions,
            labels=tuple(labels),
            strata=frame.counted(unit=unit),
            mapped_m2=frame.mapped_m2(),
            sizes=drawn,
            frame=frame.digest,
            uneven=frame.unevenness(),
            made=self._clock(),
            told=dict(told or {}),
        )
        places = draw(frame, drawn, seed=seed, unit=unit)
        with self._store.transaction() as db:
            known = rows.find_sample(db, name)
            if known is None:
                rows.write_sample(db, made)
                rows.write_places(db, name, dues(places, drawn, first=0.0))
                return made
        return _same(known, made)

    def extend(self, name: str, frame: SamplingFrame, more: Mapping[str, int]) -> Sample:
        """Draw further places of a sample; those that are there stay, with their answers.

        Args:
            name: Which.
            frame: From what it was drawn; the map must be the same.
            more: How many more of each stratum.

        Raises:
            SampleNotFound: there is none of that name.
            Conflict: the map is another one by now.
            InvalidRequest: nothing to draw, or as ``draw``.
        """
        added = {stratum: size for stratum, size in sorted(more.items()) if size}
        if not added:
            raise InvalidRequest("sample: expected places to draw, came none")
        with self._store.transaction() as db:
            known = rows.sample_named(db, name)
            if known.frame != frame.digest:
                raise Conflict(
                    f"sample {name!r} was drawn from another map than this one: what was added "
                    "would not belong to the same strata; draw a new sample under another name"
                )
            places = draw(frame, added, seed=known.seed, unit=known.unit, drawn=known.sizes)
            first = float(int(rows.last_due(db, name)) + 1)
            rows.write_places(db, name, dues(places, added, first=first))
            sizes = {
                stratum: known.sizes.get(stratum, 0) + added.get(stratum, 0)
                for stratum in sorted({*known.sizes, *added})
            }
            grown = replace(known, sizes=sizes)
            rows.write_sample(db, grown)
        return grown

    def get(self, name: str) -> Sample:
        """Give a sample.

        Raises:
            SampleNotFound: there is none of that name.
        """
        with self._reading(name) as db:
            return rows.sample_named(db, name)

    def all(self) -> tuple[Sample, ...]:
        """Give all samples, by name."""
        if not self._store.path.is_file():
            return ()
        with self._store.reading() as db:
            return tuple(rows.all_samples(db))

    def place(self, name: str, place_id: str) -> Place:
        """Give a place of a sample.

        Raises:
            SampleNotFound: there is no such sample or place.
        """
        with self._reading(name) as db:
            return rows.place_named(db, name, place_id)

    def next_for(self, who: str, name: str) -> Place | None:
        """Give a person the next place to look at, which is kept for them for a while.

        What they were given and have not answered comes first, then what too few have judged, then
        what others do not agree on. Places come in an order in which those that were answered
        first are a random sample, too. None: there is nothing that they could add.

        Raises:
            SampleNotFound: there is no such sample.
            InvalidRequest: nobody is named.
        """
        _check_who(who)
        now = self._clock()
        with self._store.transaction() as db:
            sample = rows.sample_named(db, name)
            lent = rows.loans(db, name, now=now)
            settled = _settled(db, sample)
            found = next(candidates(settled, lent, who=who, opinions=sample.opinions), None)
            if found is not None:
                rows.lend(db, name, found.id, who=who, until=now + LOAN)
        return found

    def answer(self, name: str, place: str, label: str, *, who: str, comment: str = "") -> Answer:
        """Write down what somebody says of a place; durable when it returns.

        Whoever answers again changes their mind: the last answer counts, all are kept.

        Raises:
            SampleNotFound: there is no such sample or place.
            InvalidRequest: a label that is not taken, nobody is named, or too long a comment.
        """
        (kept,) = self.take_in(
            name, [Answer(place=place, who=who, label=label, at=self._clock(), comment=comment)]
        )
        return kept

    def take_in(self, name: str, answers: Iterable[Answer]) -> tuple[Answer, ...]:
        """Write down many answers, all or none; one that is the person's last already stays it.

        Returns:
            What is kept now, in the order given.

        Raises:
            SampleNotFound, InvalidRequest: as ``answer``.
        """
        with self._store.transaction() as db:
            sample = rows.sample_named(db, name)
            return tuple(_taken(db, sample, one) for one in answers)

    def answers(self, name: str, place: str | None = None) -> tuple[Answer, ...]:
        """Give all answers of a sample, or of one place, as they came; none is left out."""
        with self._reading(name) as db:
            rows.sample_named(db, name)
            found = rows.answers_of(db, name) if place is None else rows.answers_at(db, name, place)
            return tuple(found)

    def settled(self, name: str) -> tuple[Settled, ...]:
        """Give every place with what the answers make of it, those that are due first in front."""
        with self._reading(name) as db:
            return tuple(_settled(db, rows.sample_named(db, name)))

    def progress(self, name: str) -> dict[str, Progress]:
        """Tell how far each stratum is that places were drawn of."""
        by_stratum: dict[str, list[Settled]] = defaultdict(list)
        for one in self.settled(name):
            by_stratum[one.place.stratum].append(one)
        return {stratum: progress_of(by_stratum[stratum]) for stratum in sorted(by_stratum)}

    def remove(self, name: str) -> None:
        """Take a sample out of which nothing was judged yet.

        Raises:
            SampleNotFound: there is none of that name.
            Conflict: it has answers, which are not thrown away.
        """
        with self._store.transaction() as db:
            rows.sample_named(db, name)
            if count := len(rows.answers_of(db, name)):
                raise Conflict(
                    f"sample {name!r} has {count} answers: it stays, draw another one under "
                    "another name"
                )
            rows.remove(db, name)

    def close(self) -> None:
        """Close the database; it opens again when used."""
        self._store.close()

    def _reading(self, name: str) -> AbstractContextManager[Database]:
        if not self._store.path.is_file():  # who only looks makes no file
            raise SampleNotFound(f"no sample {name[:64]!r}: none was drawn yet")
        return self._store.reading()


def _same(known: Sample, made: Sample) -> Sample:
    """Give the sample that is there, where it is the one that was asked for."""
    if replace(made, made=known.made, told=known.told) != known:
        raise Conflict(
            f"sample {made.name!r} is there already and was drawn otherwise (from another map, or "
            "with another seed, size or labels): extend it, or take another name"
        )
    return known


def _settled(db: Database, sample: Sample) -> list[Settled]:
    said: dict[str, list[Answer]] = defaultdict(list)
    for one in rows.answers_of(db, sample.name):
        said[one.place].append(one)
    places = rows.places_of(db, sample.name)
    return [settle(one, said[one.id], opinions=sample.opinions) for one in places]


def _taken(db: Database, sample: Sample, answer: Answer) -> Answer:
    _check_who(answer.who)
    sample.check_label(answer.label)
    if len(answer.comment) > MAX_COMMENT:
        raise InvalidRequest(
            f"comment: expected at most {MAX_COMMENT} letters, came {len(answer.comment)}"
        )
    rows.place_named(db, sample.name, answer.place)
    rows.give_back(db, sample.name, answer.place, answer.who)
    said = rows.answers_at(db, sample.name, answer.place)
    own = [one for one in said if one.who == answer.who]
    if own and (own[-1].label, own[-1].comment) == (answer.label, answer.comment):
        return own[-1]
    rows.write_answer(db, sample.name, answer)
    return answer


def _check_who(who: str) -> None:
    if not who.strip():
        raise InvalidRequest("who: expected the name of who answers, came nothing")
