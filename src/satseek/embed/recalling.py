"""Turns inputs of one model seen before into their vectors; what is new is computed once.

Does not know towers, nor where vectors are kept: it makes the keys under which a cache keeps them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from satseek.embed.caching import UNOBSERVED
from satseek.embed.patience import current_patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from satseek.embed.caching import Cache, LookupObserver
    from satseek.types import ModelCard, Pixels, Vectors

Kind: TypeAlias = Literal["text", "image"]

Compute: TypeAlias = "Callable[[Sequence[int]], Vectors]"
"""Gives the vectors of the inputs at some positions, in their order."""

VECTORS_FORMAT = 1
"""Raised whenever the same input, model and engine would give another vector than before, or the
same vector would be written otherwise: what was kept before is then no longer found."""

UNIT_TOLERANCE = 1e-3
"""How far the length of a kept vector may be from one: further off it is no vector of ours."""

LOOK_SECONDS = 0.05
"""How often somebody who waits for another's computation looks whether anybody waits for them."""

_STORED = np.dtype("<f4")


class VectorMemory:
    """The vectors of one model, run in one way; safe to share between threads."""

    def __init__(
        self,
        cache: Cache,
        *,
        card: ModelCard,
        way: str = "",
        observer: LookupObserver = UNOBSERVED,
    ) -> None:
        """Keep vectors in a cache that other models, and other machines, may share.

        Args:
            cache: Where.
            card: The model.
            way: Runtime, device and precision that run it. Engines round differently: only those
                of the same kind share vectors.
            observer: Is told of every lookup.
        """
        self.model = model_key(card, way)
        """What keys say of the model and how it is run."""
        self._cache = cache
        self._dim = card.dim
        self._observer = observer
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    def recall(
        self,
        kind: Kind,
        digests: Sequence[str],
        compute: Compute,
        *,
        batch: int,
    ) -> Vectors:
        """Give the vector of each input, in their order: (len(digests), dim).

        Where several threads miss the same input at once, one computes it and the others wait for
        that; should it fail, they compute it themselves.

        Args:
            kind: Of the inputs.
            digests: One each, of ``text_digest`` or ``pixels_digest``; the same ones may recur.
            compute: Gives the vectors of the inputs at some positions, in their order.
            batch: Positions asked of ``compute`` at once; each batch is kept as it comes.

        Raises:
            Abandoned, DeadlineExceeded: nobody waits any more. And whatever ``compute`` raises.
        """
        keys = [f"{kind}:{self.model}:{digest}" for digest in digests]
        places = {key: at for at, key in reversed(list(enumerate(keys)))}  # the first of each
        known = self._kept(list(places))
        hits = sum(key in known for key in keys)
        self._observer.on_lookup(kind, hits, len(keys) - hits)
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            mine, others = self._claimed(missing)
            known |= self._flown(mine, places, compute, batch)
            landed = {key: flight.landed() for key, flight in others.items()}
            known |= {key: value for key, value in landed.items() if value is not None}
            left = [key for key in others if key not in known]
            for fresh in self._computed(left, places, compute, batch):
                known |= fresh
        vectors = np.empty((len(keys), self._dim), dtype=np.float32)
        for row, key in zip(vectors, keys, strict=True):
            row[:] = np.frombuffer(known[key], dtype=_STORED)
        return vectors

    def _kept(self, keys: Sequence[str]) -> dict[str, bytes]:
        found = zip(keys, self._cache.get_many(keys), strict=True)
        return {key: value for key, value in found if value and self._is_vector(value)}

    def _is_vector(self, value: bytes) -> bool:
        if len(value) != self._dim * _STORED.itemsize:
            return False
        length = float(np.linalg.norm(np.frombuffer(value, dtype=_STORED)))
        return abs(length - 1) <= UNIT_TOLERANCE

    def _claimed(self, keys: Sequence[str]) -> tuple[list[str], dict[str, _Flight]]:
        """Split keys into those to compute here and those that another thread is computing."""
        mine: list[str] = []
        others: dict[str, _Flight] = {}
        with self._lock:
            for key in keys:
                flight = self._flights.get(key)
                if flight is None:
                    self._flights[key] = _Flight()
                    mine.append(key)
                else:
                    others[key] = flight
        return mine, others

    def _flown(
        self, keys: Sequence[str], places: Mapping[str, int], compute: Compute, batch: int
    ) -> dict[str, bytes]:
        """Compute what was claimed; whoever waits for it goes on, whatever happens here."""
        made: dict[str, bytes] = {}
        try:
            for fresh in self._computed(keys, places, compute, batch):
                self._land(fresh)
                made |= fresh
        finally:
            self._land(dict.fromkeys(key for key in keys if key not in made))
        return made

    def _computed(
        self, keys: Sequence[str], places: Mapping[str, int], compute: Compute, batch: int
    ) -> Iterator[dict[str, bytes]]:
        """Compute and keep, batch by batch."""
        for start in range(0, len(keys), batch):
            part = keys[start : start + batch]
            vectors = compute([places[key] for key in part]).astype(_STORED, copy=False)
            fresh = {key: row.tobytes() for key, row in zip(part, vectors, strict=True)}
            self._cache.put_many(fresh)
            yield fresh

    def _land(self, values: Mapping[str, bytes | None]) -> None:
        with self._lock:
            flights = [(self._flights.pop(key), value) for key, value in values.items()]
        for flight, value in flights:
            flight.land(value)


class _Flight:
    """A vector that one thread computes and others wait for."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._value: bytes | None = None

    def land(self, value: bytes | None) -> None:
        """Give the vector to whoever waits; None: there is none."""
        self._value = value
        self._done.set()

    def landed(self) -> bytes | None:
        """Wait for the vector as long as anybody waits for us; None: it could not be computed."""
        while not self._done.wait(LOOK_SECONDS):
            current_patience().check()
        return self._value


def model_key(card: ModelCard, way: str) -> str:
    """Name a model and how it is run: ``name@version:digest``.

    The digest is of the runtime, device and precision, and of everything on the card that inputs
    go through on their way to a tower.
    """
    recipe = {
        "format": VECTORS_FORMAT,
        "way": way,
        "dim": card.dim,
        "image_size": card.image_size,
        "context_length": card.context_length,
        "preprocessing": asdict(card.preprocessing),
        "tokenization": asdict(card.tokenization),
    }
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    return f"{card.ref}:{digest}"


def text_digest(canonical: str) -> str:
    """SHA-256 of a text in UTF-8 as its vocabulary sees it: ``Tokenizer.canonical``."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def pixels_digest(square: Pixels) -> str:
    """SHA-256 of an image as the tower's square, before it is scaled to floats.

    Hashed are the ASCII text ``uint8 HEIGHTxWIDTHx3`` with a line break, then the samples row by
    row, red, green, blue.
    """
    shape = "x".join(str(edge) for edge in square.shape)
    digest = hashlib.sha256(f"{square.dtype} {shape}\n".encode())
    digest.update(np.ascontiguousarray(square).data)
    return digest.hexdigest()
