"""A label set → the same as JSON, for every door.

Does not know doors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from satseek.monitor.labels.labelling import LabelSet


def described_set(labels: LabelSet) -> dict[str, Any]:
    """Describe a label set with its labels, prompts and colours."""
    return {
        "name": labels.name,
        "names": dict(labels.names),
        "labels": [
            {
                "name": one.name,
                "names": dict(one.names),
                "colour": None if one.colour is None else "#" + bytes(one.colour).hex(),
                "prompts": list(one.prompts),
                "properties": dict(one.properties),
            }
            for one in labels.labels
        ],
        "distractors": list(labels.distractors),
    }
