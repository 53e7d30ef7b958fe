"""Hits and chips → files that a GIS, an office and an archive open.

Knows neither the door through which they leave nor how a format is written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, Any

from satseek.embed.patience import current_patience
from satseek.errors import Conflict
from satseek.export.areas import areas_ha
from satseek.export.columns import BATCH, columns_of
from satseek.export.feature import Feature
from satseek.export.formats import check, format_named, format_of, write
from satseek.export.origin import Origin
from satseek.export.projecting import WGS84
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.export.columns import Column
    from satseek.export.feature import Property
    from satseek.export.formats import Format
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.index.spec import CollectionSpec
    from satseek.types import Chip, Hit, Query, Scene, Vectors

_DECIMALS = 4
"""Of hectares: a square metre."""

_TAKEN = frozenset(
    {"id", "type", "geometry", "geom", "bbox", "links", "assets", "stac_version", "embedding"}
    | {"stac_extensions", "fid", "wkt", "x", "y", "lon", "lat", "chip", "collection", "scene"}
    | {"cell", "level", "datetime", "valid_fraction", "area_ha", "rank", "cosine", "match"}
    | {"share", "percentile", "probability"}
)
"""Names of columns that no property of a scene may have; such a one is given as ``scene_NAME``."""

_ANY = Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How features are to be written."""

    format: str | None = None
    """Name of a format; None: by the file's name."""
    crs: str = WGS84
    """Of the coordinates."""
    vectors: bool = False
    """True: with the vectors of chips."""

    def checked(self, path: Path) -> Format:
        """Give the format, once it is known that it can hold what is asked for.

        Raises:
            InvalidRequest: it cannot, or there is none.
            DependencyMissing: it needs a package that is not installed.
        """
        kind = format_of(path) if self.format is None else format_named(self.format)
        check(kind, crs=self.crs, vectors=self.vectors)
        return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits of one collection, as they are to be written."""

    hits: Sequence[Hit]
    """Best first."""
    spec: CollectionSpec
    """The collection that answered."""
    scenes: Mapping[str, Scene]
    """Scenes of the hits, by id; those that are not there tell nothing."""
    vectors: Vectors | None = None
    """float32 (n, dim), a row a hit; None: not asked for."""


def found_hits(
    hits: Sequence[Hit], collection: Collection, *, vectors: Vectors | None = None
) -> Found:
    """Put hits together with the scenes that they were found in."""
    wanted = {hit.chip.scene_id for hit in hits}
    scenes = {name: collection.find_scene(name) for name in wanted}
    known = {name: scene for name, scene in scenes.items() if scene is not None}
    return Found(hits=hits, spec=collection.spec, scenes=known, vectors=vectors)


def write_hits(
    found: Sequence[Found], path: Path, *, choices: Choices, facts: Mapping[str, str]
) -> int:
    """Write hits, those of several collections by their rank; returns how many they were.

    Raises:
        Whatever ``Choices.checked`` and ``export.write`` raise; nothing was written then.
    """
    choices.checked(path)
    features = list(chain.from_iterable(_hit_features(one) for one in found))
    features.sort(key=lambda one: int(str(one.properties["rank"])))
    specs = [one.spec for one in found]
    origin = _origin("hits", specs, choices=choices, facts=facts)
    return write(features, path, format=choices.format, crs=choices.crs, origin=origin)


def write_chips(
    collection: Collection,
    path: Path,
    *,
    where: Filter = _ANY,
    choices: Choices,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the chips of one generation that pass a filter, some at a time.

    Args:
        collection: Open for reading.
        path: Replaced if it is there.
        where: Which chips.
        choices: How.
        on_progress: Told how many of how many are on their way.

    Raises:
        InvalidFilter: the filter cannot be.
        Abandoned, DeadlineExceeded: nobody waits any more.
        Whatever ``Choices.checked`` and ``export.write`` raise; nothing was written then.
    """
    choices.checked(path)
    scenes = {one.id: _scene_properties(one) for one in collection.scenes()}
    with collection.pinned() as index:
        facts = {**filter_facts(where), "generation": str(index.generation)}
        return write(
            _chips(index, where, scenes, choices=choices, on_progress=on_progress),
            path,
            format=choices.format,
            crs=choices.crs,
            origin=_origin("chips", [index.spec], choices=choices, facts=facts),
            columns=_chip_columns(scenes.values()),
        )


