"""What standard doors call their collections ⇄ a collection and what of it is told.

``county`` holds scenes, ``county.chips`` chips, ``county.search`` what words find. A collection
whose own name ends like that keeps its name: what would be derived under it is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from satseek.errors import CollectionNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from satseek.service.access.principals import Principal
    from satseek.service.running import Running

T = TypeVar("T")

Kind: TypeAlias = Literal["scenes", "chips", "search"]

SUFFIXES: dict[Kind, str] = {"scenes": "", "chips": ".chips", "search": ".search"}
"""What is put behind a collection's name."""

TITLES: dict[Kind, str] = {
    "scenes": "{}: scenes",
    "chips": "{}: chips",
    "search": "{}: what words find",
}

DESCRIPTIONS: dict[Kind, str] = {
    "scenes": "The scenes of the collection {!r}: images as they were acquired.",
    "chips": "The chips of the collection {!r}: squares of its scenes that can be searched.",
    "search": "The chips of the collection {!r} that fit the words of the parameter q, or a saved "
    "concept, best first; none without either. Scores are the model's, none is a probability.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A collection, and what of it a standard door tells."""

    name: str
    """Name of the collection."""
    kind: Kind
    """What of it."""

    @property
    def id(self) -> str:
        """What the door calls it."""
        return self.name + SUFFIXES[self.kind]

    @property
    def scenes(self) -> Told:
        """The scenes of the same collection."""
        return Told(name=self.name, kind="scenes")

    @property
    def title(self) -> str:
        """A few words for people."""
        return TITLES[self.kind].format(self.name)

    @property
    def description(self) -> str:
        """One or two sentences for people."""
        return DESCRIPTIONS[self.kind].format(self.name)


def told(names: Sequence[str], kinds: Sequence[Kind]) -> list[Told]:
    """List what a door tells of collections, by collection and kind.

    Args:
        names: The collections that somebody sees, sorted.
        kinds: What the door tells of each.
    """
    known = set(names)
    every = [Told(name=name, kind=kind) for name in names for kind in kinds]
    return [one for one in every if one.kind == "scenes" or one.id not in known]


def there(told: Sequence[Told], show: Callable[[Told], T]) -> list[T]:
    """Show several; one that is removed meanwhile is left out."""
    found = []
    for one in told:
        try:
            found.append(show(one))
        except CollectionNotFound:
            continue
    return found


def find(asked: str, kinds: Sequence[Kind], *, shared: Running, who: Principal) -> Told:
    """Find what a door calls so, among what somebody sees.

    Raises:
        CollectionNotFound: there is none for them; names those that there are.
    """
    every = told(shared.collections(who), kinds)
    for one in every:
        if one.id == asked:
            return one
    known = ", ".join(one.id for one in every) or "none yet: make one with `satseek index`"
    raise CollectionNotFound(f"no collection {asked!r}; there are: {known}")
