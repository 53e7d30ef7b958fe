"""A report → one HTML page that needs nothing else: no script, no outside address.

Knows nothing of how findings came about. Every text is foreign and goes through ``safe``. The page
comes in pieces, so that hundreds of images are never in memory together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.digesting import digest_of_report
from satseek.monitor.reports.html_blocks import block_pieces
from satseek.monitor.reports.html_style import STYLE
from satseek.monitor.reports.palette import SIGNS
from satseek.monitor.reports.provenance import made_line, provenance_section
from satseek.monitor.reports.texts import prose, safe
from satseek.monitor.reports.words import TAGS, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.reports.pieces import Told
    from satseek.monitor.reports.report import Headline, Report, Section

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load for the page (Content Security Policy Level 3): what is in it."""

_DEEPEST = 4
"""Of headings: below that, sections look alike."""


def page_pieces(report: Report, told: Told) -> Iterator[str]:
    """Write the page, a piece at a time; what goes missing on the way is noted in ``told``."""
    yield from _head(report)
    yield _first_words(report)
    sections = (*report.sections, provenance_section(report, digest=digest_of_report(report)))
    yield _contents(sections, report)
    yield '<div id="report">'
    for number, section in enumerate(sections, 1):
        yield from _section(section, f"{number}", told, depth=2)
    yield "</div></main></body></html>\n"


def _head(report: Report) -> Iterator[str]:
    yield (
        f'<!doctype html>\n<html lang="{TAGS[report.language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="{safe(report.provenance.software)}">'
        f"<title>{safe(report.title)}</title><style>{STYLE}</style></head><body>"
        f'<a class="skip" href="#report">{word("skip", report.language)}</a><main class="sheet">'
    )


def _first_words(report: Report) -> str:
    """All that a reader who stops after the first page has to know."""
    made = report.provenance
    language = report.language
    parts = [
        (
            f"<header><h1>{safe(report.title)}</h1>"
            f'<p class="subtitle">{safe(report.subtitle)}</p>'
            f'<p class="made">{safe(made_line(made, language))}</p></header>'
        ),
        _next_step(report),
    ]
    if report.headlines:
        tiles = "".join(_tile(one) for one in report.headlines)
        parts.append(f'<dl class="tiles">{tiles}</dl>')
    if report.limits:
        lines = "".join(f"<li>{prose(one)}</li>" for one in report.limits)
        title = word("limits", language)
        parts.append(
            f'<section class="limits" aria-labelledby="limits"><h2 id="limits">{title}</h2>'
            f"<ul>{lines}</ul></section>"
        )
    return "".join(parts)


def _next_step(report: Report) -> str:
    steps = "".join(f"<li>{prose(one)}</li>" for one in report.actions)
    listed = f"<ol>{steps}</ol>" if steps else ""
    return (
        '<section class="next" aria-labelledby="next">'
        f'<h2 id="next">{word("next", report.language)}</h2>'
        f"<p>{prose(report.next_step)}</p>{listed}</section>"
    )


def _tile(one: Headline) -> str:
    sign = f"{SIGNS[one.tone]} " if SIGNS[one.tone] else ""
    more = f'<dd class="more">{safe(one.note)}</dd>' if one.note else ""
    return (
        f'<div class="tile"><dt>{safe(one.name)}</dt>'
        f'<dd class="value {one.tone}">{sign}{safe(one.value)}</dd>{more}</div>'
    )


def _contents(sections: tuple[Section, ...], report: Report) -> str:
    lines = "".join(
        f'<li><a href="#s{number}">{safe(section.title)}</a>{_parts(section, number, report)}</li>'
        for number, section in enumerate(sections, 1)
    )
    title = word("contents", report.language)
    return (
        f'<nav class="card" aria-labelledby="contents"><h2 id="contents">{title}</h2>'
        f"<ol>{lines}</ol></nav>"
    )


def _parts(section: Section, number: int, report: Report) -> str:
    """Lead to the parts of a section, such as a hundred claim sheets, once somebody opens them."""
    if not section.sections:
        return ""
    links = "".join(
        f'<li><a href="#s{number}-{at}">{safe(part.title)}</a></li>'
        for at, part in enumerate(section.sections, 1)
    )
    told = word("parts", report.language, count=len(section.sections))
    return f"<details><summary>{told}</summary><ol>{links}</ol></details>"


def _section(section: Section, number: str, told: Told, *, depth: int) -> Iterator[str]:
    level = min(depth, _DEEPEST)
    name = f"s{number.replace('.', '-')}"
    begins = ' class="begins-page"' if section.begins_page else ""
    yield (
        f'<section{begins} id="{name}" aria-labelledby="{name}t">'
        f'<h{level} id="{name}t">{number}. {safe(section.title)}</h{level}>'
    )
    for block in section.blocks:
        yield from block_pieces(block, told, level=min(level + 1, 6))
    for at, part in enumerate(section.sections, 1):
        yield from _section(part, f"{number}.{at}", told, depth=depth + 1)
    yield "</section>"
