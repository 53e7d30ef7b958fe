"""How hits were found → what an answer shows of it.

Knows messages, nothing of how anything is found.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from satseek.search.explaining import explanation_of
from satseek.service.messages import ExplainedShown

if TYPE_CHECKING:
    from satseek.service.verbs import Found


def shown_explanation(found: Found) -> ExplainedShown | None:
    """Show how hits were found; None: nobody asked."""
    told = explanation_of(found.explained, only=found.collection)
    return None if told is None else ExplainedShown.model_validate(asdict(told))
