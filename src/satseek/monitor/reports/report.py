"""A document before it is written: what was found, what to do next, and where it all comes from.

Knows neither HTML nor PDF, nor how findings come about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.monitor.reports.blocks import Block, Tone

Language: TypeAlias = Literal["en", "zh"]
"""English, or simplified Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A figure to remember, on the first page."""

    name: str
    """What is counted or measured."""
    value: str
    """With its unit."""
    note: str = ""
    """Beside it: of how many, since when, plus or minus."""
    tone: Tone = "plain"
    """How it is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part with a title."""

    title: str
    """Also in the contents, if the section stands at the top."""
    blocks: tuple[Block, ...] = ()
    """In order."""
    sections: tuple[Section, ...] = ()
    """Parts of it, behind its blocks."""
    begins_page: bool = False
    """True: on paper it begins a page, as a claim sheet does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneUsed:
    """A scene on which the report rests."""

    id: str
    """As in the collection."""
    date: datetime | None
    """Acquisition, UTC; None where unknown."""
    digest: str
    """Of its file, as it was indexed."""
    role: str = ""
    """``before``, ``after``, or what else it was for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A cut that decided what is in the report."""

    name: str
    """What is cut."""
    value: str
    """Where, with its unit."""
    origin: str
    """How it came about: a quantile of the background, feedback, what somebody asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a report comes from: enough to make it again, and to object to it."""

    made_at: datetime
    """When, timezone-aware: the only thing that differs when the same is reported again."""
    operator: str
    """Who asked for it."""
    software: str
    """``satseek`` and its version."""
    inputs_digest: str
    """SHA-256 over what went in; see `digest_of_inputs`."""
    collection: str = ""
    """Collection; empty: several or none."""
    model: str = ""
    """``name@version`` of what made the vectors; empty: none took part."""
    recipe: str = ""
    """``name`` and version of how samples became colours."""
    grid: str = ""
    """CRS, edge and step of the cells, with units."""
    command: str = ""
    """What was typed or asked."""
    prompts: tuple[tuple[str, str], ...] = ()
    """Label or concept, and its prompts."""
    thresholds: tuple[Threshold, ...] = ()
    """Every cut."""
    scenes: tuple[SceneUsed, ...] = ()
    """All of them, by date."""
    facts: tuple[tuple[str, str], ...] = ()
    """What else somebody needs to know to make it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A document before it is written."""

    title: str
    """What it is about: place and subject."""
    subtitle: str
    """Period, and whose question it answers."""
    next_step: str
    """One paragraph on the first page: what the reader should do now, where, and in which order."""
    provenance: Provenance
    """Where it comes from."""
    sections: tuple[Section, ...] = ()
    """In order."""
    headlines: tuple[Headline, ...] = ()
    """A few figures for the first page."""
    actions: tuple[str, ...] = ()
    """Below that paragraph, as a numbered list: single steps."""
    limits: tuple[str, ...] = ()
    """What the report cannot say, and what to be careful about; on the first page, too."""
    language: Language = "en"
    """Of its texts; renderers' own words follow."""

    def __post_init__(self) -> None:
        for name in ("title", "next_step"):
            if not getattr(self, name).strip():
                raise InvalidRequest(f"a report needs its {name.replace('_', ' ')}, came nothing")
        if self.provenance.made_at.tzinfo is None:
            raise InvalidRequest("a report's date needs a time zone, came a date without one")
