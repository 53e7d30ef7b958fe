"""The indexes that a Milvus may keep vectors with, and how each of them is asked.

Knows no connection. What is exact is told apart from what proposes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An index of Milvus for the vectors, and how it is asked."""

    name: str
    """As Milvus calls it."""
    exact: bool = False
    """True where it looks at every vector that passes."""
    build: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of its making."""
    search: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of a search."""
    wide: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of a search that looks into every list."""
    refined: str | None = None
    """Parameter that says how many candidates are compared with the vectors themselves."""


_LISTS = 1_024
"""Lists of an IVF: about the root of a sealed segment's million rows (Milvus docs, IVF_FLAT)."""

_PROBES = 128
"""Lists looked into. Words lie far from all images, so that their neighbours are spread over many
lists: an eighth of all; not measured on a cluster."""

ENGINES: Mapping[str, Engine] = {
    one.name: one
    for one in (
        Engine(name="FLAT", exact=True),
        Engine(
            name="IVF_FLAT",
            build={"nlist": _LISTS},
            search={"nprobe": _PROBES},
            wide={"nprobe": _LISTS},
        ),
        Engine(
            name="HNSW",
            build={"M": 32, "efConstruction": 200},
            search={"ef": 512},
            wide={"ef": 8_192},
        ),
        Engine(
            name="SCANN",
            build={"nlist": _LISTS, "with_raw_data": True},
            search={"nprobe": _PROBES},
            wide={"nprobe": _LISTS},
            refined="reorder_k",
        ),
        Engine(
            name="IVF_RABITQ",
            build={"nlist": _LISTS, "refine": True, "refine_type": "FP16"},
            search={"nprobe": _PROBES, "rbq_query_bits": 0, "refine_k": 8.0},
            wide={"nprobe": _LISTS, "rbq_query_bits": 0, "refine_k": 8.0},
        ),
    )
}
"""Indexes that a collection may be kept with."""


def engine_named(name: str, *, lite: bool) -> Engine:
    """Give the engine of a name; ``auto``: SCANN on a server, FLAT in Milvus Lite.

    Raises:
        InvalidRequest: No such engine, or not there.
    """
    known = ("FLAT", "IVF_FLAT", "HNSW") if lite else tuple(ENGINES)
    chosen = {"AUTO": "FLAT" if lite else "SCANN"}.get(name.upper(), name.upper())
    if chosen not in known:
        where = "Milvus Lite" if lite else "Milvus"
        raise InvalidRequest(
            f"index of {where}: expected auto or one of {', '.join(known)}, came {name!r}"
        )
    return ENGINES[chosen]
