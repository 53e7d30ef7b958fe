"""Vectors of the same cells on two dates → what is left of their steps once the shift is out.

Does not know which cells they are.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Shift: TypeAlias = "Literal['none', 'mean', 'fitted']"
"""What of the step from one date to the other counts as season, light and sensor. ``none``:
nothing; ``mean``: what all cells share; ``fitted``: besides, what follows from how a cell looks, so
that fields may turn yellow while forests do not. Where most of the ground has changed, as in a
flood, a fitted shift learns that: take ``mean`` or ``none`` then."""
