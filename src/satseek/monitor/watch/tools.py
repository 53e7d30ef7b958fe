"""What it takes to run a watch, in one hand.

Does not know where any of it comes from: doors and jobs put it together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.search.concepts import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.protocol import Searchable
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.watch.keeping import Watches
    from satseek.search.concepts import ConceptStore
    from satseek.search.glossary import Glossary
    from satseek.types import Concept


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTools:
    """What it takes to run a watch."""

    collection: Collection
    """The watch's, open for reading, with all new scenes in it."""
    embedder: Embedder
    """Of the model that made its vectors."""
    watches: Watches
    """Where watches, and what they have looked at, are kept."""
    findings: Findings
    """Where findings are kept, in the same folder, with those among its listeners who are told of
    alerts."""
    pictures: Pictures
    """Where pictures of findings are kept."""
    concepts: ConceptStore
    """Concepts that a watch may name."""
    opened: Callable[[str], AbstractContextManager[Searchable]]
    """Lends a collection in which clicked chips lie, as `search.examples` wants it."""
    glossary: Glossary | None = None
    """Chinese words; None: the shipped ones."""

    def saved_concept(self, reference: str) -> Concept:
        """Give a saved concept, ``mines`` or ``mines@3``; raises ConceptNotFound."""
        return self.concepts.get(*parse_reference(reference))
