"""Places, answers and who looks at what → whose turn a place is, and when.

Does not know where any of it is kept.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.sample import Settled


def dues(
    places: Sequence[Place], sizes: Mapping[str, int], *, first: float
) -> Iterator[tuple[float, Place]]:
    """Spread the places of each stratum evenly over one unit from ``first``.

    Whoever takes them in that order has, at any time, the same share of each stratum behind them,
    and within it those that were drawn first: a sample of its own.
    """
    starts = {name: min(p.turn for p in places if p.stratum == name) for name in sizes}
    for one in places:
        within = one.turn - starts[one.stratum] + 0.5
        yield first + within / sizes[one.stratum], one


def candidates(
    settled: Sequence[Settled], lent: Sequence[tuple[str, str]], *, who: str, opinions: int
) -> Iterator[Place]:
    """Give what somebody could look at, the best first.

    Args:
        settled: All places, those that are due first in front.
        lent: Places that somebody looks at just now, each with who.
        who: Somebody.
        opinions: How many people are to judge each place.
    """
    own = {place for place, holder in lent if holder == who}
    others: dict[str, int] = defaultdict(int)
    for place, holder in lent:
        others[place] += holder != who
    left = [one for one in settled if all(said.who != who for said in one.answers)]
    for one in left:
        if one.place.id in own and one.standing in {"open", "contested"}:
            yield one.place
    for one in left:
        if one.standing == "open" and len(one.answers) + others[one.place.id] < opinions:
            yield one.place
    for one in left:
        if one.standing == "contested" and not others[one.place.id]:
            yield one.place
