"""What answers look like in Python: the same from a server and from a data folder.

Does not know where they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from satseek.types import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model answered."""

    name: str
    """Its name."""
    version: str
    """Its version: 12 hex digits."""

    def __str__(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One chip that answers."""

    rank: int
    """1 is the best."""
    chip: str
    """Its id."""
    scene: str
    """Id of its scene."""
    cell: str
    """Grid cell: the same place has the same name at every date."""
    datetime: datetime | None
    """Acquisition time, UTC; None: unknown."""
    valid_fraction: float
    """Share of measured pixels, 0–1."""
    footprint: Mapping[str, Any] | None
    """GeoJSON geometry in degrees; None: the scene has no georeference."""
    scores: Mapping[str, float]
    """By kind: ``cosine``, ``percentile`` and, where words alone were asked, ``match``."""
    collection: str = ""
    """Where it was found."""
    server: str = ""
    """Address of the server where it was found, where several were asked together; empty: one."""

    def to_feature(self) -> dict[str, Any]:
        """The hit as a GeoJSON Feature."""
        properties = {
            "rank": self.rank,
            "collection": self.collection,
            "chip": self.chip,
            "scene": self.scene,
            "cell": self.cell,
            "datetime": self.datetime.isoformat() if self.datetime else None,
            "valid_fraction": self.valid_fraction,
            **({"server": self.server} if self.server else {}),
            **self.scores,
        }
        geometry = dict(self.footprint) if self.footprint else None
        return {
            "type": "Feature",
            "id": self.chip,
            "geometry": geometry,
            "properties": properties,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way in which an index could be searched."""

    name: str
    """Such as ``exact scan`` or ``PQ384x4fs``."""
    rows: int
    """Rows or codes that it looks at."""
    expected_ms: float
    """By the costs measured on that machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionExplanation:
    """Why one collection was searched as it was, and what it took."""

    collection: str
    """Its name."""
    living: int
    """Chips in it."""
    passing: int
    """Chips left by the filter."""
    ways: tuple[Way, ...]
    """The ways that could be taken; the first was."""
    candidates: int
    """Candidates compared exactly."""
    filter_ms: float
    """Near 0 where the filter was remembered."""
    search_ms: float
    """Spent on candidates and their comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an answer came about as it did, and what it took."""

    embedding_ms: float
    """Spent until words, images and clicks were one vector; little where remembered."""
    searches: int
    """Searches of an index: more than one each where many hits were left out."""
    collections: tuple[CollectionExplanation, ...]
    """What each collection says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Hits, best first; iterate over them, count them, take one by its place."""

    hits: tuple[Hit, ...]
    """Best first."""
    collection: str
    """Where they were found; of several collections the first."""
    model: Model
    """What made the vectors."""
    plan: str
    """Which way through the index was taken."""
    generation: int
    """State of the collection that answered."""
    seconds: float
    """From query to hits, without the network."""
    collections: tuple[str, ...] = ()
    """Every collection that was asked."""
    translated: str | None = None
    """What words that are not English were taken for; None: they were taken as asked."""
    weight: float | None = None
    """What clicked chips counted, the words counting 1; None: no chip was named."""
    concept: str | None = None
    """The concept that was asked, ``name@version``; None: none."""
    warnings: tuple[str, ...] = ()
    """What the reader should know of this answer."""
    explanation: Explanation | None = None
    """How the hits were found; None: nobody asked."""
    missing: tuple[str, ...] = ()
    """Servers that did not answer, where several were asked and that was allowed."""

    def __iter__(self) -> Iterator[Hit]:
        """Best first."""
        return iter(self.hits)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.hits)

    def __getitem__(self, place: int) -> Hit:
        """The hit at a place, 0 being the best."""
        return self.hits[place]

    def to_geojson(self) -> dict[str, Any]:
        """All hits as a GeoJSON FeatureCollection, as a GIS opens it."""
        return {
            "type": "FeatureCollection",
            "features": [hit.to_feature() for hit in self.hits],
            "collection": self.collection,
            "model": {"name": self.model.name, "version": self.model.version},
            "generation": self.generation,
        }

    def to_geodataframe(self) -> Any:
        """All hits as a ``geopandas.GeoDataFrame`` in EPSG:4326, a row each.

        Raises:
            DependencyMissing: geopandas is not installed.
        """
        try:
            geopandas = import_module("geopandas")
        except ModuleNotFoundError as error:
            raise DependencyMissing(
                "a GeoDataFrame needs geopandas: pip install geopandas"
            ) from error
        columns = ["rank", "collection", "chip", "scene", "cell", "datetime", "valid_fraction"]
        found = geopandas.GeoDataFrame.from_features(self.to_geojson()["features"], crs="EPSG:4326")
        if not len(self.hits):
            return geopandas.GeoDataFrame(columns=[*columns, "geometry"], crs="EPSG:4326")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """How one label, or text, fits an image."""

    label: str
    """As asked; “none of these” among a classification's."""
    scores: Mapping[str, float]
    """By kind: ``cosine``, ``match`` and, of a classification, ``share``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How labels fit one image."""

    labels: tuple[Label, ...]
    """Of a classification best first, of a comparison in the order asked."""
    model: Model
    """What says so."""
    translated: Mapping[str, str] = field(default_factory=dict)
    """What labels that are not English were taken for, by label."""

    @property
    def best(self) -> Label:
        """The label with the largest share, or, of a comparison, the largest cosine."""
        return max(self.labels, key=lambda one: one.scores.get("share", one.scores["cosine"]))

    def __iter__(self) -> Iterator[Label]:
        """In their order."""
        return iter(self.labels)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """Vectors of texts or images."""

    vectors: Vectors
    """float32 (n, dim), unit rows, in the order asked."""
    model: Model
    """What made them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection amounts to."""

    name: str
    """Its name."""
    model: Model
    """What made its vectors."""
    searchable: bool
    """False: that model is not at hand."""
    chips: int
    """How many there are to find."""
    scenes: int
    """How many there are."""
    refusals: int
    """Files that could not be used."""
    generation: int
    """Counts every commit."""
    extent: tuple[float, float, float, float] | None
    """West, south, east, north in degrees; None: no georeference."""
    start: datetime | None = field(default=None)
    """First acquisition; None: unknown."""
    end: datetime | None = field(default=None)
    """Last acquisition; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What lies in a collection's folder."""

    name: str
    """Name of the collection."""
    generation: int
    """That was counted."""
    chips: int
    """How many there are to find."""
    rows: int
    """Rows of vectors, dead ones included."""
    dead: int
    """Rows of chips that were replaced or removed: compaction gives their room back."""
    coded: int | None
    """Rows that have compressed codes; None: there are no codes."""
    bytes: int
    """Size of the folder."""
    bytes_of: Mapping[str, int]
    """The same by kind: database, log, vectors, codes, pending, other."""
    pending: str | None
    """Model whose vectors lie beside those in use, ``NAME@VERSION``; None: there are none."""
    recall: Mapping[str, float]
    """By kind of query, as the server saw it in searches that it answered twice; may be empty."""
