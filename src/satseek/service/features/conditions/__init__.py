"""CQL2, as text or JSON → a test of one feature, and what of it an index can answer by itself.

Does not know where features come from.
"""

from satseek.service.features.conditions.compiling import Test, compiled
from satseek.service.features.conditions.narrowing import narrowed
from satseek.service.features.conditions.parsing import read_condition

__all__ = ["Test", "compiled", "narrowed", "read_condition"]
