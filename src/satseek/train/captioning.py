"""What lies on a chip of a made-up county becomes sentences.

Knows no pixels: only shares of land cover and counts of things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

LABELS: Mapping[str, str] = {
    "farmland": "farmland",
    "forest": "forest",
    "meadow": "meadow",
    "river": "river",
    "lake": "lake",
    "sea": "sea",
    "beach": "beach",
    "road": "road",
    "bridge": "bridge",
    "dense_housing": "dense residential area",
    "sparse_housing": "sparse residential area",
    "industrial": "industrial area",
    "storage_tanks": "storage tanks",
    "airport": "airport",
    "harbour": "port",
    "quarry": "quarry",
    "solar_farm": "solar farm",
    "parking": "parking lot",
    "bare_land": "bare land",
    "mine": "open pit mine",
    "flooded_fields": "flooded fields",
    "interchange": "viaduct",
}
"""Land cover of a county's truth → the label that the other sources use for the same thing."""

ALSO: Mapping[str, tuple[str, ...]] = {
    "farmland": ("fields", "agricultural land"),
    "forest": ("woodland", "trees"),
    "lake": ("pond",),
    "dense_housing": ("residential area", "houses"),
    "sparse_housing": ("residential area", "houses"),
    "storage_tanks": ("oil tanks",),
    "harbour": ("harbour", "harbor"),
    "solar_farm": ("solar panels", "photovoltaic power station"),
    "mine": ("mine",),
    "flooded_fields": ("flood", "flooded land"),
    "bridge": ("bridge over a river",),
    "interchange": ("motorway interchange", "road"),
}
"""Land cover → further names that are true of it."""

PHRASES: Mapping[str, tuple[str, ...]] = {
    "farmland": (
        "farmland",
        "many pieces of farmland",
        "agricultural fields",
        "crop fields seen from above",
        "green and yellow fields",
    ),
    "forest": ("a forest", "dense green trees", "a wooded area", "woodland", "dark green forest"),
    "meadow": ("a meadow", "grassland", "a green meadow", "a piece of grass"),
    "river": ("a river", "a winding river", "a curved river", "water of a river", "a stream"),
    "lake": ("a lake", "a lake with its shore", "still water of a lake", "a pond"),
    "sea": ("the sea", "open water", "the ocean", "sea water", "blue sea"),
    "beach": ("a beach", "a sandy beach", "sand by the sea", "the coast with a beach"),
    "road": ("a road", "a road through the land", "a street", "a highway", "an asphalt road"),
    "bridge": ("a bridge", "a bridge over a river", "a road bridge across the water"),
    "dense_housing": (
        "a dense residential area",
        "many houses close together",
        "a crowded residential area",
        "rows of houses",
        "a dense neighbourhood",
    ),
    "sparse_housing": (
        "a sparse residential area",
        "a few scattered houses",
        "houses with gardens",
        "single houses among trees",
        "a village",
    ),
    "industrial": (
        "an industrial area",
        "large warehouses",
        "factory buildings",
        "halls of an industrial area",
        "a factory",
    ),
    "storage_tanks": (
        "storage tanks",
        "storage tanks in an industrial area",
        "round white tanks",
        "oil tanks",
        "an industrial area with storage tanks",
    ),
    "airport": (
        "an airport",
        "a runway",
        "an airport with a runway",
        "the runway of an airport",
        "an airfield",
    ),
    "harbour": (
        "a harbour",
        "a port",
        "a harbour with piers",
        "quays of a port",
        "a harbor by the sea",
    ),
    "quarry": ("a quarry", "a stone quarry", "bare rock of a quarry", "a gravel pit"),
    "solar_farm": (
        "a solar farm",
        "rows of solar panels",
        "a photovoltaic power station",
        "solar panels on a field",
        "a solar power plant",
    ),
    "parking": ("a parking lot", "a car park", "parked cars", "a parking area"),
    "bare_land": ("bare land", "bare soil", "bare ground", "an empty piece of brown land"),
    "mine": (
        "an open pit mine",
        "an open-pit mine",
        "a surface mine",
        "terraces of an open pit mine",
        "a mining site",
        "a new mine",
    ),
    "flooded_fields": (
        "flooded fields",
        "a flooded field",
        "farmland under water",
        "a flood over the fields",
        "flooded farmland",
        "flood water on the land",
    ),
    "interchange": (
        "a motorway interchange",
        "a viaduct",
        "a highway interchange",
        "crossing motorways",
        "a road junction with curved ramps",
    ),
}
"""Land cover → ways to say it, each true wherever the cover lies on a good part of a chip."""

THINGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "plane": (
        ("a plane", "an aircraft"),
        ("planes", "several planes", "parked planes", "airplanes"),
    ),
    "ship": (("a ship", "a boat"), ("ships", "several ships", "many boats", "moored ships")),
    "storage_tank": (
        ("a storage tank", "a round tank"),
        ("storage tanks", "round tanks", "many tanks"),
    ),
    "swimming_pool": (("a swimming pool",), ("swimming pools", "blue swimming pools")),
    "bridge": (("a bridge",), ("bridges",)),
}
"""Kind of thing → ways to say one of it, ways to say several."""

PLACES: Mapping[str, str] = {
    "airport": "in an airport",
    "harbour": "in a harbour",
    "sea": "on the sea",
    "river": "on a river",
    "industrial": "in an industrial area",
    "storage_tanks": "in an industrial area",
    "dense_housing": "in a residential area",
    "sparse_housing": "in a residential area",
    "parking": "on a parking lot",
    "mine": "in a mine",
    "quarry": "in a quarry",
}
"""Land cover → where a thing is that stands on it."""

FRAMES = (
    "{}",
    "{}",
    "{}",
    "an aerial image of {}",
    "a satellite image of {}",
    "aerial view of {}",
    "there is {}",
)
"""Sentences around a phrase."""

JOINTS = ("{} and {}", "{} next to {}", "{} with {}", "{} beside {}")
"""Two phrases in one sentence."""

MAIN_SHARE = 0.25
"""A cover is certainly on a chip where it fills this share; a quarter is seen at a glance."""

SMALL_SHARES: Mapping[str, float] = {
    "road": 0.12,
    "bridge": 0.02,
    "river": 0.12,
    "beach": 0.12,
    "storage_tanks": 0.12,
    "parking": 0.15,
    "harbour": 0.15,
    "solar_farm": 0.15,
}
"""Covers that are narrow by nature → the share from which they are certainly there."""

NOTHING_SHARE = 0.005
"""Below this share a cover counts as absent; between the two it is neither."""


def certain(shares: Mapping[str, float], things: Mapping[str, int]) -> list[str]:
    """Covers that a chip certainly shows, largest first.

    Args:
        shares: Land cover → share of the chip, 0–1.
        things: Kind of thing → number of them on the chip.
    """
    seen = [c for c, share in shares.items() if share >= SMALL_SHARES.get(c, MAIN_SHARE)]
    if things.get("bridge", 0) and "bridge" not in seen:
        seen.append("bridge")
    return sorted(seen, key=lambda cover: (-shares.get(cover, 0.0), cover))


def unsure(shares: Mapping[str, float], seen: list[str]) -> list[str]:
    """Covers that a chip shows a little of, and so neither shows nor lacks."""
    return sorted(c for c, share in shares.items() if share > NOTHING_SHARE and c not in seen)


def names(cover: str) -> frozenset[str]:
    """Every label that is true of a land cover."""
    return frozenset({LABELS[cover], *ALSO.get(cover, ())})


def known(shares: Mapping[str, float]) -> dict[str, float]:
    """The covers that there are words for; a county may hold others."""
    return {cover: share for cover, share in shares.items() if cover in LABELS}


def sentences(
    seen: list[str], things: Mapping[str, int], *, rng: np.random.Generator, count: int
) -> tuple[str, ...]:
    """Say in ``count`` sentences what a chip shows; fewer where there is nothing to say."""
    if not seen and not any(kind in THINGS for kind in things):
        return ()
    return tuple(_sentence(seen, things, rng) for _ in range(count))


def _sentence(seen: list[str], things: Mapping[str, int], rng: np.random.Generator) -> str:
    said = [_pick(PHRASES[cover], rng) for cover in seen[:3]]
    counted = [(kind, n) for kind, n in sorted(things.items()) if kind in THINGS]
    if counted and (not said or rng.random() < 0.5):  # noqa: PLR2004 -- every second sentence
        kind, n = counted[int(rng.integers(len(counted)))]
        thing = _pick(THINGS[kind][int(n > 1)], rng)
        place = next((PLACES[c] for c in seen if c in PLACES), "")
        return _pick(FRAMES, rng).format(f"{thing} {place}".strip())
    first = said[0]
    if len(said) > 1 and rng.random() < 0.5:  # noqa: PLR2004 -- every second sentence
        other = said[1 + int(rng.integers(len(said) - 1))]
        return _pick(JOINTS, rng).format(first, other)
    return _pick(FRAMES, rng).format(first)


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def every_phrase() -> Iterator[str]:
    """Every phrase of this module, so that a tokenizer knows the words before a county is seen."""
    for cover, phrases in PHRASES.items():
        yield from phrases
        yield from names(cover)
    for one, several in THINGS.values():
        yield from one
        yield from several
    yield from PLACES.values()
    for frame in FRAMES:
        yield frame.format("a county")
    for joint in JOINTS:
        yield joint.format("a field", "a forest")
