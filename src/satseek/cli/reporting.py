"""``satseek report``: findings, and what became of them → one file for people who decide.

Knows only the use-case.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.asking import (
    Area,
    AreaCrs,
    BoundingBox,
    End,
    Start,
    filter_of,
    four_of,
    outline_of,
)
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.findings import Assignee, Flags, Kinds, Labels, Sources, States
from satseek.cli.printing import print_json, progress_bar, say
from satseek.cli.recording import command_line, operator
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.monitor.findings.keeping import FindingFilter
    from satseek.monitor.reports.writing import Written

group = typer.Typer(
    help="Write findings and decisions into one file: HTML or PDF.", no_args_is_help=True
)
app.add_typer(group, name="report")

Out = Annotated[Path, typer.Option("--out", "-o", help="File to write: .html or .pdf.")]
Language = Annotated[str, typer.Option(help="Of the report: en or zh.")]
Title = Annotated[str, typer.Option(help="Of the report. [default: by what is asked for]")]
Fonts = Annotated[
    list[Path] | None,
    typer.Option("--font", help="Font file that a PDF takes first; may be repeated."),
]
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="Only of this one; unset: of any.")
]
Names = Annotated[
    list[str] | None, typer.Argument(help="Of what found them; unset: all of this kind.")
]

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was typed; fields by the names that a job has for them."""

    out: Path
    language: str
    title: str
    fonts: tuple[Path, ...]
    collection: str = ""
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    assignee: str | None = None
    bbox: str | None = None
    area: str | None = None
    area_crs: str | None = None
    start: str | None = None
    end: str | None = None

    def fields(self) -> dict[str, Any]:
        """Give the fields of the task."""
        area = None if self.area is None else outline_of(self.area, self.area_crs)
        told = {
            "out": self.out,
            "language": self.language,
            "title": self.title,
            "fonts": self.fonts,
            "collection": self.collection,
            "kinds": self.kinds,
            "sources": self.sources,
            "states": self.states,
            "labels": self.labels,
            "flags": self.flags,
            "assignee": self.assignee,
            "bbox": None if self.bbox is None else four_of(self.bbox),
            "area": area,
            "area_crs": self.area_crs if self.area is None else None,
            "start": self.start,
            "end": self.end,
        }
        return {name: value for name, value in told.items() if value not in (None, (), "")}

    def filter(self) -> FindingFilter:
        """Give the filter."""
        from satseek.monitor.findings.keeping import FindingFilter  # noqa: PLC0415

        ground = filter_of(
            bbox=self.bbox,
            area=self.area,
            area_crs=self.area_crs,
            start=self.start,
            end=self.end,
        )
        return FindingFilter(
            kinds=self.kinds,  # type: ignore[arg-type]  # the store says which there are
            sources=self.sources,
            collections=(self.collection,) if self.collection else (),
            states=self.states,  # type: ignore[arg-type]  # likewise
            labels=self.labels,
            flags=self.flags,
            assignee=self.assignee,
            area=ground.area,
            start=ground.start,
            end=ground.end,
        )


