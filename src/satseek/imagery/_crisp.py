"""A source whose pixels are blended, and itself unblended → one whose classes are never blended.

Does not know files. Between class 3 and class 9 there is no class 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.imagery.stac_bands import is_classes

if TYPE_CHECKING:
    from satseek.imagery._sources import BandLayout, RasterSource, Reducing, Samples
    from satseek.types import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class CrispSource:
    """A `Source` over two others that differ in how pixels are blended alone."""

    name: str
    width: int
    height: int
    layout: BandLayout
    smooth: RasterSource
    """Reads all bands but those of classes."""
    crisp: RasterSource
    """Reads those, by nearest neighbour."""
    classes: frozenset[int]
    """1-based bands that hold classes or bits."""

    @classmethod
    def of(
        cls, smooth: RasterSource, *, crisp: RasterSource, classes: frozenset[int]
    ) -> CrispSource:
        """Read ``classes`` from ``crisp`` and all else from ``smooth``."""
        return cls(
            name=smooth.name,
            width=smooth.width,
            height=smooth.height,
            layout=smooth.layout,
            smooth=smooth,
            crisp=crisp,
            classes=classes,
        )

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`."""
        return self._of(bands).read(window, bands=bands, step=step, by=by)

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`."""
        return self._of(bands).sample(bands=bands, edge=edge)

    def _of(self, bands: tuple[int, ...]) -> RasterSource:
        return self.crisp if self.classes.issuperset(bands) else self.smooth


def crisp_bands(layout: BandLayout) -> frozenset[int]:
    """1-based bands that hold classes or bits, by their names."""
    named = enumerate(layout.descriptions, 1)
    return frozenset(band for band, name in named if is_classes(name))
