"""Whatever lies somewhere → one feature: a shape, what is said of it, and its vector.

Knows neither where it came from nor the format that it will be written in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from satseek.types import GeoJSON

Property: TypeAlias = "str | int | float | bool | datetime | None"
"""What a cell of a table can hold in every format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A shape on the ground and what is known of it."""

    id: str
    """Stable; of a hit: its chip's id."""
    geometry: GeoJSON | None
    """GeoJSON geometry on WGS 84, longitude first; None: without a place on Earth."""
    properties: Mapping[str, Property] = field(default_factory=dict)
    """What is said of it, in the order of columns; moments are timezone-aware."""
    vector: NDArray[np.float32] | None = None
    """Shape (dim,), the unit vector; None: not asked for."""