@group.command()
def findings(
    context: typer.Context,
    *,
    out: Out,
    collection: Collection = None,
    kind: Kinds = None,
    source: Sources = None,
    state: States = None,
    label: Labels = None,
    flag: Flags = None,
    assignee: Assignee = None,
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    language: Language = "en",
    title: Title = "",
    font: Fonts = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Report any findings: what to do next, a map, both images of each, decisions, provenance.

    Example: satseek report findings --state new --state assigned --out to-do.pdf
    """
    asked = _Asked(
        out=out,
        language=language,
        title=title,
        fonts=tuple(font or ()),
        collection=collection or "",
        kinds=tuple(kind or ()),
        sources=tuple(source or ()),
        states=tuple(state or ()),
        labels=tuple(label or ()),
        flags=tuple(flag or ()),
        assignee=assignee,
        bbox=bbox,
        area=area,
        area_crs=area_crs,
        start=start,
        end=end,
    )
    _report(context, asked, detach=detach, priority=priority, key=key, json=json)


@group.command()
def landuse(
    context: typer.Context,
    names: Names = None,
    *,
    out: Out,
    state: States = None,
    language: Language = "en",
    title: Title = "",
    font: Fonts = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Report the changes that land-use runs found, and what became of them.

    Areas and class maps are in the report that `satseek landuse` itself writes.

    Example: satseek report landuse county --out changes.html
    """
    asked = _of_kind(
        "landuse", names, out=out, state=state, language=language, title=title, font=font
    )
    _report(context, asked, detach=detach, priority=priority, key=key, json=json)


@group.command()
def watch(
    context: typer.Context,
    names: Names = None,
    *,
    out: Out,
    state: States = None,
    language: Language = "en",
    title: Title = "",
    font: Fonts = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Report the sites that watches found, and what became of them.

    Example: satseek report watch mines --state new --out mines.pdf --language zh
    """
    asked = _of_kind(
        "watch", names, out=out, state=state, language=language, title=title, font=font
    )
    _report(context, asked, detach=detach, priority=priority, key=key, json=json)


@group.command()
def assess(
    context: typer.Context,
    names: Names = None,
    *,
    out: Out,
    state: States = None,
    language: Language = "en",
    title: Title = "",
    font: Fonts = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Report the parcels that assessments found affected, and what became of them.

    Sums and claim sheets are in the report that `satseek assess` itself writes.

    Example: satseek report assess flood-2025 --state confirmed --out affected.pdf
    """
    asked = _of_kind(
        "damage", names, out=out, state=state, language=language, title=title, font=font
    )
    _report(context, asked, detach=detach, priority=priority, key=key, json=json)


def _of_kind(
    kind: str,
    names: list[str] | None,
    *,
    out: Path,
    state: list[str] | None,
    language: str,
    title: str,
    font: list[Path] | None,
) -> _Asked:
    return _Asked(
        out=out,
        language=language,
        title=title,
        fonts=tuple(font or ()),
        kinds=(kind,),
        sources=tuple(names or ()),
        states=tuple(state or ()),
    )


def _report(
    context: typer.Context,
    asked: _Asked,
    *,
    detach: bool,
    priority: int | None,
    key: str | None,
    json: bool,
) -> None:
    from satseek.monitor.reports.writing import check_report_path  # noqa: PLC0415

    if asked.language not in LANGUAGES:
        raise InvalidRequest(
            f"--language: expected {' or '.join(LANGUAGES)}, came {asked.language[:20]!r}"
        )
    check_report_path(asked.out)
    if wants_job(detach, priority=priority, key=key):
        task = asked_of("report", asked.fields())
        detached(context, task, priority=priority, key=key, json=json)
        return
    written = _written(context, asked)
    if json:
        print_json(written)
    else:
        _tell(written)


def _written(context: typer.Context, asked: _Asked) -> Written:
    from satseek.assemble.reporting import report_of  # noqa: PLC0415

    with closing(assembly(context)) as parts, progress_bar("report") as show:
        return report_of(
            asked.out,
            asked.filter(),
            parts=parts,
            operator=operator().name,
            command=command_line(),
            language=asked.language,  # type: ignore[arg-type]  # checked
            title=asked.title,
            fonts=asked.fonts,
            on_progress=lambda done, total: show("", done, total),
        )


def _tell(written: Written) -> None:
    pages = "" if written.pages is None else f", {written.pages} pages"
    say(f"wrote {written.path}{pages}, {written.images} images, {written.bytes:,} bytes")
    if written.missing_images:
        say(f"  {written.missing_images} images are gone; the report says where")
    if written.missing_characters:
        say(
            f"  no font at hand has {written.missing_characters}: they are boxes; name a font with "
            "--font, or write HTML"
        )
    say(f"  what it says: {written.digest}")
    say(f"  the file: SHA-256 {written.sha256}")
