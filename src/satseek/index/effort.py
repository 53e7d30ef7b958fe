"""A collection and queries → the effort that each kind takes, measured and kept; codes mended.

Does not know where the queries come from.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.checks import check_vectors
from satseek.index.tuning import (
    KINDS,
    LEAST_QUERIES,
    TUNED_K,
    Effort,
    Tuning,
    check_queries,
    least_effort,
    merged,
)
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.index.codes import Codes
    from satseek.index.pinned import Pinned
    from satseek.index.protocol import QueryKind, Rows
    from satseek.index.reading import Reader
    from satseek.types import Vectors

_FIRST_LOOK = 8_192
"""Candidates looked at first; more only for kinds that these are too few for."""

_MOST_SHARE = 1 / 8
"""Share of all codes up to which candidates are worth it."""

_QUERIES_AT_ONCE = 32
"""Queries whose candidates are held at a time: 32 MB of 125,000 each."""

_GROWN = 1.25
"""Times the rows that codes were learnt from, from which learning them again may help."""

_log = logging.getLogger(__name__)


def tune(reader: Reader, queries: Mapping[QueryKind, Vectors], *, recall: float) -> Tuning:
    """Find the fewest candidates with which each kind of query reaches a recall, and keep them.

    Args:
        reader: Of the collection.
        queries: Unit vectors by kind, 20 or more of each.
        recall: Share of the ten nearest chips that is to be found, in the mean.

    Raises:
        InvalidRequest: An unknown kind, too few queries, or a recall that is none.
        ModelMismatch: The queries have another length than the vectors.
    """
    for kind, vectors in queries.items():
        check_queries(kind, len(vectors), recall)
    with reader.pinned() as pinned:
        dim = pinned.spec.dim
        checked = {kind: check_vectors(queries[kind], dim=dim) for kind in KINDS if kind in queries}
        coding, db, view = reader.coding, pinned.db, pinned.view
        codes = coding.prepare(db, view) if coding.worth(view) else None
        if codes is None:
            return _scanned(pinned, checked, recall=recall)
        found = Tuning(
            wanted=recall,
            codes=codes.name,
            covered=codes.covered,
            generation=pinned.generation,
            when=datetime.now(UTC),
            kinds={
                kind: _effort(pinned, codes, vectors, recall=recall)
                for kind, vectors in checked.items()
            },
        )
        for kind, one in found.kinds.items():
            line = {"kind": kind, "candidates": one.candidates, "recall": one.recall}
            log_line(_log, "tuned", collection=pinned.spec.name, codes=codes.name, **line)
        tuning = merged(coding.tuning(db, view, codes), found)
        coding.keep_tuning(db, view, codes, tuning)
        return tuning


def current(reader: Reader) -> Tuning | None:
    """Give the effort that was measured with the codes in use; None where none was."""
    with reader.pinned() as pinned:
        coding, db, view = reader.coding, pinned.db, pinned.view
        codes = coding.found(db, view) if coding.worth(view) else None
        return None if codes is None else coding.tuning(db, view, codes)


def mend(reader: Reader, queries: Mapping[QueryKind, Vectors], *, recall: float) -> bool:
    """Learn the codes anew where that may help, then tune what there are queries enough for.

    Searches go on meanwhile.

    Args:
        reader: Of the collection.
        queries: Unit vectors by kind, such as were asked lately.
        recall: As of ``tune``.

    Returns:
        Whether the codes were learnt anew.
    """
    with reader.pinned() as pinned:
        coding, db, view = reader.coding, pinned.db, pinned.view
        codes = coding.prepare(db, view) if coding.worth(view) else None
        if codes is None:
            return False
        grown = view.segments.rows >= _GROWN * codes.trained_at
        renewed = grown or coding.drifted(view)
        if renewed:
            coding.renew(db, view)
        fitting = {
            kind: vectors
            for kind, vectors in queries.items()
            if len(vectors) >= LEAST_QUERIES and vectors.shape[1] == view.segments.dim
        }
    if fitting:
        tune(reader, fitting, recall=recall)
    return renewed


def _scanned(pinned: Pinned, queries: Mapping[QueryKind, Vectors], *, recall: float) -> Tuning:
    """Say of a collection without codes that every chip is compared."""
    every = len(pinned)
    return Tuning(
        wanted=recall,
        codes="",
        covered=0,
        generation=pinned.generation,
        when=datetime.now(UTC),
        kinds={
            kind: Effort(candidates=every, recall=1.0, least_recall=1.0, queries=len(vectors))
            for kind, vectors in queries.items()
        },
    )


def _effort(pinned: Pinned, codes: Codes, queries: Vectors, *, recall: float) -> Effort:
    truth = pinned.search_exactly(queries, k=TUNED_K).rows
    limit = max(int(codes.covered * _MOST_SHARE), TUNED_K)
    most = min(_FIRST_LOOK, limit)
    while True:
        places = _places(pinned, codes, queries, truth, most)
        effort = least_effort(places, recall=recall, most=most)
        if effort.least_recall >= recall or most == limit:
            return effort
        most = min(4 * most, limit)


def _places(
    pinned: Pinned, codes: Codes, queries: Vectors, truth: Rows, most: int
) -> NDArray[np.float64]:
    """Give the place of each true answer among the candidates; see ``tuning.recalls``."""
    mask = pinned.view.mask(None)
    places = np.full(truth.shape, np.inf)
    places[truth < 0] = np.nan
    places[truth >= codes.covered] = 0  # rows without codes are compared in any case
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        part = slice(start, start + _QUERIES_AT_ONCE)
        fetched = codes.candidates(queries[part], most, mask=mask)
        for line, true, rows in zip(places[part], truth[part], fetched, strict=True):
            near = rows[rows >= 0]
            if not near.size:
                continue
            order = np.argsort(near)
            at = order[np.minimum(np.searchsorted(near, true, sorter=order), near.size - 1)]
            there = near[at] == true
            line[there] = at[there] + 1
    return places
