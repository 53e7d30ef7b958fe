"""A watch and what people know → what it would do now, and how well it does where that is known.

Does not look at new scenes and keeps nothing: whoever asks learns, and nobody is told.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.filters import check_area
from satseek.monitor.watch.ground import check_model, survey
from satseek.monitor.watch.holding_out import place_answers
from satseek.monitor.watch.holding_out_measuring import measure, truth_looks
from satseek.monitor.watch.learning import learn, learning_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.watch.holding_out import Learning
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.learning import Learnt
    from satseek.monitor.watch.tools import WatchTools
    from satseek.monitor.watch.watch import Watch
    from satseek.types import GeoJSON


def expect(watch: Watch, tools: WatchTools) -> Learnt:
    """Learn from all answers there are by now, and draw the cut that the next run would.

    Raises:
        InvalidRequest: too little ground, or too few answers, for the operating point.
        ModelMismatch: the collection was made by another model.
    """
    with _learning(watch, tools) as learning:
        new = np.zeros(len(learning.ground.days), dtype=np.bool_)
        new[-1:] = True
        return learn(learning, new=new)


def judge(
    watch: Watch, tools: WatchTools, *, truth: GeoJSON | None = None, day: str | None = None
) -> HeldOut:
    """Measure a watch on ground that it has not learnt from.

    Args:
        watch: Which.
        tools: What it takes.
        truth: Polygons on WGS 84 of what is watched for; None: what people answered is the truth.
        day: Day of which they are true; None: the latest one.

    Raises:
        InvalidFilter, InvalidRequest: polygons or a day that cannot be, or nothing to measure on.
        ModelMismatch: the collection was made by another model.
    """
    if truth is None and day is not None:
        raise InvalidRequest("a day goes with polygons of what is there")
    with _learning(watch, tools) as learning:
        ground, index = learning.ground, learning.index
        if truth is None:
            return measure(learning, place_answers(index, ground, learning.answers))
        return measure(learning, truth_looks(index, ground, check_area(truth), day=day))


@contextmanager
def _learning(watch: Watch, tools: WatchTools) -> Iterator[Learning]:
    with tools.collection.pinned() as index:
        check_model(index, tools.embedder.card)
        ground = survey(watch, index, unseen={})
        if not ground.table.cells or not ground.days:
            raise InvalidRequest(
                f"watch {watch.name}: collection {watch.collection!r} shows none of its ground yet"
            )
        yield learning_of(watch, index, ground, tools)
