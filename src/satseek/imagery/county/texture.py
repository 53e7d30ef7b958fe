"""Makes the textures that land is painted with: noise, tree crowns, furrows.

It does not know which land cover wears which texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satseek.imagery.county.inventory import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

Field: TypeAlias = NDArray[np.float32]
"""One value per pixel, shape (h, w)."""

PERIOD: Final = 1024
"""Textures repeat after so many pixels; power of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A pixel rectangle of the county: rows top..bottom, columns left..right (exclusive)."""

    top: int
    """First row."""
    bottom: int
    """Row after the last."""
    left: int
    """First column."""
    right: int
    """Column after the last."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this window in a county-sized array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Index of this window in an array that covers a larger one."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    def parts(self, size: int = 512) -> Iterator[Window]:
        """Cut into squares."""
        for top in range(self.top, self.bottom, size):
            for left in range(self.left, self.right, size):
                yield Window(
                    top=top,
                    bottom=min(self.bottom, top + size),
                    left=left,
                    right=min(self.right, left + size),
                )

    def axes(self) -> tuple[Field, Field]:
        """Column and row numbers as float32, shapes (1, w) and (h, 1)."""
        x = np.arange(self.left, self.right, dtype=np.float32)[None, :]
        y = np.arange(self.top, self.bottom, dtype=np.float32)[:, None]
        return x, y


@dataclass(frozen=True, slots=True, kw_only=True)
class Textures:
    """The textures of one county; every field repeats after `PERIOD` pixels."""

    grains: dict[int, Field]
    """Noise in -1..1 by grain size in pixels."""
    crowns: tuple[tuple[Field, Field], ...]
    """Forest kinds: (crown height in metres, tone around 1)."""

    @classmethod
    def drawn(cls, seed: int) -> Textures:
        """Draw the textures of one county."""
        grains = {size: _grain(seed, size) for size in (1, 2, 4, 8, 16, 32, 64, 128, 256)}
        crowns = tuple(
            _crowns(seed, kind, spacing) for kind, spacing in enumerate((8.0, 1024 / 180))
        )
        return cls(grains=grains, crowns=crowns)

    def noise(self, window: Window, *sizes: int, shift: int = 0, spread: int = 1) -> Field:
        """Mean noise of several grain sizes over a window, all made `spread` times larger."""
        total = np.zeros(window.shape, np.float32)
        for size in sizes:
            total += _wrapped(self.grains[size], window, 7 * shift, 13 * shift, spread)
        mean: Field = total / np.float32(len(sizes))
        return mean

    def forest(self, window: Window, kind: int) -> tuple[Field, Field]:
        """Crown height in metres and tone over a window."""
        height, tone = self.crowns[kind]
        return _wrapped(height, window, 0, 0, 1), _wrapped(tone, window, 0, 0, 1)


def wave(phase: Field) -> Field:
    """Triangle wave in -1..1 with period 1 (exact everywhere, unlike a sine)."""
    part = phase - np.floor(phase)
    return np.asarray(np.abs(part - np.float32(0.5)) * 4 - 1, np.float32)


def _wrapped(field: Field, window: Window, down: int, right: int, spread: int) -> Field:
    """Read a repeating field over a window, moved and enlarged."""
    height, width = window.shape
    top, left = window.top // spread + down, window.left // spread + right
    rows, columns = -(-height // spread) + 1, -(-width // spread) + 1
    part = np.empty((rows, columns), np.float32)
    for row in range(-(top % PERIOD), rows, PERIOD):
        for column in range(-(left % PERIOD), columns, PERIOD):
            target = part[max(row, 0) : row + PERIOD, max(column, 0) : column + PERIOD]
            first, second = max(-row, 0), max(-column, 0)
            source = field[first : first + target.shape[0], second : second + target.shape[1]]
            target[...] = source
    if spread > 1:
        part = part.repeat(spread, axis=0).repeat(spread, axis=1)
    skip_rows, skip_columns = window.top % spread, window.left % spread
    return part[skip_rows : skip_rows + height, skip_columns : skip_columns + width]


def _grain(seed: int, size: int) -> Field:
    """Smoothly interpolated random lattice, repeating after PERIOD pixels."""
    nodes = PERIOD // size
    lattice = stream(seed, "grain", size).random((nodes, nodes), dtype=np.float32) * 2 - 1
    if size == 1:
        return lattice
    steps = np.arange(PERIOD, dtype=np.float32) / size
    node = steps.astype(np.intp)
    part = steps - node
    part = part * part * (3 - 2 * part)
    following = (node + 1) % nodes
    rows = lattice[node] * (1 - part)[:, None] + lattice[following] * part[:, None]
    return (rows[:, node] * (1 - part) + rows[:, following] * part).astype(np.float32)


def _crowns(seed: int, kind: int, spacing: float) -> tuple[Field, Field]:
    """Crowns on a jittered lattice: each pixel belongs to the highest dome over it."""
    rng = stream(seed, "crowns", kind)
    count = round(PERIOD / spacing)
    jitter = rng.uniform(0.1, 0.9, (2, count, count)).astype(np.float32)
    radius = rng.uniform(0.5, 0.95, (count, count)).astype(np.float32) * np.float32(spacing)
    top = rng.uniform(8, 17, (count, count)).astype(np.float32)
    tint = rng.uniform(0.78, 1.2, (count, count)).astype(np.float32)
    axis = np.arange(PERIOD, dtype=np.float32) / np.float32(spacing)
    node = axis.astype(np.intp)
    part = axis - node
    height = np.zeros((PERIOD, PERIOD), np.float32)
    tone = np.full((PERIOD, PERIOD), 0.5, np.float32)
    for step_y in (-1, 0, 1):
        for step_x in (-1, 0, 1):
            rows, columns = (node + step_y) % count, (node + step_x) % count
            down, right, reach, rise, shade = (
                field.take(rows, axis=0).take(columns, axis=1)
                for field in (jitter[0], jitter[1], radius, top, tint)
            )
            dy = (down + np.float32(step_y) - part[:, None]) * np.float32(spacing)
            dx = (right + np.float32(step_x) - part[None, :]) * np.float32(spacing)
            inside = 1 - (dx * dx + dy * dy) / (reach * reach)
            dome = rise * (0.45 + 0.55 * np.sqrt(np.maximum(inside, 0))) * (inside > 0)
            higher = dome > height
            np.copyto(height, dome, where=higher)
            np.copyto(tone, shade, where=higher)
    return height, tone
