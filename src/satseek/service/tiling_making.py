"""What a map is asked of, and who asks → the map, or the one made before.

Knows what concepts and Chinese words come to, nothing of tiles.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.assemble.asking import labels_known
from satseek.errors import NotFound
from satseek.search.mapping_values import CellMap, Table, class_cells, heat_cells
from satseek.service.asking import question_of, seen_by, shown_by
from satseek.service.tiling_asking import ClassesAsked, HeatAsked
from satseek.service.tiling_drawing import NO_GROUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from satseek.assemble import Matched
    from satseek.index.pinned import Pinned
    from satseek.search.labelling import Known
    from satseek.service.access.principals import Principal
    from satseek.service.running import Running
    from satseek.types import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A map that is to be made."""

    key: str
    """Names everything that decides it, besides the generation of the collection."""
    make: Callable[[Pinned, Table], CellMap]
    """Makes it of a generation."""


def wanted(
    asked: HeatAsked | ClassesAsked, matched: Matched, *, shared: Running, who: Principal
) -> Wanted:
    """Look up what is named by words: concepts, and labels that are not English.

    Raises:
        ConceptNotFound, Untranslatable, InvalidRequest, EmptyText: what is asked cannot be.
    """
    if isinstance(asked, HeatAsked):
        return _heat(asked, matched, shared=shared, who=who)
    return _classes(asked, matched, shared=shared, who=who)


def made(want: Wanted, matched: Matched, index: Pinned, *, shared: Running) -> CellMap:
    """Give the map; raises NotFound where nothing lies on the ground."""
    tiling = shared.tiling
    cells = tiling.made.made(want.key, lambda table: want.make(index, table), index=index)
    if cells.nowhere and not tiling.mosaic(matched.collection, index).scenes:
        raise NotFound(NO_GROUND)
    return cells


def _heat(asked: HeatAsked, matched: Matched, *, shared: Running, who: Principal) -> Wanted:
    question, embedder = question_of(asked.search, None, shared=shared), matched.model.embedder
    others = None
    if question.concept is not None:
        others, _ = shown_by(question.concept, card=matched.model.card, shared=shared, who=who)
    glossary = shared.assembly.glossary
    examples = () if others is None else (others.liked, others.disliked)
    told = (question.query, question.ref, glossary.digest, _digest(examples))
    return Wanted(
        key=f"heat {embedder.memory_key} {told!r}",
        make=lambda index, table: heat_cells(
            question.query,
            index=index,
            embedder=embedder,
            table=table,
            glossary=glossary,
            others=others,
        ),
    )


def _classes(asked: ClassesAsked, matched: Matched, *, shared: Running, who: Principal) -> Wanted:
    embedder = matched.model.embedder
    known = known_of(asked, matched, shared=shared, who=who)
    told = (asked, known.negatives, sorted(known.vectors), _digest(known.vectors.values()))
    return Wanted(
        key=f"classes {embedder.memory_key} {told!r}",
        make=lambda index, table: class_cells(
            asked.labels,
            index=index,
            embedder=embedder,
            table=table,
            where=asked.where,
            templates=asked.templates,
            distractors=(*asked.distractors, *known.negatives),
            known=known.vectors,
        ),
    )


def known_of(asked: ClassesAsked, matched: Matched, *, shared: Running, who: Principal) -> Known:
    """Look up labels that are concepts or Chinese; raises as `wanted`."""
    return labels_known(
        asked.labels,
        model=matched.model,
        templates=asked.templates,
        parts=shared.assembly,
        opened=seen_by(who, shared),
    )


def _digest(vectors: Iterable[Vectors]) -> str:
    digest = hashlib.sha256()
    for one in vectors:
        digest.update(len(one).to_bytes(4, "little") + one.tobytes())
    return digest.hexdigest()
