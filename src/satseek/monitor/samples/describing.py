"""Samples, their places and answers → the JSON that doors hold.

Does not know who reads it. Who judges a place is not told what the map says of it, nor what others
have said while it waits for answers: both would be repeated.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from satseek.monitor.samples.sample import CANNOT_TELL, progress_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.pictures import Sight
    from satseek.monitor.samples.sample import Answer, Sample, Settled


def described(sample: Sample, settled: Sequence[Settled]) -> dict[str, Any]:
    """Tell how a sample was drawn, and how far people are with it."""
    return {
        "name": sample.name,
        "collection": sample.collection,
        "subject": sample.subject,
        "unit": sample.unit,
        "seed": sample.seed,
        "opinions": sample.opinions,
        "labels": list(sample.labels),
        "strata": [
            {
                "name": one.name,
                "area_m2": one.area_m2,
                "cells": one.cells,
                "drawn": sample.sizes.get(one.name, 0),
            }
            for one in sample.strata
        ],
        "made": sample.made.isoformat(),
        "map": dict(sample.told),
        "progress": asdict(progress_of(settled)),
    }


def described_place(
    place: Place, sample: Sample, sights: Sequence[Sight], *, own: Answer | None = None
) -> dict[str, Any]:
    """Tell what is to be judged.

    Args:
        place: Which.
        sample: Of which.
        sights: Its dates, as ``pictures.sights_of`` gives them.
        own: What whoever looks has said of it last; None: nothing.
    """
    return {
        "id": place.id,
        "sample": sample.name,
        "collection": sample.collection,
        "subject": sample.subject,
        "labels": [*sample.labels, CANNOT_TELL] if sample.labels else [],
        "cell": place.cell,
        "point": None if place.point is None else list(place.point),
        "footprint": place.footprint,
        "area_m2": place.area_m2,
        "pictures": [
            {
                "number": number,
                "chip_id": one.chip_id,
                "datetime": None if one.datetime is None else one.datetime.isoformat(),
                "mark": None if one.mark is None else list(one.mark),
            }
            for number, one in enumerate(sights, start=1)
        ],
        "answer": None if own is None else described_answer(own),
    }


def described_settled(one: Settled) -> dict[str, Any]:
    """Tell what the answers make of a place; of one that waits for some, not which they are."""
    answers = () if one.standing == "open" else one.answers
    return {
        "id": one.place.id,
        "standing": one.standing,
        "label": one.label,
        "answered": len(one.answers),
        "answers": [described_answer(answer) for answer in answers],
    }


def described_answer(answer: Answer) -> dict[str, Any]:
    """Tell what somebody said."""
    return {
        "who": answer.who,
        "label": answer.label,
        "at": answer.at.isoformat(),
        "comment": answer.comment,
    }
