"""A watch and its collection → alerts: what is new since the last run is looked at, once.

Does not know where scenes come from, nor how alerts are delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.protocol import Searchable
    from satseek.monitor.pictures import Pictures
    from satseek.monitor.thresholds import Cut
    from satseek.monitor.watching import Watch
    from satseek.monitor.watching_keeping import Watches
    from satseek.search.concepts import ConceptStore
    from satseek.search.glossary import Glossary


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTools:
    """What it takes to run a watch."""

    collection: Collection
    """The watch's, open for reading, with all new scenes in it."""
    embedder: Embedder
    """Of the model that made its vectors."""
    watches: Watches
    """Where watches, what they have seen and their findings are kept."""
    pictures: Pictures
    """Where pictures of findings are kept."""
    concepts: ConceptStore
    """Concepts that a watch may name."""
    opened: Callable[[str], AbstractContextManager[Searchable]]
    """Lends a collection in which clicked chips lie, as `search.examples` wants it."""
    glossary: Glossary | None = None
    """Chinese words; None: the shipped ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRun:
    """What one run of a watch did."""

    watch: str
    """Name of the watch."""
    version: int
    """Version of the watch that was run."""
    new_scenes: int
    """Scenes that no run had looked at before."""
    dates: tuple[str, ...]
    """Dates that were looked at, ascending."""
    cells: int
    """Cells that were looked at, all dates together."""
    cut: Cut | None
    """Where the cut lay; None: there was nothing to look at."""
    alerts: tuple[str, ...]
    """Ids of findings that are new."""
    seen_again: tuple[str, ...]
    """Ids of findings from before that were seen again."""
    seconds: float
    """What it took."""


def run_watch(
    name: str, *, tools: WatchTools, on_progress: Callable[[str, int, int], None] = lambda *_: None
) -> WatchRun:
    """Look at every date that has a scene which no run has looked at, earliest first.

    The findings of a date and the mark that its scenes were looked at are one durable step: killed
    anywhere and run again, no alert is lost and none comes twice.

    Args:
        name: The watch.
        tools: What it takes.
        on_progress: Told of each date, how many are done, and of how many.

    Raises:
        WatchNotFound: there is none of that name.
        ModelMismatch: the collection was made by another model than the embedder's.
        InvalidRequest: too little ground, or too few answers, for the operating point asked for.
        Conflict: another process runs it at this moment.
    """
    raise NotImplementedError
