"""Turns tensors and token ids into features: one file per runtime behind one Protocol.

Does not know pixels, texts or unit vectors.
"""

from __future__ import annotations

from satseek.engines.protocol import Engine

__all__ = ["Engine"]
