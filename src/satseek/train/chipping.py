"""Scenes of made-up counties and their ground truth become chips with labels and captions.

Knows no tower. The truth says what lies where; what counts as seen is decided in `captioning`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import InvalidConfig

if TYPE_CHECKING:
    from satseek.train.configuring import SourceConfig
    from satseek.train.reading import Pool


def read_county_pool(source: SourceConfig, *, px: int, seed: int) -> Pool:
    """Cut a county's chips at random places and scales."""
    raise InvalidConfig(f"{source.path}: no county reader")