def query_facts(query: Query, *, plan: str, generation: int) -> dict[str, str]:
    """Say what was asked, in the words of the query."""
    asked = {
        "words": "; ".join(filter(None, [query.text, *query.prompts])),
        "not": "; ".join(query.negatives),
        "image": "an example image" if query.image is not None else "",
        "liked": ", ".join(query.liked),
        "disliked": ", ".join(query.disliked),
        **filter_facts(query.where),
        "k": str(query.k),
        "least percentile": _shortest(query.least),
        "one hit per": query.group_by or "",
        "near-duplicates from": _shortest(query.duplicate_cosine),
        "plan": plan,
        "generation": str(generation),
    }
    return {name: value for name, value in asked.items() if value}


def _shortest(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def filter_facts(where: Filter) -> dict[str, str]:
    """Say which chips might answer."""
    asked = {
        "area": json.dumps(where.area) if where.area is not None else "",
        "start": where.start.isoformat() if where.start else "",
        "end": where.end.isoformat() if where.end else "",
        "scenes": ", ".join(where.scene_ids),
        "attributes": json.dumps(dict(where.attributes)) if where.attributes else "",
        "levels": ", ".join(map(str, where.levels)),
    }
    return {name: value for name, value in asked.items() if value}


def _hit_features(found: Found) -> Iterator[Feature]:
    areas = areas_ha(hit.chip.footprint for hit in found.hits)
    for at, hit in enumerate(found.hits):
        scene = found.scenes.get(hit.chip.scene_id)
        properties: dict[str, Property] = {"rank": hit.rank}
        properties |= {str(kind): value for kind, value in hit.scores.items()}
        properties |= _chip_properties(hit.chip, found.spec.name, float(areas[at]))
        yield Feature(
            id=hit.chip.id,
            geometry=hit.chip.footprint,
            properties=properties | (_scene_properties(scene) if scene else {}),
            vector=None if found.vectors is None else found.vectors[at],
        )


def _chips(
    index: Pinned,
    where: Filter,
    scenes: Mapping[str, dict[str, Property]],
    *,
    choices: Choices,
    on_progress: Callable[[int, int], None],
) -> Iterator[Feature]:
    after, done = -1, 0
    while True:
        current_patience().check()
        rows, total = index.page(where=where, after=after, limit=BATCH)
        on_progress(done, total)
        if not rows:
            return
        chips = index.chips(rows)
        vectors = index.vectors(rows) if choices.vectors else None
        areas = areas_ha(chip.footprint for chip in chips)
        for at, chip in enumerate(chips):
            own = _chip_properties(chip, index.spec.name, float(areas[at]))
            yield Feature(
                id=chip.id,
                geometry=chip.footprint,
                properties=own | scenes.get(chip.scene_id, {}),
                vector=None if vectors is None else vectors[at],
            )
        after, done = rows[-1], done + len(rows)


def _chip_properties(chip: Chip, collection: str, area: float) -> dict[str, Property]:
    return {
        "collection": collection,
        "scene": chip.scene_id,
        "cell": chip.cell,
        "level": chip.level,
        "datetime": chip.datetime,
        "valid_fraction": chip.valid_fraction,
        "area_ha": None if chip.footprint is None else round(area, _DECIMALS),
    }


def _scene_properties(scene: Scene) -> dict[str, Property]:
    """Give what is known of a scene and fits into one cell of a table."""
    return {
        f"scene_{name}" if name.lower() in _TAKEN else name: value
        for name, value in scene.properties.items()
        if isinstance(value, str | int | float | bool)
    }


def _chip_columns(scenes: Iterable[Mapping[str, Property]]) -> tuple[Column, ...]:
    own: dict[str, Property] = {
        "collection": "",
        "scene": "",
        "cell": "",
        "level": 1,
        "datetime": datetime.now(UTC),
        "valid_fraction": 1.0,
        "area_ha": 1.0,
    }
    return columns_of([own, *scenes])


def _origin(
    layer: str, specs: Sequence[CollectionSpec], *, choices: Choices, facts: Mapping[str, str]
) -> Origin:
    models = {f"{one.model_name}@{one.model_version}" for one in specs}
    if choices.vectors and len(models) > 1:
        raise Conflict(
            f"vectors of {len(models)} models do not belong into one file; export one collection"
        )
    sizes = {(one.grid.chip_px, one.grid.stride_px) for one in specs}
    chip_px, stride_px = sizes.pop() if len(sizes) == 1 else (None, None)
    more: dict[str, Any] = {
        **facts,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "written by": f"satseek {version('satseek')}",
    }
    return Origin(
        layer=layer,
        collection=", ".join(one.name for one in specs),
        model=", ".join(sorted(models)),
        dim=specs[0].dim if choices.vectors and specs else None,
        chip_px=chip_px,
        stride_px=stride_px,
        facts=more,
    )
