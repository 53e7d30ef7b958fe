"""What happens while parts are read, and vectors → parts that are written down, in order.

Does not know where the candidates lie, nor what the table will look like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from satseek.embed.streaming import embed_stream
from satseek.search.classifying_plan import Cells, Lost
from satseek.search.classifying_reading import (
    ItemBegun,
    PartBegun,
    PartEnded,
    Read,
    Refused,
    Skipped,
    pixels_of,
    read_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.search.classifying_parts import Told
    from satseek.search.classifying_plan import Item, Part
    from satseek.search.classifying_reading import Event
    from satseek.search.classifying_rows import Scorer
    from satseek.types import Recipe

NOTHING = "no chip of it has enough valid pixels"


class Done(Protocol):
    """Parts that are done."""

    def has(self, part: Part) -> bool:
        """Tell whether a part is."""

    def write(self, part: Part, items: Sequence[Told]) -> None:
        """Write down what became of its items; durable when it returns."""


class Recording:
    """One run over all parts; takes events in order, in one thread."""

    def __init__(
        self,
        done: Done,
        scorer: Scorer,
        *,
        total: Callable[[], int],
        on_progress: Callable[[int, int, str], None],
    ) -> None:
        """Begin nothing yet.

        Args:
            done: Parts that are done, and where others are written down.
            scorer: Of the labels.
            total: Tells how many files there are, as far as is known.
            on_progress: Told images and cells done, all known so far, and a file's name.
        """
        self.order: list[tuple[str, bool]] = []
        """Name of each part, and whether it is a range of one scene; in the order of the table."""
        self.done = 0
        """Images and cells that are done, by whichever run."""
        self.resumed = 0
        """Of these, by an earlier run."""
        self._parts = done
        self._scorer = scorer
        self._files = total
        self._on_progress = on_progress
        self._part: Part | None = None
        self._item: Item | None = None
        self._told: list[Told] = []
        self._before = 0
        """Images and cells that were done before the part at work."""
        self._more = 0
        """Cells beyond the first of each scene, which is counted as a file already."""

    def embed(
        self,
        parts: Iterable[Part],
        embedder: Embedder,
        *,
        recipe: Recipe,
        batch: int,
        workers: int,
        readers: int,
        max_pixels: int,
    ) -> None:
        """Do every part that is not done; see ``embed_stream`` and ``read_parts``."""
        events = read_parts(
            parts,
            is_done=self._parts.has,
            recipe=recipe,
            card=embedder.card,
            max_pixels=max_pixels,
            readers=readers,
        )
        stream = embed_stream(
            events, pixels=pixels_of, embedder=embedder, batch=batch, workers=workers
        )
        for some, vectors in stream:
            self._take(some, iter(vectors))

    def found(self, parts: Iterable[Part], *, done_before: int) -> None:
        """Take parts for done that somebody else has done.

        Args:
            parts: All of them, in the order of the table.
            done_before: Images and cells of those that were done before this run.
        """
        for part in parts:
            self.order.append((part.name, part.is_range))
            self.done += part.images
        self.resumed = done_before

    def _take(self, events: Sequence[Event], vectors: Iterator[NDArray[np.float32]]) -> None:
        for event in events:
            match event:
                case PartBegun(part, is_done):
                    self._begin(part, is_done=is_done)
                case ItemBegun(item):
                    self._end_item()
                    self._item = item
                    self._told.append(_told(item))
                case Read(chip):
                    row = {
                        "id": self._told[-1]["id"] if chip is None else chip.id,
                        "footprint": None if chip is None else chip.footprint,
                        "scores": self._scorer.scores(next(vectors)),
                    }
                    self._told[-1]["rows"].append(row)
                    self.done += 1
                case Skipped():
                    self._told[-1]["skipped"] += 1
                    self.done += 1
                case Refused(refusal):
                    self._told[-1] |= {"refused": refusal.reason, "kind": refusal.kind}
                case PartEnded():
                    self._end_part()
        total = max(self._files() + self._more, self.done)
        self._on_progress(self.done, total, self._told[-1]["id"] if self._told else "")

    def _begin(self, part: Part, *, is_done: bool) -> None:
        self.order.append((part.name, part.is_range))
        self._more += sum(_beyond_the_file(item) for item in part.items)
        self._part, self._item, self._told, self._before = part, None, [], self.done
        if is_done:
            self.done += part.images
            self.resumed += part.images

    def _end_item(self) -> None:
        """Take back what was read of what is refused; refuse what has no row at all."""
        if self._item is None:
            return
        told = self._told[-1]
        if told["refused"]:
            told["rows"] = []
        elif not told["rows"] and _is_all(self._item):
            told |= nothing_in(told)

    def _end_part(self) -> None:
        self._end_item()
        assert self._part is not None
        self._parts.write(self._part, self._told)
        self.done = self._before + self._part.images
        self._item = None


def nothing_in(told: Told) -> Told:
    """Refuse a scene without any chip."""
    return told | {"rows": [], "refused": f"{told['id']}: {NOTHING}", "kind": "NoValidPixels"}


def _told(item: Item) -> Told:
    if isinstance(item, Lost):
        name, path, taken = item.refusal.path, item.path, None
    else:
        name, path, taken = item.scene.id, item.scene.path, item.scene.datetime
    moment = taken.isoformat() if taken else None
    return {
        "id": name,
        "path": path,
        "datetime": moment,
        "refused": "",
        "kind": "",
        "skipped": 0,
        "rows": [],
    }


def _is_all(item: Item) -> bool:
    """Tell whether an item is all that there is of its scene."""
    return not isinstance(item, Cells) or item.stop - item.start == item.total


def _beyond_the_file(item: Item) -> int:
    return item.stop - item.start - (item.start == 0) if isinstance(item, Cells) else 0
