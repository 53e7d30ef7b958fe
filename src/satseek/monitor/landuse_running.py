"""A collection, labels and a folder → maps, tables, findings and a report of its land use.

Does not know where the imagery came from, nor who asks. What is killed is run again: the same
collection gives the same files and findings, and what people decided on findings stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.index.checks import check_name
from satseek.monitor.labelling import LabelSet, label_vectors
from satseek.monitor.landuse import Choices, land_use, read_ground
from satseek.monitor.landuse_areas import areas_by_class
from satseek.monitor.landuse_changes import find_changes
from satseek.monitor.landuse_districts import areas_by_district
from satseek.monitor.landuse_findings import KIND, findings_of
from satseek.monitor.landuse_images import images_of
from satseek.monitor.landuse_report import Material, land_use_report
from satseek.monitor.landuse_tables import area_rows, change_rows, district_rows, image_rows
from satseek.monitor.landuse_writing import OutFolder, write_changes, write_maps, write_rows
from satseek.monitor.reports.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.findings import Finding
    from satseek.monitor.keeping import Findings
    from satseek.monitor.landuse import LandUse, OnProgress
    from satseek.monitor.landuse_districts import District, DistrictAreas
    from satseek.monitor.landuse_images import ImageLandUse
    from satseek.monitor.landuse_maps import ClassMaps
    from satseek.monitor.landuse_writing import OutFile
    from satseek.monitor.pictures import Pictures
    from satseek.monitor.reports.report import Language, Section
    from satseek.search.glossary import Glossary
    from satseek.types import Scene, Vectors

REPORTS = ("html", "pdf")
"""What a report can be written as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a land-use run is to do."""

    name: str
    """Of the run: its findings have it as their source, so that the same name goes on."""
    labels: LabelSet
    """What places may be."""
    choices: Choices = field(default_factory=Choices)
    """How they are read."""
    districts: tuple[District, ...] = ()
    """Whose areas are told; empty: none's."""
    notes: tuple[str, ...] = ()
    """What was odd about what was asked, a line each; stands in the report."""
    reports: tuple[str, ...] = ("html",)
    """As what the report is written: of `REPORTS`; empty: not at all."""
    language: Language = "en"
    """Of the report."""
    operator: str = ""
    """Who asks."""
    command: str = ""
    """What was typed or asked."""

    def __post_init__(self) -> None:
        check_name(self.name)
        odd = [one for one in self.reports if one not in REPORTS]
        if odd:
            raise InvalidRequest(f"reports: expected {' or '.join(REPORTS)}, came {odd[0]!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where what was found is kept."""

    findings: Findings
    """The data folder's findings."""
    pictures: Pictures
    """The pictures beside them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """What came of a run."""

    folder: Path
    """Where its files lie."""
    files: tuple[OutFile, ...]
    """All of them."""
    images: tuple[ImageLandUse, ...]
    """One line an image."""
    found: LandUse | None
    """What each place was; None: nothing has a date and lies on the ground, so that there is
    nothing but the table of images."""
    findings: tuple[Finding, ...]
    """What became something else."""
    news: int
    """Findings that are new or say something new."""
    districts: DistrictAreas | None
    """Areas by district; None: none were asked for."""


def run_land_use(
    asked: Asked,
    *,
    collection: Collection,
    index: Pinned,
    embedder: Embedder,
    stores: Stores,
    out: Path,
    made_at: datetime,
    glossary: Glossary | None = None,
    known: Mapping[str, Vectors] | None = None,
    accuracy: Sequence[Section] = (),
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Done:
    """Say what every place was, and write it all down.

    Args:
        asked: What is to be done.
        collection: The imagery, to show scenes again.
        index: One generation of it.
        embedder: Of the model that made its vectors.
        stores: Where findings and pictures are kept.
        out: Folder of the files; made where it is missing.
        made_at: When, timezone-aware: stands in the report.
        glossary: Chinese words; None: the shipped ones.
        known: Vectors (1, dim) of prompts that are not to be embedded as they are written.
        accuracy: Sections of the report on what a labelled sample says of the map.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: no chip passes the filter.
        InvalidFilter, EmptyText, Untranslatable, ModelMismatch: as ``land_use``.
        DependencyMissing: a PDF, and what writes it is not installed.
        DiskFull: there is no room; what was kept before is whole.
    """
    choices = asked.choices
    looked = label_vectors(
        asked.labels, embedder=embedder, glossary=glossary, known=known or {}
    )
    images = tuple(images_of(index, looked, where=choices.where))
    if not images:
        raise InvalidRequest("no land use: no chip of the collection passes the filter")
    folder = OutFolder(out)
    folder.add("images.csv", "one line an image", make=lambda at: write_rows(image_rows(images), at))
    ground = read_ground(index, choices)
    if ground.is_nothing:
        folder.finish({"name": asked.name, "collection": index.spec.name, "images": len(images)})
        return _of_images(folder, images)
    found = land_use(
        index,
        labels=asked.labels,
        embedder=embedder,
        glossary=glossary,
        known=known,
        choices=choices,
        ground=ground,
        on_progress=on_progress,
    )
    areas = areas_by_district(found, asked.districts) if asked.districts else None
    _write_tables(found, areas, folder)
    maps = write_maps(found, folder, on_progress=on_progress)
    changes = find_changes(found)
    findings = tuple(
        _counted(
            findings_of(
                changes,
                found=found,
                source=asked.name,
                index=index,
                collection=collection,
                pictures=stores.pictures,
            ),
            len(changes),
            on_progress,
        )
    )
    write_changes(findings, found, folder)
    news = _keep(findings, asked.name, stores.findings)
    material = Material(
        name=asked.name,
        found=found,
        changes=tuple(changes),
        findings=findings,
        maps=maps,
        districts=areas,
        spec=index.spec,
        scenes=_scenes(found, collection),
        pictures=stores.pictures,
        operator=asked.operator,
        command=asked.command,
        made_at=made_at,
        language=asked.language,
        accuracy=tuple(accuracy),
        notes=asked.notes,
    )
    _write_reports(material, asked.reports, folder, on_progress)
    folder.finish(_summary(asked, found, images, findings))
    return Done(
        folder=out,
        files=folder.files,
        images=images,
        found=found,
        findings=findings,
        news=news,
        districts=areas,
    )


def _of_images(folder: OutFolder, images: tuple[ImageLandUse, ...]) -> Done:
    return Done(
        folder=folder.folder,
        files=folder.files,
        images=images,
        found=None,
        findings=(),
        news=0,
        districts=None,
    )


def _write_tables(found: LandUse, areas: DistrictAreas | None, folder: OutFolder) -> None:
    tables = {
        "areas.csv": ("hectares of each class at each date", area_rows(found)),
        "changes.csv": ("hectares of what became of what", change_rows(found)),
    }
    if areas is not None:
        tables["districts.csv"] = ("hectares of each class by district", district_rows(areas))
    for name, (about, rows) in tables.items():
        folder.add(name, about, make=lambda at, own=rows: write_rows(own, at))


def _counted(
    findings: Iterable[Finding], count: int, on_progress: OnProgress
) -> Iterable[Finding]:
    for at, one in enumerate(findings):
        on_progress("keeping pictures of what changed", at, count)
        yield one


def _keep(findings: Sequence[Finding], source: str, store: Findings) -> int:
    """Keep findings and flag those that are no longer found, at once or not at all."""
    with store.changing() as change:
        kept = change.keep(findings)
        gone = change.withdraw(kind=KIND, source=source, found=[one.id for one in findings])
    return len(kept) + len(gone)


def _scenes(found: LandUse, collection: Collection) -> tuple[Scene, ...]:
    ids = sorted({scene for one in found.series.occasions for scene in one.scenes})
    return tuple(collection.scene(one) for one in ids)


def _write_reports(
    material: Material, kinds: Sequence[str], folder: OutFolder, on_progress: OnProgress
) -> None:
    if not kinds:
        return
    report = land_use_report(material)
    for kind in kinds:

        def told(done: int, total: int, kind: str = kind) -> None:
            on_progress(f"writing report.{kind}", done, total)

        folder.add(
            f"report.{kind}",
            "the report",
            make=lambda at, told=told: write_report(report, at, on_progress=told),
        )


def _summary(
    asked: Asked,
    found: LandUse,
    images: Sequence[ImageLandUse],
    findings: Sequence[Finding],
) -> Mapping[str, object]:
    areas = areas_by_class(found)
    return {
        "name": asked.name,
        "collection": found.collection,
        "model": found.model,
        "label_set": found.labels.name,
        "label_set_digest": found.labels.digest,
        "dates": found.dates,
        "cells": len(found.cells),
        "images": len(images),
        "areas_ha": {
            date: {
                name: round(float(area), 4) for name, area in zip(found.names, own, strict=True)
            }
            for date, own in zip(found.dates, areas, strict=True)
        },
        "changes": len(findings),
        "changes_ha": round(sum((one.area_m2 or 0.0) for one in findings) / 10_000, 4),
    }
