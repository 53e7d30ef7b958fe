"""A collection, labels and a folder → maps, tables, findings and a report of its land use.

Does not know where the imagery came from, nor who asks. What is killed is run again: the same
collection gives the same files and findings, and what people decided on findings stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, get_args

from satseek.errors import InvalidRequest
from satseek.index.checks import check_name
from satseek.monitor.labels.labelling import label_vectors
from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.finishing import Done, Writing
from satseek.monitor.landuse.images import images_of
from satseek.monitor.landuse.landuse import land_use, read_ground
from satseek.monitor.landuse.tables import image_rows
from satseek.monitor.landuse.writing import LIST, write_rows
from satseek.monitor.reports.report import Language
from satseek.monitor.runs.folders import OutFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.monitor.landuse.districts import District
    from satseek.monitor.landuse.finishing import Stores
    from satseek.search.glossary import Glossary
    from satseek.types import Vectors

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
        if self.language not in get_args(Language):
            known = " or ".join(get_args(Language))
            raise InvalidRequest(f"language: expected {known}, came {self.language!r}")
        odd = [one for one in self.reports if one not in REPORTS]
        if odd:
            raise InvalidRequest(f"reports: expected {' or '.join(REPORTS)}, came {odd[0]!r}")


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
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Done:
    """Say what every place was, and write it all down.

    Args:
        asked: What is to be done.
        collection: The imagery, to show scenes again.
        index: One generation of it.
        embedder: Of the model that made its vectors.
        stores: Where findings, pictures and samples are kept.
        out: Folder of the files; made where it is missing.
        made_at: When, timezone-aware: stands in the report.
        glossary: Chinese words; None: the shipped ones.
        known: Vectors (1, dim) of prompts that are not to be embedded as they are written.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: no chip passes the filter.
        InvalidFilter, EmptyText, Untranslatable, ModelMismatch: as ``land_use``.
        DependencyMissing: a PDF, and what writes it is not installed.
        DiskFull: there is no room; what was kept before is whole.
    """
    looked = label_vectors(asked.labels, embedder=embedder, glossary=glossary, known=known or {})
    images = tuple(images_of(index, looked, where=asked.choices.where))
    if not images:
        raise InvalidRequest("no land use: no chip of the collection passes the filter")
    ground = read_ground(index, asked.choices)
    found = None
    if not ground.is_nothing:
        found = land_use(
            index,
            labels=asked.labels,
            embedder=embedder,
            glossary=glossary,
            known=known,
            choices=asked.choices,
            ground=ground,
            looked=looked,
            on_progress=on_progress,
        )
    folder = OutFolder(out, LIST)
    folder.add("images.csv", "one line an image", make=partial(write_rows, image_rows(images)))
    if found is None:
        folder.finish({"name": asked.name, "collection": index.spec.name, "images": len(images)})
        return Done(folder=out, files=folder.files, images=images)
    writing = Writing(
        asked=asked,
        found=found,
        collection=collection,
        index=index,
        stores=stores,
        folder=folder,
        on_progress=on_progress,
    )
    return writing.finished(images, made_at)
