"""A hazard, or labels of somebody's own → labels that say which of them are damage.

Does not know vectors. What a label means is its property ``state``:

- ``affected``: damage, whenever it is seen.
- ``new``: damage where it was not before, such as open water; with imagery after the event alone it
  counts as sound, as nobody can tell since when it is there.
- ``sound``: no damage. “None of these” is sound, too.
- ``hidden``: the ground was not seen: cloud, smoke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np

from satseek.errors import InvalidConfig, InvalidRequest
from satseek.monitor.labels.files import find_labels, preset_names
from satseek.monitor.labels.labelling import Label, LabelSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

State: TypeAlias = Literal["affected", "new", "sound", "hidden"]

STATES: Final[tuple[State, ...]] = get_args(State)
STATE: Final = "state"
"""Property of a label."""

_PREFIX: Final = "disaster_"

CLOUD: Final = Label(
    name="cloud",
    prompts=("clouds", "thick white clouds"),
    names={"en": "Cloud", "zh": "云"},
    properties={STATE: "hidden", "examples": "clouds"},
)
"""What hides the ground where nobody says what does; see `clouds`."""


def hazards() -> tuple[str, ...]:
    """Name the hazards that labels are shipped for, in alphabetical order."""
    known = (name for name in preset_names() if name.startswith(_PREFIX))
    return tuple(name.removeprefix(_PREFIX) for name in known)


def hazard_labels(ref: str, *, folder: Path) -> LabelSet:
    """Give the labels of a hazard, or of a file of somebody's own.

    Args:
        ref: One of `hazards`, or a JSON or TOML file; see `labels.files`.
        folder: What a relative path starts from.

    Raises:
        InvalidRequest: there is no such hazard.
        FolderNotFound, InvalidConfig: there is no such file, or its labels cannot be.
    """
    if ref in hazards():
        return checked(find_labels(_PREFIX + ref, folder=folder))
    if not ref.endswith((".json", ".toml")):
        known = ", ".join(hazards())
        raise InvalidRequest(
            f"expected a hazard of {known}, or a file of labels, came {ref[:64]!r}"
        )
    return checked(find_labels(ref, folder=folder))


def own_damage_labels(
    *, affected: Sequence[str], sound: Sequence[str], hidden: Sequence[str] = ()
) -> LabelSet:
    """Read labels as they are written at a terminal: ``name`` or ``name=prompt;prompt``.

    Raises:
        EmptyText, InvalidRequest, InvalidConfig: labels that cannot be, or none of a kind needed.
    """
    written: tuple[tuple[State, Sequence[str]], ...] = (
        ("affected", affected),
        ("sound", sound),
        ("hidden", hidden),
    )
    labels = [_label(text, state) for state, texts in written for text in texts]
    return checked(LabelSet(name="own", labels=tuple(labels if hidden else [*labels, CLOUD])))


def checked(labels: LabelSet) -> LabelSet:
    """Give labels back if damage can be told by them.

    Raises:
        InvalidConfig: a label without a state, or none that is affected, or none that is sound.
    """
    for label in labels.labels:
        if label.properties.get(STATE) not in STATES:
            raise InvalidConfig(
                f"label {label.name!r} of {labels.name}: expected the property state to be one of "
                f"{', '.join(STATES)}, came {str(label.properties.get(STATE))[:40]!r}"
            )
    states = {label.properties[STATE] for label in labels.labels}
    if "affected" not in states:
        raise InvalidConfig(
            f"labels {labels.name}: expected one with the state affected, came none"
        )
    if "sound" not in states and not labels.distractors:
        raise InvalidConfig(f"labels {labels.name}: expected one with the state sound, came none")
    return labels


def having(labels: LabelSet, names: Sequence[str], states: Iterable[State]) -> NDArray[np.bool_]:
    """Mark the classes that have one of some states, shape (classes,).

    Args:
        labels: The set.
        names: Classes as `LabelVectors.names` has them, “none of these” included, which is sound.
        states: Which.
    """
    wanted = set(states)
    found = (labels.label(name) for name in names)
    return np.array(
        [("sound" if one is None else one.properties[STATE]) in wanted for one in found]
    )


def _label(text: str, state: State) -> Label:
    name, _, said = text.partition("=")
    prompts = tuple(one.strip() for one in said.split(";") if one.strip())
    return Label(name=name.strip(), prompts=prompts or (name.strip(),), properties={STATE: state})
