"""Settings → working parts: the only room that names concrete engines and indexes.

Knows no door. Parts are opened when first asked for, once each, and are safe to use from threads.
"""

from satseek.assemble.assembling import Assembly, Matched
from satseek.assemble.laying_out import DEFAULT_GRID, DEFAULT_MIN_VALID, Layout
from satseek.assemble.models import Models
from satseek.assemble.served import ServedModel

__all__ = [
    "DEFAULT_GRID",
    "DEFAULT_MIN_VALID",
    "Assembly",
    "Layout",
    "Matched",
    "Models",
    "ServedModel",
]
