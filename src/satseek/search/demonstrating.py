"""The made-up county → an indexed collection, searched with words and checked against its truth.

Knows neither the terminal nor the model's runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.imagery.county import (
    GENERATOR_VERSION,
    CountyManifest,
    Truth,
    make_county,
    read_manifest,
    read_truth,
    truth_shares,
)
from satseek.search.searching import search
from satseek.search.sheets import SheetChip, SheetRow
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Index
    from satseek.types import Chip, Hit

RIGHT_SHARE = 0.2
"""A chip shows a class where it is the largest of the chip, or covers at least this share of it:
rivers, beaches and runways are narrower than a chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoQuery:
    """Words and the class of the county's truth that they mean."""

    text: str
    """What is asked."""
    cover: str
    """Land cover that answers it."""


DEMO_QUERIES = tuple(
    DemoQuery(text=text, cover=cover)
    for text, cover in (
        ("storage tanks", "storage_tanks"),
        ("planes parked at an airport", "airport"),
        ("ships in a harbour", "harbour"),
        ("a solar farm", "solar_farm"),
        ("a quarry", "quarry"),
        ("an open-pit mine in the forest", "mine"),
        ("flooded fields", "flooded_fields"),
        ("a dense residential area", "dense_housing"),
        ("a river", "river"),
        ("a sandy beach", "beach"),
        ("a forest", "forest"),
        ("farmland", "farmland"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedHit:
    """A hit and what the truth says of its place on its date."""

    hit: Hit
    """What was found."""
    true_class: str
    """Largest land cover of the chip."""
    true_share: float
    """Share of the chip that the class asked covers, 0–1."""
    right: bool
    """Whether the chip shows the class asked; see ``RIGHT_SHARE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswer:
    """One query of the demonstration and its hits."""

    query: DemoQuery
    """What was asked."""
    hits: tuple[CheckedHit, ...]
    """Best first."""
    seconds: float
    """From text to hits."""

    @property
    def precision(self) -> float:
        """Share of the hits that are right, 0–1."""
        return sum(one.right for one in self.hits) / max(len(self.hits), 1)

    def row(self) -> SheetRow:
        """Lay out for the contact sheet."""
        chips = (
            SheetChip(
                chip_id=one.hit.chip.id,
                caption=f"{one.hit.rank}. {one.true_class.replace('_', ' ')}",
                verdict="right" if one.right else "wrong",
            )
            for one in self.hits
        )
        title = f"“{self.query.text}”   precision@{len(self.hits)} {self.precision:.1f}"
        return SheetRow(title=title, chips=tuple(chips))


class CountyTruth:
    """Ground truth of a county at all its dates, asked chip by chip."""

    def __init__(self, by_date: Mapping[str, Truth]) -> None:
        """Take the truth of each date, keyed as ``2024-06-02``."""
        self._by_date = by_date

    @classmethod
    def read(cls, folder: Path) -> CountyTruth:
        """Read what ``make_county`` wrote beside its scenes."""
        truth = read_manifest(folder).truth
        return cls({date: read_truth(folder / path) for date, path in truth.items()})

    def shares(self, chip: Chip) -> dict[str, float]:
        """Share of the chip by land cover on its date, largest first; empty outside the county."""
        if chip.footprint is None or chip.datetime is None:
            return {}
        truth = self._by_date.get(chip.datetime.date().isoformat())
        return truth_shares(truth, chip.footprint) if truth else {}


def county_at(
    folder: Path,
    *,
    seed: int = 0,
    size: int = 8192,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> CountyManifest:
    """Make the county in ``folder``, or take the one that is there if it is the one wanted."""
    if (folder / "county.json").is_file():
        manifest = read_manifest(folder)
        asked = (seed, GENERATOR_VERSION, size, size)
        found = (manifest.seed, manifest.generator_version, manifest.width, manifest.height)
        if found == asked:
            return manifest
    return make_county(folder, seed=seed, width=size, height=size, on_progress=on_progress)


def ask_county(
    queries: Sequence[DemoQuery],
    *,
    truth: CountyTruth,
    index: Index,
    embedder: Embedder,
    k: int = 10,
) -> list[CheckedAnswer]:
    """Search the county with words and hold every hit against the truth of its place and date."""
    answers = []
    for query in queries:
        answer = search(Query(text=query.text, k=k), index=index, embedder=embedder)
        hits = tuple(_checked(hit, query.cover, truth) for hit in answer.hits)
        answers.append(CheckedAnswer(query=query, hits=hits, seconds=answer.seconds))
    return answers


def _checked(hit: Hit, cover: str, truth: CountyTruth) -> CheckedHit:
    shares = truth.shares(hit.chip)
    largest = next(iter(shares), "outside the county")
    share = shares.get(cover, 0.0)
    right = largest == cover or share >= RIGHT_SHARE
    return CheckedHit(hit=hit, true_class=largest, true_share=share, right=right)
