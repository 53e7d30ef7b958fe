"""Samples, places and honest areas → what is printed of them, and files.

Knows the nouns alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.cli.printing import print_table, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.areas.estimating import AreaEstimates, LabelArea
    from satseek.monitor.areas.intervals import Estimate
    from satseek.monitor.reports.report import Language
    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.sample import Sample

HECTARE = 10_000.0
"""Square metres."""

MAX_ANSWERS = 30
"""Labels listed for who answers; of two dates there are as many as pairs of classes."""


def sample_facts(sample: Sample) -> dict[str, Any]:
    """Tell a sample as JSON has it."""
    return {
        "name": sample.name,
        "collection": sample.collection,
        "subject": sample.subject,
        "unit": sample.unit,
        "seed": sample.seed,
        "opinions": sample.opinions,
        "labels": sample.labels,
        "strata": [
            {
                "name": one.name,
                "area_m2": one.area_m2,
                "cells": one.cells,
                "drawn": sample.sizes.get(one.name, 0),
            }
            for one in sample.strata
        ],
        "made": sample.made,
        "map": sample.told,
    }


def show_sample(sample: Sample) -> None:
    """Print how a sample was drawn."""
    rows = [
        [
            one.name,
            f"{one.area_m2 / HECTARE:,.1f}",
            "–" if one.cells is None else str(one.cells),
            str(sample.sizes.get(one.name, 0)),
        ]
        for one in sample.strata
    ]
    print_table(["stratum", "area (ha)", "cells", f"{sample.unit}s to judge"], rows)
    say(
        f"{sum(sample.sizes.values())} places of {sample.subject} are drawn; judge them with "
        f"`satseek landuse answer {sample.name}`, or fill in a table: --out places.csv"
    )


def place_facts(place: Place, sample: Sample) -> dict[str, Any]:
    """Tell a place as who judges it may see it: not what the map says of it."""
    return {
        "place": place.id,
        "cell": place.cell,
        "subject": sample.subject,
        "point": place.point,
        "footprint": place.footprint,
        "chips": place.chips,
        "answers": sample.labels,
    }


def show_place(place: Place, sample: Sample, pictures: Sequence[Path]) -> None:
    """Print the next place to be judged."""
    rows = [["of", sample.subject]]
    if place.point is not None:
        rows.append(["point", f"{place.point[1]:.6f}, {place.point[0]:.6f}"])
    rows += [["chip", chip] for chip in place.chips]
    rows += [["picture", str(path)] for path in pictures]
    print_table(["place", place.id], rows)
    if 0 < len(sample.labels) <= MAX_ANSWERS:
        say(f"what is it? {', '.join(sample.labels)}, or 'cannot tell'")
    say(f"satseek landuse answer {sample.name} '{place.id}' LABEL")


def write_pictures(place: Place, collection: Collection, folder: Path) -> list[Path]:
    """Write the pictures of a place into a folder, earliest first; returns those that there are."""
    from satseek.monitor.samples.pictures import pictures_of  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, one in enumerate(pictures_of(place, collection=collection), start=1):
        if one.jpeg is not None:
            day = "undated" if one.datetime is None else f"{one.datetime:%Y-%m-%d}"
            path = folder / f"{number}_{day}.jpg"
            path.write_bytes(one.jpeg)
            paths.append(path)
    return paths


def show_areas(found: AreaEstimates) -> None:
    """Print accuracy and areas."""
    head = ["class", "map (ha)", "estimated (ha)", "95 % from", "to", "user's", "producer's"]
    print_table(head, [_area_row(one) for one in found.classes])
    overall = found.overall
    say(
        f"overall accuracy {overall.value:.1%} ({overall.low:.1%} to {overall.high:.1%}), from "
        f"{found.judged} judged places"
    )
    for note in found.notes:
        say(f"note: {note.said()}")


def write_areas(
    found: AreaEstimates, sample: Sample, path: Path, *, language: Language, operator: str
) -> None:
    """Write areas as a table, or as a report where the file's name ends in .html or .pdf.

    Raises:
        InvalidRequest: no such kind of file.
        DependencyMissing: it needs a package that is not installed.
        DiskFull, FolderNotFound: it cannot be written.
    """
    if path.suffix.lower() in {".html", ".pdf"}:
        from satseek.monitor.areas.reporting import areas_report  # noqa: PLC0415
        from satseek.monitor.reports.writing import write_report  # noqa: PLC0415

        write_report(areas_report(found, sample, language=language, operator=operator), path)
        return
    from satseek.export.feature import Feature  # noqa: PLC0415
    from satseek.export.formats import write  # noqa: PLC0415

    write(
        [
            Feature(id=one.label, geometry=None, properties=_area_facts(one))
            for one in found.classes
        ],
        path,
    )


def _area_row(one: LabelArea) -> list[str]:
    area = one.area_m2.scaled(1 / HECTARE)
    mapped = "–" if one.mapped_m2 is None else f"{one.mapped_m2 / HECTARE:,.1f}"
    numbers = [f"{value:,.1f}" for value in (area.value, area.low, area.high)]
    return [one.label, mapped, *numbers, _share(one.users), _share(one.producers)]


def _share(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.1%} (≥ {estimate.low:.1%})"


def _area_facts(one: LabelArea) -> Mapping[str, Any]:
    area = one.area_m2.scaled(1 / HECTARE)
    facts: dict[str, Any] = {
        "map_ha": None if one.mapped_m2 is None else one.mapped_m2 / HECTARE,
        "estimated_ha": area.value,
        "standard_error_ha": area.standard_error,
        "low_ha": area.low,
        "high_ha": area.high,
    }
    for name, estimate in (("users", one.users), ("producers", one.producers)):
        for part in ("value", "standard_error", "low", "high"):
            key = f"{name}_accuracy" if part == "value" else f"{name}_{part}"
            facts[key] = None if estimate is None else getattr(estimate, part)
    return facts | {"mapped_places": one.mapped_places, "judged_places": one.reference_places}
