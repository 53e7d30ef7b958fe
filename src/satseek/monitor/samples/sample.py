"""Places that were drawn → what people said of them, and what that makes of each place.

Does not know where samples are kept, nor what is estimated from them. A place is settled by what
most of those who looked at it say; where they do not agree it stays contested, never guessed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest
from satseek.monitor.areas.estimating import Judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from satseek.monitor.areas.estimating import Stratum
    from satseek.monitor.samples.drawing import Place, Unit

CANNOT_TELL = "cannot tell"
"""Answer of who has looked and does not know: a cloud, a blur, a place between two classes."""

Standing: TypeAlias = Literal["open", "agreed", "contested", "unclear"]
"""How far a place is. ``open``: too few have answered; ``agreed``: more than half of those who did
give one label; ``contested``: no label has that many; ``unclear``: more than half cannot tell."""

MAX_OPINIONS = 9
"""People that judge each place at most."""

_NAME_LETTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A stratified random sample: how it was drawn, and from what."""

    name: str
    """Names it; unique."""
    collection: str
    """Collection of its cells and chips."""
    subject: str
    """What is to be said of each place, in words, such as ``land use 2024-06``."""
    unit: Unit
    """What is drawn and judged."""
    seed: int
    """With which it was drawn."""
    opinions: int
    """How many people are to judge each place; 1 or more."""
    labels: tuple[str, ...]
    """Answers that are taken, besides ``cannot tell``; empty: any."""
    strata: tuple[Stratum, ...]
    """All of the ground, in the order of names."""
    mapped_m2: Mapping[str, float] = field(hash=False)
    """Area of each class on the map."""
    sizes: Mapping[str, int] = field(hash=False)
    """How many places of each stratum were drawn so far."""
    frame: str
    """Digest of what it was drawn from, see ``SamplingFrame.digest``."""
    made: datetime
    """When it was first drawn, UTC."""
    uneven: float = 0.0
    """By how much a cell's area differs from its stratum's mean at most, as a share."""
    told: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What else is to be known of the map: model, prompts, dates; printed as it is."""

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _NAME_LETTERS:
            raise InvalidRequest(
                f"sample: expected a name of 1 to {_NAME_LETTERS} letters, came {self.name[:80]!r}"
            )
        if not 1 <= self.opinions <= MAX_OPINIONS:
            raise InvalidRequest(f"opinions: expected 1 to {MAX_OPINIONS}, came {self.opinions}")
        if CANNOT_TELL in self.labels:
            raise InvalidRequest(f"labels: {CANNOT_TELL!r} is always an answer, leave it out")

    def check_label(self, label: str) -> None:
        """Refuse an answer that is none of the labels.

        Raises:
            InvalidRequest: it is empty, or another label is expected.
        """
        if not label.strip():
            raise InvalidRequest(f"answer: expected a label, or {CANNOT_TELL!r}, came nothing")
        if self.labels and label not in (*self.labels, CANNOT_TELL):
            raise InvalidRequest(
                f"answer: expected one of {', '.join(self.labels)} or {CANNOT_TELL!r}, came "
                f"{label[:80]!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one person said of one place; none is ever changed or removed."""

    place: str
    """Id of the place."""
    who: str
    """Who said it."""
    label: str
    """What it is, or ``cannot tell``."""
    at: datetime
    """When, UTC."""
    comment: str = ""
    """In the words of who said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the answers make of a place."""

    place: Place
    """The place."""
    standing: Standing
    """How far it is."""
    label: str | None
    """What it is, once agreed; else None."""
    answers: tuple[Answer, ...]
    """The last one of each person, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stratum, or a whole sample, is."""

    drawn: int
    """Places."""
    open: int
    """Places that too few have judged."""
    agreed: int
    """Places that count."""
    contested: int
    """Places that people do not agree on."""
    unclear: int
    """Places of which people cannot tell what they are."""

    @property
    def is_done(self) -> bool:
        """True where nobody need look any more."""
        return not self.open and not self.contested


def settle(place: Place, answers: Iterable[Answer], *, opinions: int) -> Settled:
    """Make out what a place is.

    Args:
        place: The place.
        answers: All that were given of it, the oldest first; of one person the last one counts.
        opinions: How many people are to judge it.
    """
    latest: dict[str, Answer] = {}
    for one in answers:
        latest.pop(one.who, None)
        latest[one.who] = one
    standing, label = _standing([one.label for one in latest.values()], opinions)
    return Settled(place=place, standing=standing, label=label, answers=tuple(latest.values()))


def _standing(labels: Sequence[str], opinions: int) -> tuple[Standing, str | None]:
    if len(labels) < opinions:
        return "open", None
    label, votes = Counter(labels).most_common(1)[0]
    if 2 * votes <= len(labels):
        return "contested", None
    return ("unclear", None) if label == CANNOT_TELL else ("agreed", label)


def progress_of(settled: Iterable[Settled]) -> Progress:
    """Count how far places are."""
    counts = Counter(one.standing for one in settled)
    return Progress(
        drawn=counts.total(),
        open=counts["open"],
        agreed=counts["agreed"],
        contested=counts["contested"],
        unclear=counts["unclear"],
    )


def judged_of(settled: Iterable[Settled]) -> tuple[Judged, ...]:
    """Take the places that count, for ``areas.estimate_areas``."""
    return tuple(
        Judged(stratum=one.place.stratum, mapped=one.place.mapped, reference=one.label)
        for one in settled
        if one.label is not None
    )


def alike(settled: Iterable[Settled]) -> tuple[int, int]:
    """Count the places that several people judged, and those of them on which all agree."""
    several = [one.answers for one in settled if len(one.answers) > 1]
    return len(several), sum(len({one.label for one in answers}) == 1 for answers in several)
