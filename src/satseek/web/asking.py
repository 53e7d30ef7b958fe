"""What stands in the form → a query, and an address that asks the same again.

Knows neither the page's elements nor the index.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from satseek.errors import InvalidRequest
from satseek.search.filtering import read_filter
from satseek.service.messages import MAX_EXAMPLES, MAX_TEXT
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.types import GeoJSON, Pixels

KS = (12, 24, 48, 96)
"""Numbers of hits offered."""

DEFAULT_K = 24


@dataclass(slots=True, kw_only=True)
class Form:
    """What the person has entered so far."""

    collection: str | None = None
    """Collection chosen; None: there is none."""
    text: str = ""
    """Words; empty: none."""
    image: Pixels | None = None
    """Image given; None: none."""
    image_name: str = ""
    """Its file name."""
    liked: list[str] = field(default_factory=list)
    """Ids of chips that show what is looked for."""
    disliked: list[str] = field(default_factory=list)
    """Ids of chips that do not."""
    area: GeoJSON | None = None
    """Polygon drawn; None: anywhere."""
    start: str = ""
    """Earliest date as ``2024-05-01``; empty: any."""
    end: str = ""
    """Latest date, inclusive; empty: any."""
    k: int = DEFAULT_K
    """Hits wanted."""

    def asks(self) -> bool:
        """Tell whether there is anything to look for."""
        return bool(self.text.strip() or self.image is not None or self.liked)

    def query(self) -> Query:
        """Make the query.

        Raises:
            InvalidFilter: the dates or the area cannot be.
            InvalidRequest: more words or chips than the API takes.
        """
        if len(self.text) > MAX_TEXT:
            raise InvalidRequest(f"expected at most {MAX_TEXT} letters, came {len(self.text)}")
        if max(len(self.liked), len(self.disliked)) > MAX_EXAMPLES:
            came = f"came {len(self.liked)} and {len(self.disliked)}"
            raise InvalidRequest(f"expected at most {MAX_EXAMPLES} chips liked or disliked, {came}")
        return Query(
            text=self.text.strip() or None,
            image=self.image,
            liked=tuple(self.liked),
            disliked=tuple(self.disliked),
            where=read_filter(area=self.area, start=self.start or None, end=self.end or None),
            k=self.k,
        )

    def only(self, chip_id: str) -> None:
        """Look for what a chip shows, and for nothing else."""
        self.text, self.image, self.image_name = "", None, ""
        self.liked, self.disliked = [chip_id], []

    def like(self, chip_id: str) -> None:
        """Look for more of what a chip shows."""
        self.drop(chip_id)
        self.liked.append(chip_id)

    def dislike(self, chip_id: str) -> None:
        """Look for less of what a chip shows."""
        self.drop(chip_id)
        self.disliked.append(chip_id)

    def drop(self, chip_id: str) -> None:
        """Forget what was said of a chip."""
        self.liked = [one for one in self.liked if one != chip_id]
        self.disliked = [one for one in self.disliked if one != chip_id]

    def forget_chips(self) -> None:
        """Drop what belongs to one collection only: another one has other chips."""
        self.liked, self.disliked = [], []

    def address(self) -> str:
        """Return the part after ``?`` that asks the same; an image or area has no address."""
        fields: dict[str, object] = {
            "collection": self.collection,
            "q": self.text.strip(),
            "like": self.liked,
        }
        fields |= {"dislike": self.disliked, "start": self.start, "end": self.end}
        fields |= {"k": self.k if self.k != DEFAULT_K else None}
        return urlencode({name: value for name, value in fields.items() if value}, doseq=True)


def form_from(address: Mapping[str, Sequence[str]], *, collections: Sequence[str]) -> Form:
    """Fill the form from an address; what makes no sense there is left at its default."""

    def first(name: str) -> str:
        return next(iter(address.get(name, ())), "")

    named = first("collection")
    default = "default" if "default" in collections else next(iter(collections), None)
    k = first("k")
    return Form(
        collection=named if named in collections else default,
        text=first("q"),
        liked=list(address.get("like", ())),
        disliked=list(address.get("dislike", ())),
        start=first("start"),
        end=first("end"),
        k=int(k) if k in {str(one) for one in KS} else DEFAULT_K,
    )
