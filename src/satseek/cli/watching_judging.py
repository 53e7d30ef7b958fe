"""``satseek watch feedback`` and ``report``: what a watch has learnt, and how far to trust it.

Knows only the verbs.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, assembly
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.cli.recording import command_line, operator, recorded
from satseek.cli.watching import Name, group
from satseek.cli.watching_showing import expected_rows, held_rows
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.assemble import Assembly
    from satseek.monitor.reports.report import Language
    from satseek.monitor.reports.writing import Written
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.tools import WatchTools
    from satseek.monitor.watch.watch import Watch

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@group.command()
def feedback(
    context: typer.Context,
    name: Name,
    *,
    like: Annotated[
        list[str] | None,
        typer.Option(metavar="COLLECTION/CHIP", help="Chip that shows it; may be repeated."),
    ] = None,
    dislike: Annotated[
        list[str] | None,
        typer.Option(metavar="COLLECTION/CHIP", help="Chip that does not; may be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a watch more examples, and tell what it expects by all answers that there are.

    Findings that were confirmed or rejected (`satseek findings confirm`) count by themselves.

    Example: satseek watch feedback mines --like county/scene_1/32633_1_256_x12y7
    """
    from satseek.jobs.watching import opened_watches  # noqa: PLC0415
    from satseek.monitor.watch.judging import expect  # noqa: PLC0415

    both = sorted(set(like or ()) & set(dislike or ()))
    if both:
        raise InvalidRequest(f"chip {both[0]!r} is liked and disliked")
    with closing(assembly(context)) as parts:
        if like or dislike:
            with (
                opened_watches(parts.settings) as watches,
                recorded(context, "watch.feedback", name),
            ):
                watches.answer(name, like or (), "liked", who=operator().name)
                watches.answer(name, dislike or (), "disliked", who=operator().name)
        with _opened(parts, name) as (watch, tools):
            learnt = expect(watch, tools)
    if json:
        told = {"confirmed": learnt.right, "rejected": learnt.wrong, "missed": learnt.missed}
        print_json({"watch": name, **told, "cut": learnt.cut})
        return
    print_table(("of the next run", "value"), expected_rows(learnt))


@group.command()
def report(
    context: typer.Context,
    name: Name,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write, .html or .pdf.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Polygons of what is there, to measure the watch on.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(help="Day of which they are true. [default: the latest one]")
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Measure the watch on what people answered.")
    ] = False,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    json: Json = False,
) -> None:
    """Measure a watch on ground held out from it, and write its report.

    Example: satseek watch report mines --truth known.geojson --out mines.html
    """
    from satseek.imagery.outlines import read_outline  # noqa: PLC0415
    from satseek.monitor.reports.writing import check_report_path  # noqa: PLC0415
    from satseek.monitor.watch.judging import judge  # noqa: PLC0415

    if out is None and truth is None and not answers:
        raise InvalidRequest("nothing asked for: give --out FILE, --truth FILE or --answers")
    if truth is not None and answers:
        raise InvalidRequest("give --truth or --answers, not both")
    said = _language(language)
    if out is not None:
        check_report_path(out)
    with closing(assembly(context)) as parts, _opened(parts, name) as (watch, tools):
        held = None
        if truth is not None or answers:
            polygons = None if truth is None else read_outline(truth)
            held = judge(watch, tools, truth=polygons, day=day)
        written = None
        if out is not None:
            written = _write(parts, name, held=held, out=out, language=said)
    if json:
        print_json({"watch": name, "held_out": held, "report": written})
        return
    if held is not None:
        print_table(("on ground held out", "value"), held_rows(held))
    if out is not None:
        say(f"wrote {out}")


@contextmanager
def _opened(parts: Assembly, name: str) -> Iterator[tuple[Watch, WatchTools]]:
    """Lend a watch, and what it takes to ask it something."""
    from satseek.jobs.watching import opened_watches, tools_for  # noqa: PLC0415
    from satseek.monitor.opening import opened_findings  # noqa: PLC0415

    with (
        opened_watches(parts.settings) as watches,
        closing(opened_findings(parts.settings)) as findings,
    ):
        watch = watches.get(name)
        yield watch, tools_for(watch, parts, watches=watches, findings=findings)


def _write(
    parts: Assembly, name: str, *, held: HeldOut | None, out: Path, language: Language
) -> Written:
    from satseek.assemble.reporting import report_of  # noqa: PLC0415
    from satseek.monitor.findings.keeping import FindingFilter  # noqa: PLC0415

    with progress_bar("writing") as show:
        return report_of(
            out,
            FindingFilter(kinds=("watch",), sources=(name,)),
            parts=parts,
            operator=operator().name,
            command=command_line(),
            language=language,
            held_out=held,
            on_progress=lambda done, total: show("", done, total),
        )


def _language(said: str) -> Language:
    for one in LANGUAGES:
        if one == said:
            return one
    raise InvalidRequest(f"language: expected one of {', '.join(LANGUAGES)}, came {said!r}")
