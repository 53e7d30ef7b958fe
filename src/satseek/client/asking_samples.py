"""Verbs about samples → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from satseek.client.binding import get, listed, page_size, post
from satseek.client.samples import areas_of, place_of, sample_of, settled_of

if TYPE_CHECKING:
    from satseek.client.asking import Ask
    from satseek.client.binding import Listed
    from satseek.client.samples import Areas, Sample, SamplePlace, SettledPlace


def ask_samples() -> Ask[list[Sample]]:
    """List the samples, by name, and how far people are with them."""
    return get("/v1/samples", {}, lambda answer: [sample_of(one) for one in answer["samples"]])


def ask_sample(name: str) -> Ask[Sample]:
    """Show a sample."""
    return get(_sample(name), {}, sample_of)


def ask_sample_places(
    name: str, *, standing: str | None = None, limit: int | None = None
) -> Ask[Listed[SettledPlace]]:
    """List what the answers make of each place, those that are due first in front.

    Args:
        name: Of which sample.
        standing: Only ``open``, ``agreed``, ``contested`` or ``unclear`` ones.
        limit: So many at most; None: all.
    """
    query = {"standing": standing, "limit": page_size(limit)}
    return get(f"{_sample(name)}/places", query, listed(settled_of, "places", most=limit))


def ask_sample_place(name: str, place: str, *, who: str | None = None) -> Ask[SamplePlace]:
    """Show a place to be judged, and what you said of it last.

    Args:
        name: Of which sample.
        place: Its id.
        who: Your name, where nobody is asked who they are; None: as you are known.
    """
    return get(_place(name, place), {"who": who}, place_of)


def ask_next_place(name: str, *, who: str | None = None) -> Ask[SamplePlace | None]:
    """Give you the next place to judge, which is kept for you for half an hour; None: none is.

    Args:
        name: Of which sample.
        who: Your name, where nobody is asked who they are; None: as you are known.
    """
    return post(
        f"{_sample(name)}/next", {"who": who}, lambda one: None if one is None else place_of(one)
    )


def ask_judge_place(
    name: str, place: str, label: str, *, comment: str = "", who: str | None = None
) -> Ask[SamplePlace]:
    """Say what a place is; said again, the last answer counts and all are kept.

    Args:
        name: Of which sample.
        place: Its id.
        label: One of the sample's labels, or ``cannot tell``.
        comment: Why, in a few words.
        who: Your name, where nobody is asked who they are; None: as you are known.
    """
    given = {"label": label, "comment": comment, "who": who}
    return post(f"{_place(name, place)}/answers", given, place_of)


def ask_sample_areas(name: str, *, interval: str = "wilson") -> Ask[Areas]:
    """Tell the map's accuracy and the areas that follow from it, by the places judged so far.

    Args:
        name: Of which sample.
        interval: Of 95 %: ``wilson``, or ``wald`` as the literature has it.
    """
    return get(f"{_sample(name)}/areas", {"interval": interval}, areas_of)


def ask_place_picture(name: str, place: str, number: int, *, size: int) -> Ask[None]:
    """Ask for a picture of a place at one date."""
    return get(f"{_place(name, place)}/pictures/{number}", {"size": size}, _nothing)


def _sample(name: str) -> str:
    return f"/v1/samples/{quote(name, safe='')}"


def _place(name: str, place: str) -> str:
    return f"{_sample(name)}/places/{quote(place, safe='@')}"


def _nothing(_answer: Any) -> None:
    """A file is no JSON."""
