"""The samples of a data folder → the verbs that a client has, in this very process.

Knows no HTTP, nor who opens collections: it is lent what does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.client import samples as client
from satseek.client.exporting import saved
from satseek.errors import CollectionNotFound, Conflict, SampleNotFound
from satseek.monitor.areas.describing import described as described_areas
from satseek.monitor.areas.sampled import estimate_sample
from satseek.monitor.findings.verbs import named
from satseek.monitor.samples.describing import described, described_place, described_settled
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.samples.pictures import SIZE_PX, Sight, sights_of
from satseek.monitor.samples.sample import progress_of
from satseek.monitor.tables import FOLDER
from satseek.search.thumbnails import thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.areas.intervals import Interval
    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.sample import Sample
    from satseek.settings import Settings

    Opened = Callable[[str], Collection]


class LocalSamples:
    """The samples of one data folder; safe to share between threads."""

    def __init__(self, settings: Settings, opened: Opened) -> None:
        """Open nothing yet.

        Args:
            settings: Of the data folder.
            opened: Opens a collection for reading.
        """
        self._samples = Samples(settings.data_dir / FOLDER)
        self._open_collection = opened

    def samples(self) -> list[client.Sample]:
        """List the samples, by name, and how far people are with them."""
        return [self._shown_sample(one) for one in self._samples.all()]

    def sample(self, name: str) -> client.Sample:
        """Show a sample; raises SampleNotFound."""
        return self._shown_sample(self._samples.get(name))

    def sample_places(
        self, name: str, *, standing: str | None = None, limit: int | None = None
    ) -> list[client.SettledPlace]:
        """List what the answers make of each place; takes what the client's takes."""
        found = [one for one in self._samples.settled(name) if standing in (None, one.standing)]
        return [client.settled_of(described_settled(one)) for one in found[:limit]]

    def sample_place(self, name: str, place: str, *, who: str | None = None) -> client.SamplePlace:
        """Show a place to be judged, and what you said of it last; raises SampleNotFound."""
        return self._shown_place(name, self._samples.place(name, place), who=named(who))

    def next_place(self, name: str, *, who: str | None = None) -> client.SamplePlace | None:
        """Give you the next place to judge, kept for you for half an hour; None: none is."""
        person = named(who)
        found = self._samples.next_for(person, name)
        return None if found is None else self._shown_place(name, found, who=person)

    def judge_place(
        self, name: str, place: str, label: str, *, comment: str = "", who: str | None = None
    ) -> client.SamplePlace:
        """Say what a place is; takes what ``Client.judge_place`` takes.

        Raises:
            SampleNotFound: there is no such sample or place.
            InvalidRequest: a label that is not taken.
        """
        person = named(who)
        self._samples.answer(name, place, label, who=person, comment=comment)
        return self._shown_place(name, self._samples.place(name, place), who=person)

    def sample_areas(self, name: str, *, interval: Interval = "wilson") -> client.Areas:
        """Tell the map's accuracy and the areas that follow; takes what the client's takes.

        Raises:
            SampleNotFound: there is no such sample.
            Conflict: nothing is agreed upon yet.
        """
        return client.areas_of(areas_so_far(self._samples, name, interval=interval))

    def save_place_picture(
        self, name: str, place: str, number: int, path: Path | str, *, size: int = SIZE_PX
    ) -> None:
        """Write a picture of a place at one date, a JPEG, into a file."""
        sample, chips = self._samples.get(name), self._samples.place(name, place).chips
        if not 1 <= number <= len(chips):
            raise SampleNotFound(f"place {place[:80]!r} has pictures 1 to {len(chips)}")
        collection = self._open_collection(sample.collection)
        content = thumbnail(chips[number - 1], collection=collection, size=size)
        with saved(path) as file:
            file.write(content)

    def close(self) -> None:
        """Close what was opened."""
        self._samples.close()

    def _shown_sample(self, sample: Sample) -> client.Sample:
        return client.sample_of(described(sample, self._samples.settled(sample.name)))

    def _shown_place(self, name: str, place: Place, *, who: str) -> client.SamplePlace:
        sample = self._samples.get(name)
        told = told_place(
            place, sample, who=who, samples=self._samples, opened=self._open_collection
        )
        return client.place_of(told)


def told_place(
    place: Place, sample: Sample, *, who: str, samples: Samples, opened: Opened
) -> dict[str, Any]:
    """Tell of a place, its dates, and what somebody said of it last.

    Args:
        place: Which.
        sample: Of which.
        who: Whoever looks.
        samples: Where answers are kept.
        opened: Opens a collection for reading; of one that is gone, only chips' names are told.
    """
    answers = samples.answers(sample.name, place.id)
    own = next((one for one in reversed(answers) if one.who == who), None)
    try:
        sights: Sequence[Sight] = sights_of(place, collection=opened(sample.collection))
    except CollectionNotFound:
        sights = [Sight(chip_id=one, datetime=None, mark=None) for one in place.chips]
    return described_place(place, sample, sights, own=own)


def areas_so_far(samples: Samples, name: str, *, interval: Interval) -> dict[str, Any]:
    """Estimate the map's accuracy and the areas that follow, by the places judged so far.

    Raises:
        SampleNotFound: there is no such sample.
        Conflict: nothing is agreed upon yet.
    """
    sample, settled = samples.get(name), samples.settled(name)
    if not progress_of(settled).agreed:
        raise Conflict(f"sample {name!r}: no place is agreed upon yet; areas follow once some are")
    return {"sample": name} | described_areas(estimate_sample(sample, settled, interval=interval))
