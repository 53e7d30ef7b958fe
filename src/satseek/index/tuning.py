"""Queries with their exact answers → how many candidates each kind of query needs, kept in a file.

Does not know how candidates are found. What is kept is derived: lost or stale, it is done without.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.protocol import QueryKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

KINDS: tuple[QueryKind, ...] = get_args(QueryKind)
"""What a query can be made of."""

RECALL = 0.98
"""The contract: of the ten nearest chips so many are found, in the mean over queries of a kind."""

TUNED_K = 10
"""Hits at which effort is tuned."""

LEAST_QUERIES = 20
"""Queries of a kind below which their mean says too little."""

_Z = 1.645
"""Of a one-sided bound that holds 95 times in a hundred (standard normal distribution)."""

_STEP = 1.1
"""Numbers of candidates that are tried lie so far apart."""

_LEAST_CANDIDATES = 4 * TUNED_K
"""Fewest candidates that are tried: new chips come between those that were looked at."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one kind of query needs."""

    candidates: int
    """Compared exactly for ten hits of all chips."""
    recall: float
    """Of the given queries with so many candidates, in the mean, 0–1."""
    least_recall: float
    """What that mean is above 95 times in a hundred: it reaches the recall that was wanted, or so
    many candidates are the most that are worth it."""
    queries: int
    """That it was measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The effort of each kind of query in one collection."""

    wanted: float
    """Recall that was wanted."""
    codes: str
    """Name of the codes that it was measured with."""
    covered: int
    """Rows that had codes."""
    generation: int
    """Of the collection."""
    when: datetime
    """When it was measured."""
    kinds: Mapping[QueryKind, Effort] = field(default_factory=dict)
    """By kind; one that is missing was not tuned."""

    def per_ten(self, kind: QueryKind, *, default: int) -> int:
        """Give the candidates for ten hits; mixed queries take the larger number of both others."""
        if kind in self.kinds:
            return self.kinds[kind].candidates
        if kind != "mixed":
            return default
        return max(self.per_ten(other, default=default) for other in ("text", "image"))

    def reaches(self, kind: QueryKind) -> bool:
        """Tell whether a kind was measured and reaches the recall that was wanted."""
        return kind in self.kinds and self.kinds[kind].least_recall >= self.wanted


def least_mean(values: NDArray[np.float64]) -> float:
    """Give what the mean of such values lies above 95 times in a hundred.

    Recalls are shares of ten hits: where all are alike by chance, as much spread is assumed as
    independent hits would have.
    """
    mean, count = float(values.mean()), len(values)
    missed = max(1 - mean, 1 / (count * TUNED_K))
    spread = max(float(values.std(ddof=1)), math.sqrt(missed * (1 - missed) / TUNED_K))
    return max(min(mean, 1 - 1e-9) - _Z * spread / math.sqrt(count), 0.0)


def most_mean(values: NDArray[np.float64]) -> float:
    """Give what the mean of such values lies below 95 times in a hundred."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else 1.0
    return float(values.mean()) + _Z * spread / math.sqrt(len(values))


def recalls(places: NDArray[np.float64], candidates: int) -> NDArray[np.float64]:
    """Give each query's share of true answers among its first candidates.

    Args:
        places: Shape (queries, k): the place of each true answer among the candidates, from 1 on;
            inf: not among them; nan: there are fewer than k answers.
        candidates: How many.
    """
    there = (~np.isnan(places)).sum(axis=1)
    found = (places <= candidates).sum(axis=1)
    return np.where(there > 0, found / np.maximum(there, 1), 1.0)


def least_effort(places: NDArray[np.float64], *, recall: float, most: int) -> Effort:
    """Find the fewest candidates with which the bound of the mean recall is as wanted.

    Args:
        places: As of ``recalls``.
        recall: Wanted.
        most: Candidates at most; where these are too few, they are given all the same.
    """
    count = float(min(_LEAST_CANDIDATES, most))
    while True:
        candidates = min(math.ceil(count), most)
        values = recalls(places, candidates)
        least = least_mean(values)
        if least >= recall or candidates == most:
            return Effort(
                candidates=candidates,
                recall=round(float(values.mean()), 4),
                least_recall=round(least, 4),
                queries=len(values),
            )
        count *= _STEP


def check_queries(kind: str, count: int, recall: float) -> None:
    """Refuse to tune what cannot be.

    Raises:
        InvalidRequest: An unknown kind, too few queries, or a recall that is none.
    """
    if kind not in KINDS:
        raise InvalidRequest(f"kind: expected one of {', '.join(KINDS)}, came {kind!r:.40}")
    if count < LEAST_QUERIES:
        raise InvalidRequest(f"{kind}: expected {LEAST_QUERIES} queries or more, came {count}")
    if not 0 < recall < 1:
        raise InvalidRequest(f"recall: expected more than 0 and less than 1, came {recall:g}")


def merged(former: Tuning | None, newer: Tuning) -> Tuning:
    """Keep what was measured before of kinds that were not measured now, for the same recall."""
    if former is None or (former.wanted, former.codes) != (newer.wanted, newer.codes):
        return newer
    return replace(newer, kinds={**former.kinds, **newer.kinds})


def save(tuning: Tuning, path: Path, *, proof: str) -> None:
    """Write to a file in one step.

    Args:
        tuning: What to keep.
        path: File; replaced.
        proof: Of the codes that it was measured with.
    """
    content = _to_json(tuning, proof)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(f"{_digest(content)}\n{content}\n", encoding="ascii")
    unfinished.replace(path)


def load(path: Path, *, proof: str) -> Tuning | None:
    """Read from a file; None where it is missing, damaged, or of other codes."""
    try:
        digest, _, content = path.read_text(encoding="ascii").partition("\n")
        if digest != _digest(content.strip()):
            _log.warning("damaged tuning is passed over path=%s", path)
            return None
        fields = json.loads(content)
        return _from_fields(fields) if fields.pop("proof") == proof else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("tuning cannot be read path=%s error=%s", path, error)
        return None


def is_damaged(path: Path) -> bool:
    """Tell whether a file of tuning is not what was written."""
    try:
        digest, _, content = path.read_text(encoding="ascii").partition("\n")
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return digest != _digest(content.strip())


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def _to_json(tuning: Tuning, proof: str) -> str:
    fields = asdict(tuning) | {"when": tuning.when.isoformat(), "proof": proof}
    return json.dumps(fields)


def _from_fields(fields: dict[str, Any]) -> Tuning:
    kinds = {kind: Effort(**one) for kind, one in fields.pop("kinds").items()}
    when = datetime.fromisoformat(fields.pop("when")).astimezone(UTC)
    return Tuning(when=when, kinds=kinds, **fields)
