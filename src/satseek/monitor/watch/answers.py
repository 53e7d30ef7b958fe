"""Findings that people decided on, and chips that they showed → labelled chips to learn from.

Does not know scores. Of a finding its best chip counts, once: a large site is one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.findings.keeping import FindingFilter
from satseek.search.concepts import parse_reference
from satseek.search.directions import Examples
from satseek.search.examples import vector_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from satseek.index.protocol import Searchable
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.watch.keeping import Watches
    from satseek.monitor.watch.watch import Watch
    from satseek.search.concepts import ConceptStore
    from satseek.types import ModelCard, Vectors

    Opened = Callable[[str], AbstractContextManager[Searchable]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """Chips of which it is known whether they show what is looked for."""

    chips: tuple[str, ...]
    """``collection/chip id``."""
    vectors: Vectors
    """float32 (n, dim), unit rows."""
    right: NDArray[np.bool_]
    """Shape (n,): True where they do."""
    missed: tuple[str, ...]
    """Chips that are there no more, or are of another model: they teach nothing."""

    def examples(self, among: NDArray[np.bool_] | None = None) -> Examples:
        """Give them, or some of them, as a probe learns from them."""
        some = np.ones(len(self.chips), dtype=np.bool_) if among is None else among
        return Examples(
            liked=self.vectors[some & self.right], disliked=self.vectors[some & ~self.right]
        )


def gather_answers(
    watch: Watch,
    *,
    findings: Findings,
    watches: Watches,
    concepts: ConceptStore,
    card: ModelCard,
    opened: Opened,
) -> Answers:
    """Collect what people said: in the watch, its concept, of chips, and by deciding on findings.

    Where two of them disagree on a chip the later one in this order counts.

    Args:
        watch: Whose.
        findings: Where its findings are kept.
        watches: Where chips that people showed are kept.
        concepts: Where the concept that it names is kept.
        card: The model whose vectors are wanted.
        opened: Lends a collection, or raises CollectionNotFound.

    Raises:
        ConceptNotFound: the watch names a concept that is not there.
    """
    said: dict[str, bool] = {}
    liked, disliked = chips_of(watch, concepts)
    said |= dict.fromkeys(liked, True) | dict.fromkeys(disliked, False)
    said |= {one.chip: one.verdict == "liked" for one in watches.answers(watch.name)}
    said |= dict(_decided(watch, findings))
    found = {chip: vector_of(chip, card=card, opened=opened) for chip in said}
    known = [chip for chip, vector in found.items() if vector is not None]
    none = np.empty((0, card.dim), dtype=np.float32)
    there = [vector for vector in found.values() if vector is not None]
    return Answers(
        chips=tuple(known),
        vectors=np.concatenate([none, *there]),
        right=np.array([said[chip] for chip in known], dtype=np.bool_),
        missed=tuple(chip for chip, vector in found.items() if vector is None),
    )


def chips_of(watch: Watch, concepts: ConceptStore) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the liked and the disliked chips of a watch and of the concept that it names."""
    own = watch.concept
    if not own.saved:
        return own.liked, own.disliked
    saved = concepts.get(*parse_reference(own.saved))
    return (*saved.liked, *own.liked), (*saved.disliked, *own.disliked)


def _decided(watch: Watch, findings: Findings) -> Iterable[tuple[str, bool]]:
    """Give the best chip of each finding that was confirmed or rejected, also of closed ones."""
    where = FindingFilter(
        kinds=("watch",), sources=(watch.name,), states=("confirmed", "rejected", "closed")
    )
    for finding in findings.all(where):
        right = _is_right(finding, findings)
        chip = next((one.chip_id for one in finding.evidence if one.side == "after"), None)
        if right is not None and chip is not None:
            yield f"{finding.collection}/{chip}", right


def _is_right(finding: Finding, findings: Findings) -> bool | None:
    """Tell what people decided; None: they closed it without saying."""
    if finding.state != "closed":
        return finding.state == "confirmed"
    deeds = [step.deed for step in findings.history(finding.id)]
    decided = [deed for deed in deeds if deed in {"confirm", "reject"}]
    return decided[-1] == "confirm" if decided else None
