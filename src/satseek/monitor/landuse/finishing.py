"""What each place was at each date → files, findings and a report, and what came of it all.

Does not know how anything was found. Findings are kept before the list of files says it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from satseek.monitor.findings.keeping import FindingFilter
from satseek.monitor.findings.known import KnownFindings
from satseek.monitor.landuse.accuracy import accuracy_sections
from satseek.monitor.landuse.areas import areas_by_class
from satseek.monitor.landuse.changes import find_changes
from satseek.monitor.landuse.districts import areas_by_district
from satseek.monitor.landuse.findings import KIND, findings_of
from satseek.monitor.landuse.knowing import named_changes
from satseek.monitor.landuse.report import Material, land_use_report
from satseek.monitor.landuse.tables import area_rows, change_rows, district_rows
from satseek.monitor.landuse.writing import write_changes, write_maps, write_rows
from satseek.monitor.reports.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.monitor.landuse.districts import DistrictAreas
    from satseek.monitor.landuse.images import ImageLandUse
    from satseek.monitor.landuse.knowing import NamedChange
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.running import Asked
    from satseek.monitor.reports.report import Section
    from satseek.monitor.runs.folders import OutFile, OutFolder
    from satseek.monitor.samples.keeping import Samples
    from satseek.types import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where what was found is kept."""

    findings: Findings
    """The data folder's findings."""
    pictures: Pictures
    """The pictures beside them."""
    samples: Samples
    """Samples of maps that people judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """What came of a run."""

    folder: Path
    """Where its files lie."""
    files: tuple[OutFile, ...]
    """All of them."""
    images: tuple[ImageLandUse, ...]
    """One line an image."""
    found: LandUse | None = None
    """What each place was; None: nothing has a date and lies on the ground, so that there is
    nothing but the table of images."""
    findings: tuple[Finding, ...] = ()
    """What became something else."""
    news: int = 0
    """Findings that are new or say something new."""
    districts: DistrictAreas | None = None
    """Areas by district; None: none were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Writing:
    """What was found on its way into files and stores."""

    asked: Asked
    found: LandUse
    collection: Collection
    index: Pinned
    stores: Stores
    folder: OutFolder
    on_progress: OnProgress

    def finished(self, images: tuple[ImageLandUse, ...], made_at: datetime) -> Done:
        """Write everything down; findings are kept before the list of files says it is done."""
        asked, found = self.asked, self.found
        areas = areas_by_district(found, asked.districts) if asked.districts else None
        self._tables(areas)
        maps = write_maps(found, self.folder, on_progress=self.on_progress)
        changes = self._named()
        findings = tuple(self._findings(changes))
        write_changes(findings, found, self.folder)
        news = self._keep(findings)
        material = Material(
            name=asked.name,
            found=found,
            changes=tuple(one.change for one in changes),
            findings=findings,
            maps=maps,
            districts=areas,
            spec=self.index.spec,
            scenes=self._scenes(),
            pictures=self.stores.pictures,
            operator=asked.operator,
            command=asked.command,
            made_at=made_at,
            language=asked.language,
            accuracy=self._accuracy(),
            notes=asked.notes,
        )
        self._reports(material)
        self.folder.finish(_summary(asked, found, images, findings))
        return Done(
            folder=self.folder.folder,
            files=self.folder.files,
            images=images,
            found=found,
            findings=findings,
            news=news,
            districts=areas,
        )

    def _tables(self, areas: DistrictAreas | None) -> None:
        tables = {
            "areas.csv": ("hectares of each class at each date", area_rows(self.found)),
            "changes.csv": ("hectares of what became of what", change_rows(self.found)),
        }
        if areas is not None:
            tables["districts.csv"] = ("hectares of each class by district", district_rows(areas))
        for name, (about, rows) in tables.items():
            self.folder.add(name, about, make=partial(write_rows, rows))

    def _named(self) -> Sequence[NamedChange]:
        """Find what changed, and what of it this run has told of before."""
        found, source = self.found, self.asked.name
        where = FindingFilter(kinds=(KIND,), sources=(source,), collections=(found.collection,))
        known = KnownFindings(self.stores.findings.all(where))
        return named_changes(find_changes(found), dates=found.dates, source=source, known=known)

    def _findings(self, changes: Sequence[NamedChange]) -> Iterator[Finding]:
        made = findings_of(
            changes,
            found=self.found,
            source=self.asked.name,
            index=self.index,
            collection=self.collection,
            pictures=self.stores.pictures,
        )
        for at, one in enumerate(made, start=1):
            self.on_progress("keeping pictures of what changed", at, len(changes))
            yield one

    def _keep(self, findings: Sequence[Finding]) -> int:
        """Keep findings and flag those that are no longer found, at once or not at all."""
        ids, source = [one.id for one in findings], self.asked.name
        with self.stores.findings.changing() as change:
            kept = change.keep(findings)
            gone = change.withdraw(kind=KIND, source=source, found=ids)
        return len(kept) + len(gone)

    def _scenes(self) -> tuple[Scene, ...]:
        occasions = self.found.series.occasions
        ids = sorted({scene for one in occasions for scene in one.scenes})
        return tuple(self.collection.scene(one) for one in ids)

    def _accuracy(self) -> tuple[Section, ...]:
        found, samples = self.found, self.stores.samples
        language = self.asked.language
        return tuple(accuracy_sections(found, index=self.index, samples=samples, language=language))

    def _reports(self, material: Material) -> None:
        if not self.asked.reports:
            return
        report = land_use_report(material)
        for kind in self.asked.reports:
            shown = partial(self.on_progress, f"writing report.{kind}")
            make = partial(write_report, report, on_progress=shown)
            self.folder.add(f"report.{kind}", "the report", make=make)


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
            date: {name: round(float(area), 4) for name, area in zip(found.names, own, strict=True)}
            for date, own in zip(found.dates, areas, strict=True)
        },
        "changes": len(findings),
        "changes_ha": round(sum((one.area_m2 or 0.0) for one in findings) / 10_000, 4),
    }
