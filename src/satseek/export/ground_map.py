"""What was computed for the ground → one map of it, north up or not, in any CRS.

Knows nothing of what the values mean beyond their names, nor of the file that they may become.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COEFFICIENTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundMap:
    """A raster of scores or of classes that lies on the ground."""

    values: NDArray[np.float32] | NDArray[np.uint8]
    """Shape (h, w): float32 scores of a heat map, or uint8 numbers of classes."""
    crs: str
    """Such as ``EPSG:32633``, or WKT."""
    transform: tuple[float, float, float, float, float, float]
    """Affine (a, b, c, d, e, f): x = a·column + b·row + c, y = d·column + e·row + f; c, f are the
    outer corner of the first pixel."""
    nodata: float
    """Value where nothing is known; may be NaN in a float map."""
    names: tuple[str, ...] = ()
    """Of a class map: the class of value 0, 1, 2 …; of a heat map: what its values are, once."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape:  # noqa: PLR2004 - rows and columns
            raise InvalidRequest(f"expected a map of rows and columns, came {self.values.shape}")
        if self.values.dtype not in (np.float32, np.uint8):
            raise InvalidRequest(
                f"expected float32 scores or uint8 classes, came {self.values.dtype}"
            )
        if len(self.transform) != _COEFFICIENTS or not all(map(isfinite, self.transform)):
            raise InvalidRequest(f"expected six finite coefficients, came {self.transform}")
        if self.is_classes and (isnan(self.nodata) or not 0 <= self.nodata <= 255):  # noqa: PLR2004
            raise InvalidRequest(f"expected a nodata class from 0 to 255, came {self.nodata}")

    @property
    def is_classes(self) -> bool:
        """True: a class map; False: a heat map of scores."""
        return bool(self.values.dtype == np.uint8)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Shape (h, w); True where the map says something."""
        values = self.values
        known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
        return known if isnan(self.nodata) else known & (values != self.nodata)
