"""``satseek findings``: what was found, listed, shown, looked through, handed on.

Knows only the findings' verbs; what people decide has its own file.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.asking import Area, AreaCrs, BoundingBox, End, Start, filter_of
from satseek.cli.exporting import WGS84, Crs, FormatName
from satseek.cli.findings_showing import history_rows, rows, shown, table
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import operator
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.keeping import FindingFilter, Findings
    from satseek.types import Filter

group = typer.Typer(help="Look through findings, decide, hand them on.", no_args_is_help=True)
app.add_typer(group, name="findings")

Id = Annotated[str, typer.Argument(help="Id of the finding, or its first digits.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="landuse, watch or damage; may be repeated.")
]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Watch, run or assessment; may be repeated.")
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", help="new, assigned, confirmed, rejected, closed; may be repeated."),
]
Labels = Annotated[list[str] | None, typer.Option("--label", help="Label; may be repeated.")]
Flags = Annotated[
    list[str] | None, typer.Option("--flag", help="Such as outside-permit; all must be there.")
]
Assignee = Annotated[
    str | None, typer.Option(help="Who looks at it; '' for those that nobody does.")
]
Look = Annotated[bool, typer.Option("--look", help="Open its pictures, too.")]

LISTED = 20
"""Findings listed unless more are asked for."""


@group.command("list")
def list_(
    context: typer.Context,
    *,
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
    order: Annotated[str, typer.Option(help="newest or urgent.")] = "newest",
    number: Annotated[int, typer.Option("-n", min=1, help="So many.")] = LISTED,
    after: Annotated[str, typer.Option(help="Where the list before ended.")] = "",
    json: Json = False,
) -> None:
    """List findings, and how many there are of each state.

    Example: satseek findings list --state new --order urgent
    """
    where = _where(
        kinds=kind,
        sources=source,
        states=state,
        labels=label,
        flags=flag,
        assignee=assignee,
        ground=filter_of(bbox=bbox, area=area, area_crs=area_crs, start=start, end=end),
    )
    with opened(context) as findings:
        page = findings.page(
            where,
            order=order,  # type: ignore[arg-type]  # it says which there are
            after=after,
            limit=number,
        )
        counts = findings.counts(where)
    if json:
        listed = [shown(one) for one in page.findings]
        print_json({"findings": listed, "next": page.next, "counts": counts})
        return
    table(page.findings)
    say(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no findings")
    if page.next:
        say(f"there are more: --after {page.next}")


@group.command()
def show(context: typer.Context, finding: Id, *, look: Look = False, json: Json = False) -> None:
    """Show a finding, its pictures of both dates and all that was ever done with it.

    Example: satseek findings show 3f9ac2 --look
    """
    with opened(context) as findings:
        _show(context, findings, findings.get(finding), look=look, json=json)


@group.command("next")
def next_(
    context: typer.Context,
    *,
    kind: Kinds = None,
    source: Sources = None,
    label: Labels = None,
    flag: Flags = None,
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    look: Look = False,
    json: Json = False,
) -> None:
    """Give you the next finding to look at: one that you have, or the most urgent new one.

    Example: satseek findings next --source mines --look
    """
    from satseek.monitor.findings.reviewing import next_for  # noqa: PLC0415 (help must not wait for it)

    where = _where(
        kinds=kind,
        sources=source,
        labels=label,
        flags=flag,
        ground=filter_of(bbox=bbox, area=area, area_crs=area_crs, start=None, end=None),
    )
    check_data_dir(configured(context).settings)
    with opened(context) as findings:
        found = next_for(operator().name, findings, where=where)
        if found is not None:
            _show(context, findings, found, look=look, json=json)
            return
    say("nothing waits to be looked at")
    if json:
        print_json(None)


@group.command()
def export(
    context: typer.Context,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File; `satseek formats` lists them.")],
    format: FormatName = None,  # noqa: A002 (what everybody calls it)
    crs: Crs = WGS84,
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
    json: Json = False,
) -> None:
    """Write findings into a file, whole or not at all.

    Example: satseek findings export --out mines.gpkg --source mines --state confirmed
    """
    from satseek.monitor.findings.exporting import write_findings  # noqa: PLC0415

    where = _where(
        kinds=kind,
        sources=source,
        states=state,
        labels=label,
        flags=flag,
        assignee=assignee,
        ground=filter_of(bbox=bbox, area=area, area_crs=area_crs, start=start, end=end),
    )
    with opened(context) as findings:
        count = write_findings(findings, out, where=where, format=format, crs=crs)
    if json:
        print_json({"findings": count, "file": str(out)})
    else:
        say(f"wrote {count} findings into {out}")


@group.command()
def verify(context: typer.Context, *, json: Json = False) -> None:
    """Read all findings, their history and their pictures, and tell what is damaged.

    Example: satseek findings verify
    """
    with opened(context) as findings:
        wrong, count = findings.verify(), sum(findings.counts().values())
    if json:
        print_json({"findings": count, "damaged": wrong})
    for line in [] if json else wrong:
        say(f"  {line}")
    if wrong:
        raise DamagedData(f"findings: {len(wrong)} damaged; restore them from a backup")
    if not json:
        say(f"{count} findings, all as they were written")


@contextmanager
def opened(context: typer.Context) -> Iterator[Findings]:
    """Lend the findings of the data folder."""
    from satseek.monitor.opening import opened_findings  # noqa: PLC0415

    with closing(opened_findings(configured(context).settings)) as findings:
        yield findings


def _where(
    *,
    ground: Filter,
    kinds: Sequence[str] | None,
    sources: Sequence[str] | None,
    labels: Sequence[str] | None,
    flags: Sequence[str] | None,
    states: Sequence[str] | None = None,
    assignee: str | None = None,
) -> FindingFilter:
    from satseek.monitor.findings.keeping import FindingFilter  # noqa: PLC0415

    return FindingFilter(
        kinds=tuple(kinds or ()),  # type: ignore[arg-type]  # the store says which there are
        sources=tuple(sources or ()),
        states=tuple(states or ()),  # type: ignore[arg-type]  # likewise
        labels=tuple(labels or ()),
        flags=tuple(flags or ()),
        assignee=assignee,
        area=ground.area,
        start=ground.start,
        end=ground.end,
    )


def _show(
    context: typer.Context, findings: Findings, found: Finding, *, look: bool, json: bool
) -> None:
    from satseek.monitor.findings.describing import described_step  # noqa: PLC0415
    from satseek.monitor.findings.finding import SIDES  # noqa: PLC0415
    from satseek.monitor.opening import opened_pictures  # noqa: PLC0415

    pictures = opened_pictures(configured(context).settings)
    digests = [digest for side in SIDES for digest in found.pictures(side)]
    paths = {digest: str(pictures.path(digest)) for digest in digests}
    steps = findings.history(found.id)
    if json:
        told: dict[str, Any] = shown(found) | {"pictures": paths}
        print_json(told | {"history": [described_step(one) for one in steps]})
    else:
        print_table(["what", "value"], rows(found, paths))
        typer.echo()
        print_table(["when", "who", "what", "state", "assignee", "comment"], history_rows(steps))
    for path in paths.values() if look else ():
        typer.launch(path)
